"""gunicorn's threaded worker, with two changes.

What cannot be read as HTTP is answered with an OperationOutcome, like every other error, and
nothing of it reaches the log. And a worker that is being stopped closes its door: gunicorn's own
leaves the listener open while it drains, so that callers connect and are dropped at the end.
"""

from __future__ import annotations

import socket
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from cds_service.edge import edge_of
from cds_service.errors import http_outcome
from cds_service.web_headers import SECURITY

_STATUS = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
    errors.InvalidResponseHeader: 500,
    errors.InvalidResponseHeaderName: 500,
}


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker that speaks FHIR in its own errors and refuses connections while it drains."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answer what could not be parsed; an exception of the application is logged by class."""
        status = status_of(exc)
        if status == 500:
            edge_of(self.wsgi).log.fault(exc)
        try:
            util.write_nonblock(client, answer(status))
        except OSError:
            return  # The caller has gone.

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also take what is already waiting, then close the listeners, once it is the end."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            self._close_the_door()

    def _close_the_door(self) -> None:
        for listener in self.sockets:
            listener.setblocking(False)
            waiting = -1
            while waiting < self.nr_conns:
                waiting = self.nr_conns
                self.accept(listener)
            listener.close()


def status_of(error: Exception) -> int:
    """The HTTP status of an exception of gunicorn's parser; 500 for any other."""
    if type(error) in _STATUS:
        return _STATUS[type(error)]
    return 400 if isinstance(error, errors.ParseException) else 500


def answer(status: int) -> bytes:
    """A whole HTTP answer, as bytes."""
    response = http_outcome(status)
    headers = dict(response.headers) | SECURITY | {"Connection": "close"}
    lines = [
        f"HTTP/1.1 {response.status}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + response.get_data()
