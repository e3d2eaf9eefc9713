"""How gunicorn serves the application: threads, no access log, warm workers, an end without loss.

The application is loaded in each worker after the fork, so that no connection or thread is shared
between processes. The master checks settings and sign-off first: a wrong one ends the start with
its message instead of a row of failing workers. It also opens the port for figures, and on SIGTERM
turns readiness red before it stops; a second SIGTERM stops at once.

Workers are never replaced by age (`max_requests`): memory stays flat, and a new worker costs its
warm-up. Callers' headers about proxies are ignored: nothing here depends on them.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from typing import Any

from gunicorn.sock import TCP6Socket, TCPSocket

from cds_service import client_auth, drain, metrics_files, sign_off
from cds_service.config import SettingError, load

try:
    _settings = load()
    sign_off.required(_settings)
    client_auth.required(_settings)
except SettingError as problem:
    sys.exit(f"lm-cds: {problem}")
if _settings.metrics_bind is not None:
    metrics_files.prepare()

wsgi_app = "cds_service.wsgi:app"
worker_class = "cds_service.gunicorn_worker.Worker"
# More than the places of `admission`, so that calls over them are refused and do not queue here.
threads = 96
preload_app = False
reload = False
accesslog = None
# The warnings of gunicorn repeat request lines.
loglevel = "error"
control_socket_disable = True
timeout = 90
# Room for the longest call beside the way there and back.
graceful_timeout = max(8, _settings.deadline_ms // 1000 + 4)
keepalive = 75
# The main thread, which takes and refuses connections, must not wait long for its turn.
_SWITCH_SECONDS = 0.0002
# The longest path of ours has some 60 characters, the sandbox's searches a few hundred.
limit_request_line = 4094
limit_request_fields = 100
# A token of 8 KiB, and the word before it.
limit_request_field_size = 8192 + 256
forwarded_allow_ips = ""
_STALLED = struct.pack("ll", 10, 0)  # seconds, microseconds without a byte
if os.path.isdir("/dev/shm"):  # noqa: S108
    worker_tmp_dir = "/dev/shm"  # noqa: S108


def when_ready(server: Any) -> None:
    """Open the port for figures; turn readiness red before the end."""
    if _settings.metrics_bind is not None:
        _listen_for_figures(server, _settings.metrics_bind)
    signal.signal(signal.SIGALRM, lambda *_: server.signal(signal.SIGTERM, None))
    signal.signal(signal.SIGTERM, lambda *_: _drain(server))


def post_worker_init(worker: Any) -> None:
    """Warm up a new worker, then say once where to look."""
    # Loaded here: prometheus_client must not be loaded before its folder is named.
    from cds_service.warm_up import warm_up

    warm_up(worker.wsgi)
    sys.setswitchinterval(_SWITCH_SECONDS)
    for listener in worker.sockets:
        # Accepted connections inherit it: a client that stops sending frees its thread.
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _STALLED)
    if worker.age == 1:
        for listener in worker.sockets:
            _announce(listener)


def child_exit(_server: Any, worker: Any) -> None:
    """Forget what only a living worker can say; what it counted stays."""
    if _settings.metrics_bind is not None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    metrics_files.remove()


def _listen_for_figures(server: Any, address: tuple[str, int]) -> None:
    kind = TCP6Socket if ":" in address[0] else TCPSocket
    try:
        server.LISTENERS.append(kind(address, server.cfg, server.log))
    except OSError:
        metrics_files.remove()
        sys.exit("lm-cds: LM_CDS_METRICS_BIND: this address cannot be used")


def _drain(server: Any) -> None:
    if drain.begun() or _settings.drain_seconds == 0:
        server.signal(signal.SIGTERM, None)
    drain.begin()
    signal.setitimer(signal.ITIMER_REAL, _settings.drain_seconds)


def _announce(listener: Any) -> None:
    base = f"http://{_host(listener)}"
    if listener.getsockname()[:2] == _settings.metrics_bind:
        return
    page = f"; start page {base}/" if _settings.sandbox else ""
    print(f"Ready ({_settings.profile}): {base}/cds-services{page}", flush=True)


def _host(listener: Any) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
