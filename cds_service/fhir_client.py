"""One HTTP exchange of FHIR JSON under an absolute deadline; only user of requests and urllib3.

Nothing raises: every request ends as an `HttpAnswer` that holds a JSON value, or the reason why
there is none. Redirects are not followed, cookies, proxies, `.netrc` and the environment are not
used, nothing is decompressed, no answer is read beyond its byte limit, and the bearer token lives
in the one request only. A request that meets a connection which the server has just closed is
sent once more; nothing else is repeated.
Source: CDS Hooks 2.0.1, FHIR Resource Access; trust section of the design (redirects, drip, bombs).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, ParamSpec, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from cds_service import strict_json
from cds_service.deadline import Deadline
from cds_service.errors import BodyUnreadable
from cds_service.timed_socket import TimedSocket, connect, flight, in_flight, tls_context
from hooks.record import Reason, http_reason

P = ParamSpec("P")
T = TypeVar("T")
_CHUNK_BYTES = 65_536
_DRAIN_BYTES, _DRAIN_SECONDS = 65_536, 0.02
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

    `status` is the HTTP status where the server gave one.
    """

    value: Any = None
    reason: str | None = None
    status: int | None = None


class FhirClient:
    """Connections to FHIR servers and the threads that wait for them, one per process.

    Threads and connections start with the first request and do not survive a fork after it.
    """

    def __init__(
        self, max_answer_bytes: int, workers: int = 128, accept: str = "application/fhir+json"
    ) -> None:
        self._accept = accept
        self._max_answer_bytes = max_answer_bytes
        self._adapter = _Adapter(pool_connections=32, pool_maxsize=workers, max_retries=0)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fhir")

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run work in one of the threads of this client."""
        return self._threads.submit(work, *args, **kwargs)

    def close(self) -> None:
        """Give up waiting work and close idle connections; running requests end in their time."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._adapter.close()

    def get(self, url: str, token: str | None, deadline: Deadline) -> HttpAnswer:
        """Read one address. The deadline covers everything from the name look-up to the last byte.

        Reasons: `timeout`, `connection`, `redirect`, `http-NNN` for every status but 200,
        `not-json` (a compressed body is none), `too-large`; `not-allowed` for a token that is no
        HTTP token.
        """
        return self._exchange(url, token, deadline, None)

    def post(self, url: str, body: bytes, token: str | None, deadline: Deadline) -> HttpAnswer:
        """Send FHIR JSON that may arrive twice, such as a transaction of PUT entries.

        Deadline and reasons are those of `get`.
        """
        return self._exchange(url, token, deadline, body)

    def _exchange(
        self, url: str, token: str | None, deadline: Deadline, body: bytes | None
    ) -> HttpAnswer:
        if token is not None and not _TOKEN.fullmatch(token):
            return HttpAnswer(reason=Reason.NOT_ALLOWED)
        with in_flight(deadline):
            while not deadline.passed():
                flight.reused = flight.received = False
                try:
                    return self._answer(url, token, deadline, body)
                except (OSError, HTTPError, HTTPException, ValueError) as error:
                    closed_before = flight.reused and not flight.received
                    if not closed_before or isinstance(error, TimeoutError | requests.Timeout):
                        return HttpAnswer(reason=_reason(error, deadline))
            return HttpAnswer(reason=Reason.TIMEOUT)

    def _answer(
        self, url: str, token: str | None, deadline: Deadline, body: bytes | None
    ) -> HttpAnswer:
        request = _request(url, token, body, self._accept)
        seconds = max(deadline.remaining(), 0.001)
        with self._adapter.send(request, stream=True, timeout=seconds, proxies={}) as response:
            if response.status_code != 200:
                _drain(response, deadline)
                return _no_answer(response.status_code)
            received = _body(response, self._max_answer_bytes)
        return _decoded(received)


def _request(
    url: str, token: str | None, body: bytes | None, accept: str
) -> requests.PreparedRequest:
    """A GET, or with a body a POST."""
    headers = _HEADERS | {"Accept": accept}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/fhir+json"
    return requests.Request("GET" if body is None else "POST", url, headers, data=body).prepare()


def _body(response: requests.Response, limit: int) -> bytes | None:
    """The body as sent; None where it is larger than the limit in bytes."""
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        return None
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > limit:
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
        with in_flight(deadline.within(_DRAIN_SECONDS)):
            _body(response, _DRAIN_BYTES)
    except (OSError, HTTPError, HTTPException):
        response.close()


def _reason(error: Exception, deadline: Deadline) -> str:
    late = isinstance(error, TimeoutError | requests.Timeout) or deadline.passed()
    return Reason.TIMEOUT if late else Reason.CONNECTION


class _Watched:
    """Notes whether a request went out on a connection that had served one before."""

    served = 0

    def connect(self: Any) -> None:
        self.served = 0
        super().connect()  # type: ignore[misc]

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        flight.reused = self.sock is not None and self.served > 0
        super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self: Any) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self.served += 1
        return response

    def _new_conn(self: Any) -> TimedSocket:
        return connect(self._dns_host, self.port, flight.deadline)


class _Connection(_Watched, HTTPConnection):
    pass


class _TLSConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
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
