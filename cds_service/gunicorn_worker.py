"""gunicorn's threaded worker, with three changes.

Hook calls that would find no place are turned away before a thread takes them (`threshold`), and a
connection on which nothing was said yet takes no thread. What cannot be read as HTTP is answered
with an OperationOutcome, like every other error, and nothing of it reaches the log. And a worker
that is being stopped closes its door: gunicorn's own leaves the listener open while it drains, so
that callers connect and are dropped at the end.
"""

from __future__ import annotations

import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from cds_service.edge import edge_of
from cds_service.errors import http_outcome
from cds_service.raw_answer import raw
from cds_service.threshold import Threshold, Verdict

_STATUS = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
    errors.InvalidResponseHeader: 500,
    errors.InvalidResponseHeaderName: 500,
}


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker that sheds load early, speaks FHIR in its own errors and closes its door.

    All but `handle` and `handle_error` runs in its main thread.
    """

    _threshold: Threshold
    _inside = 0

    def load_wsgi(self) -> None:
        """Load the application, and what is asked before it."""
        super().load_wsgi()
        self._threshold = Threshold(edge_of(self.wsgi), self.cfg.threads)

    def notify(self) -> None:
        """Called at every turn of the main loop, at least once a second."""
        super().notify()
        self._threshold.tell()
        edge_of(self.wsgi).client.tidy()

    def enqueue_req(self, conn: Any) -> None:
        """Something may have arrived on a connection that no poller watches."""
        verdict = self._judge(conn)
        if verdict is Verdict.NOTHING_YET and self.alive:
            self._park(conn)
        elif verdict is Verdict.TURNED_AWAY:
            self._keep(conn)
            self.poller.register(
                conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn)
            )
        elif verdict is Verdict.GONE:
            self._drop(conn)
        else:
            self._let_in(conn, verdict)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Something has arrived on a kept connection; who is turned away stays with the poller."""
        self.keepalived_conns.remove(conn)
        verdict = self._judge(conn)
        if verdict is Verdict.TURNED_AWAY:
            self._keep(conn)
            return
        self.poller.unregister(client)
        if verdict is Verdict.GONE:
            self._drop(conn)
        else:
            self._let_in(conn, verdict)

    def handle(self, conn: Any) -> Any:
        """A thread takes a connection."""
        if not conn.is_expected:
            return super().handle(conn)
        with edge_of(self.wsgi).admission.expected():
            return super().handle(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """A thread is done with a connection."""
        self._inside -= 1
        super().finish_request(conn, fs)

    def _judge(self, conn: Any) -> Verdict:
        """What was read ahead with the last request, and what TLS hides, is not judged."""
        if self.cfg.is_ssl or (conn.parser and conn.parser.unreader.buf.getvalue()):
            return Verdict.COME_IN
        return self._threshold.judge(conn.sock, self._inside)

    def _let_in(self, conn: Any, verdict: Verdict) -> None:
        conn.is_expected = verdict is Verdict.COME_IN_EXPECTED
        conn.data_ready = verdict is not Verdict.NOTHING_YET
        self._inside += 1
        super().enqueue_req(conn)

    def _park(self, conn: Any) -> None:
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(
            conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def _keep(self, conn: Any) -> None:
        conn.set_timeout()
        if not self.alive:
            _shorten(conn)
        self.keepalived_conns.append(conn)

    def _drop(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answer what could not be parsed; an exception of the application is logged by class."""
        status = status_of(exc)
        if status == 500:
            edge_of(self.wsgi).log.fault(exc)
        try:
            util.write_nonblock(client, raw(http_outcome(status), closes=True))
        except OSError:
            return  # The caller has gone.

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also take what is already waiting, then close the listeners, once it is the end."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            self._close_the_door()

    def _close_the_door(self) -> None:
        for conn in self.pending_conns:
            _shorten(conn)
        for listener in self.sockets:
            listener.setblocking(False)
            waiting = -1
            while waiting < self.nr_conns:
                waiting = self.nr_conns
                self.accept(listener)
            listener.close()


def _shorten(conn: Any) -> None:
    """A worker that ends waits for idle connections as briefly as gunicorn's own does."""
    conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)


def status_of(error: Exception) -> int:
    """The HTTP status of an exception of gunicorn's parser; 500 for any other."""
    if type(error) in _STATUS:
        return _STATUS[type(error)]
    return 400 if isinstance(error, errors.ParseException) else 500
