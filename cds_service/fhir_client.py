"""One HTTP exchange of FHIR JSON under an absolute deadline; only user of requests and urllib3.

Nothing raises: every request ends as an `HttpAnswer` that holds a JSON value, or the reason why
there is none. Redirects are not followed, cookies, proxies, `.netrc` and the environment are not
used, nothing is decompressed, no answer is read beyond its byte limit, and the bearer token lives
in the one request only. A request that meets a connection which the server has just closed is
sent once more; nothing else is repeated here. Only addresses that `network_policy` permits are
connected to.
Source: CDS Hooks 2.0.1, FHIR Resource Access; trust section of the design (redirects, drip, bombs).
"""

from __future__ import annotations

import logging
import queue
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import is_connection_dropped

from cds_service import strict_json
from cds_service.allowance import Allowance
from cds_service.clock import monotonic
from cds_service.deadline import Deadline
from cds_service.errors import BodyUnreadable
from cds_service.network_policy import Network
from cds_service.server_guard import ServerGuards
from cds_service.timed_socket import (
    TimedSocket,
    connect,
    flight,
    in_flight,
    tls_context,
)
from hooks.record import Reason, http_reason

P = ParamSpec("P")
T = TypeVar("T")
_CHUNK_BYTES = 65_536
_DRAIN_BYTES, _DRAIN_SECONDS = 65_536, 0.02
_TIDY_SECONDS = 1.0
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADERS = {
    "Accept-Encoding": "identity",
    # Servers may reuse the result of an equal search for a minute; a result of today counts.
    "Cache-Control": "no-cache",
    "User-Agent": "lm-cds-hooks",
}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The JSON value of a complete `200` answer, or the reason why there is none.

    `status` is the HTTP status where the server gave one; `unconnected` says that no connection
    to it was made.
    """

    value: Any = None
    reason: str | None = None
    status: int | None = None
    unconnected: bool = False


Observer = Callable[[str | None, float], None]


def _nobody(_reason: str | None, _seconds: float) -> None:
    """The observer of a client that nobody watches."""


class FhirClient:
    """Connections to FHIR servers and the threads that wait for them, one per process.

    Threads and connections start with the first request and do not survive a fork after it.
    `networks` may be connected to besides the global addresses; `guards` hold what is known about
    each server; `observer` hears how each reading ended (None: answered) and its seconds.
    """

    def __init__(
        self,
        max_answer_bytes: int,
        networks: Iterable[Network] = (),
        workers: int = 256,
        accept: str = "application/fhir+json",
        observer: Observer = _nobody,
    ) -> None:
        self._observer = observer
        self.guards = ServerGuards()
        self._accept = accept
        self._max_answer_bytes = max_answer_bytes
        self._networks = tuple(networks)
        self._tidy_at = 0.0
        self._adapter = _Adapter(pool_connections=32, pool_maxsize=workers, max_retries=0)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fhir")

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run work in one of the threads of this client."""
        return self._threads.submit(work, *args, **kwargs)

    def tidy(self) -> None:
        """Close idle connections that their servers have closed; at most once a second."""
        now = monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_SECONDS
            with _pools_lock:
                pools = list(_pools)
            for pool in pools:
                pool.tidy()

    def close(self) -> None:
        """Give up waiting work and close idle connections; running requests end in their time."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._adapter.close()

    def get(
        self,
        url: str,
        token: str | None,
        deadline: Deadline,
        allowance: Allowance | None = None,
    ) -> HttpAnswer:
        """Read one address. The deadline covers everything from the name look-up to the last byte.

        Reasons: `timeout`, `connection`, `redirect`, `http-NNN` for every status but 200,
        `not-json` (a compressed body is none), `too-large` (for one answer, or with `allowance`
        for all of a call); `not-allowed` for a token that is no HTTP token, and for a host
        without an address that may be connected to.
        """
        started = monotonic()
        answer = self._exchange(_Exchange(url, token, deadline, None, allowance))
        self._observer(answer.reason, monotonic() - started)
        return answer

    def post(self, url: str, body: bytes, token: str | None, deadline: Deadline) -> HttpAnswer:
        """Send FHIR JSON that may arrive twice, such as a transaction of PUT entries.

        Deadline and reasons are those of `get`.
        """
        return self._exchange(_Exchange(url, token, deadline, body))

    def _exchange(self, asked: _Exchange) -> HttpAnswer:
        if asked.token is not None and not _TOKEN.fullmatch(asked.token):
            return HttpAnswer(reason=Reason.NOT_ALLOWED)
        with in_flight(asked.deadline, self._networks):
            while not asked.deadline.passed():
                flight.forget()
                try:
                    return self._answer(asked)
                except (OSError, HTTPError, HTTPException, ValueError) as error:
                    closed_before = flight.reused and not flight.received
                    if not closed_before or isinstance(error, TimeoutError | requests.Timeout):
                        return _failure(error, asked.deadline)
            return HttpAnswer(reason=Reason.TIMEOUT)

    def _answer(self, asked: _Exchange) -> HttpAnswer:
        request = _request(asked, self._accept)
        seconds = max(asked.deadline.remaining(), 0.001)
        with self._adapter.send(request, stream=True, timeout=seconds, proxies={}) as response:
            if response.status_code != 200:
                _drain(response, asked.deadline)
                return _no_answer(response.status_code)
            received = _body(response, self._max_answer_bytes, asked.allowance)
        return _decoded(received)


@dataclass(frozen=True, slots=True, repr=False)
class _Exchange:
    """What to send and what may come back."""

    url: str
    token: str | None
    deadline: Deadline
    body: bytes | None
    allowance: Allowance | None = None


def _request(asked: _Exchange, accept: str) -> requests.PreparedRequest:
    """A GET, or with a body a POST."""
    headers = _HEADERS | {"Accept": accept}
    if asked.token is not None:
        headers["Authorization"] = f"Bearer {asked.token}"
    if asked.body is not None:
        headers["Content-Type"] = "application/fhir+json"
    method = "GET" if asked.body is None else "POST"
    return requests.Request(method, asked.url, headers, data=asked.body).prepare()


def _body(
    response: requests.Response, limit: int, allowance: Allowance | None = None
) -> bytes | None:
    """The body as sent; None where it is larger than the limit in bytes, or than what is left."""
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        return None
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > limit or not (allowance is None or allowance.take_bytes(len(chunk))):
            return None
    return bytes(body)


def _decoded(body: bytes | None) -> HttpAnswer:
    if body is None:
        return HttpAnswer(reason=Reason.TOO_LARGE, status=200)
    try:
        return HttpAnswer(strict_json.loads(body), status=200)
    except BodyUnreadable:
        return HttpAnswer(reason=Reason.NOT_JSON, status=200)


def _no_answer(status: int) -> HttpAnswer:
    reason = Reason.REDIRECT if 300 <= status < 400 else http_reason(status)
    return HttpAnswer(reason=reason, status=status)


def _drain(response: requests.Response, deadline: Deadline) -> None:
    """Read the rest of a short refusal so that the connection can be used again."""
    try:
        with in_flight(deadline.within(_DRAIN_SECONDS), ()):
            _body(response, _DRAIN_BYTES)
    except (OSError, HTTPError, HTTPException):
        response.close()


def _failure(error: Exception, deadline: Deadline) -> HttpAnswer:
    if flight.refused:
        return HttpAnswer(reason=Reason.NOT_ALLOWED)
    late = isinstance(error, TimeoutError | requests.Timeout) or deadline.passed()
    reason = Reason.TIMEOUT if late else Reason.CONNECTION
    return HttpAnswer(reason=reason, unconnected=not flight.reached)


class _Watched:
    """Notes whether a request went out on a connection that had served one before."""

    served = 0

    def connect(self: Any) -> None:
        self.served = 0
        super().connect()  # type: ignore[misc]

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        flight.reused = self.sock is not None and self.served > 0
        flight.reached |= flight.reused
        super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self: Any) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self.served += 1
        return response

    def _new_conn(self: Any) -> TimedSocket:
        return connect(self._dns_host, self.port)


class _Connection(_Watched, HTTPConnection):
    pass


class _TLSConnection(_Watched, HTTPSConnection):
    pass


_pools: WeakSet[_Tidy] = WeakSet()
"""The pools of this process; urllib3 counts it as use to look one up."""
_pools_lock = threading.Lock()


class _Tidy:
    """A pool that can give up what its server has closed."""

    pool: queue.LifoQueue[HTTPConnection | None] | None
    port: int | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with _pools_lock:
            _pools.add(self)

    def tidy(self) -> None:
        """Close idle connections that are of no more use; None in their place is a free one."""
        idle = self.pool
        if idle is None:
            return
        dropped = []
        with idle.mutex:
            for place, connection in enumerate(idle.queue):
                if connection is not None and is_connection_dropped(connection):
                    idle.queue[place] = None
                    dropped.append(connection)
        for connection in dropped:
            connection.close()


class _Pool(_Tidy, HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(_Tidy, HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Certificates are checked by the context; requests would load all of them each time."""


# These two log addresses, which hold the id of the patient; filters outlive any configuration.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(lambda _: False)
