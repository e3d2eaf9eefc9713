"""A certificate for `localhost` that nobody trusts unless told to, made by openssl once a run."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from functools import cache
from pathlib import Path


@cache
def certificate() -> Path:
    """The folder of `cert.pem` and `key.pem`. Raises OSError or CalledProcessError."""
    folder = Path(tempfile.mkdtemp(prefix="tls-"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return folder


def server_context() -> ssl.SSLContext:
    """The TLS side of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate() / "cert.pem", certificate() / "key.pem")
    return context
