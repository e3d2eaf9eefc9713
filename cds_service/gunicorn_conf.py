"""How gunicorn serves the application: threads, no access log, warm workers, quick end.

The application is loaded in each worker after the fork, so that no connection or thread is shared
between processes. The master checks settings and sign-off first: a wrong one ends the start with
its message instead of a row of failing workers.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Any

from cds_service import client_auth, sign_off
from cds_service.config import SettingError, load
from cds_service.warm_up import warm_up

try:
    _settings = load()
    sign_off.required(_settings)
    client_auth.required(_settings)
except SettingError as problem:
    sys.exit(f"lm-cds: {problem}")

wsgi_app = "cds_service.wsgi:app"
worker_class = "gthread"
# More than the places of `admission`, so that calls over them are refused and do not queue here.
threads = 96
preload_app = False
reload = False
accesslog = None
# The warnings of gunicorn repeat request lines.
loglevel = "error"
control_socket_disable = True
timeout = 90
graceful_timeout = 8
keepalive = 75
# A refusal must not wait long for its turn behind the calls that compute.
_SWITCH_SECONDS = 0.001
_STALLED = struct.pack("ll", 10, 0)  # seconds, microseconds without a byte
if os.path.isdir("/dev/shm"):  # noqa: S108
    worker_tmp_dir = "/dev/shm"  # noqa: S108


def post_worker_init(worker: Any) -> None:
    """Warm up a new worker, then say once where to look."""
    warm_up(worker.wsgi)
    sys.setswitchinterval(_SWITCH_SECONDS)
    for listener in worker.sockets:
        # Accepted connections inherit it: a client that stops sending frees its thread.
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _STALLED)
    if worker.age == 1:
        for listener in worker.sockets:
            _announce(f"http://{_host(listener)}")


def _announce(base: str) -> None:
    page = f"; start page {base}/" if _settings.sandbox else ""
    print(f"Ready ({_settings.profile}): {base}/cds-services{page}", flush=True)


def _host(listener: Any) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
