"""Sockets that obey an absolute deadline, also against a server that sends byte by byte.

The timeouts of `socket`, `http.client`, urllib3 and requests restart with every received byte.
Here each read gets only the time that is left of the deadline which the reading thread has set in
`flight`, so header lines, chunks and body can drip as they like. Looking up a name cannot be
interrupted; it happens in a thread of its own, one per name at a time. A name is looked up once
for each connection, and the connection goes to one of the addresses that were judged then.
Source: fault model "drip" of the test regime; trust section of the design (1.1, rebinding).
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import certifi

from cds_service.deadline import Deadline
from cds_service.network_policy import Network, may_connect

# A lost SYN is repeated by the operating system only after one second, longer than most
# deadlines leave; a new attempt after a short, growing wait gets through a full accept queue.
_FIRST_ATTEMPT_SECONDS = 0.1
_Address = tuple[Any, ...]
_Addresses = list[tuple[int, _Address]]


class _Flight(threading.local):
    """What the present thread has in flight: its deadline, where it may go, what happened so far.

    `reused`: on a connection that had served before; `reached`: there was a connection at all;
    `received`: something was read; `refused`: the host has no address that may be connected to.
    Outside `in_flight` no time is left.
    """

    deadline = Deadline(0.0)
    networks: tuple[Network, ...] = ()
    reused = reached = received = refused = False

    def forget(self) -> None:
        """Nothing has happened yet."""
        self.reused = self.reached = self.received = self.refused = False


flight = _Flight()


@contextmanager
def in_flight(deadline: Deadline, networks: Iterable[Network]) -> Iterator[None]:
    """Let every read of this thread end at a deadline (`TimeoutError`).

    Connections go to global addresses and into these networks.
    """
    before = flight.deadline, flight.networks
    flight.deadline, flight.networks = deadline, tuple(networks)
    try:
        yield
    finally:
        flight.deadline, flight.networks = before


class _Timed:
    def recv_into(self: Any, *args: Any, **kwargs: Any) -> int:
        """As the method of the socket; raises TimeoutError at the deadline."""
        self.settimeout(_seconds_left(flight.deadline))
        count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        flight.received |= count > 0
        return count


class TimedSocket(_Timed, socket.socket):
    """A TCP socket whose reads end at the deadline of the reading thread."""


class TimedTLSSocket(_Timed, ssl.SSLSocket):
    """A TLS socket whose reads end at the deadline of the reading thread."""


def tls_context() -> ssl.SSLContext:
    """The certificate authorities of the system, else those that requests brings along."""
    context = ssl.create_default_context()
    context.sslsocket_class = TimedTLSSocket
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


def connect(host: str, port: int) -> TimedSocket:
    """A connected socket, its timeout the time left. Raises OSError, TimeoutError among them."""
    deadline = flight.deadline
    addresses = _permitted(_addresses(host, port, deadline))
    seconds, refused = _FIRST_ATTEMPT_SECONDS, OSError("no address")
    while _seconds_left(deadline):
        slow = False
        for family, address in addresses:
            try:
                connection = _connected(family, address, seconds, deadline)
                flight.reached = True
                return connection
            except TimeoutError:
                slow = True
            except OSError as error:
                refused = error
        if not slow:
            break
        seconds *= 2
    raise refused


def _permitted(addresses: _Addresses) -> _Addresses:
    """Those that may be connected to. Raises OSError where there is none."""
    kept = [each for each in addresses if may_connect(each[1][0], flight.networks)]
    flight.refused = not kept
    if flight.refused:
        raise OSError("address not allowed")
    return kept


def _connected(family: int, address: _Address, seconds: float, deadline: Deadline) -> TimedSocket:
    connection = TimedSocket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(min(seconds, _seconds_left(deadline)))
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_seconds_left(deadline))
    except BaseException:
        connection.close()
        raise
    return connection


def _seconds_left(deadline: Deadline) -> float:
    seconds = deadline.remaining()
    if seconds == 0.0:
        raise TimeoutError("deadline")
    return seconds


_lookups: dict[tuple[str, int], Future[_Addresses]] = {}
_lookups_lock = threading.Lock()


def _addresses(host: str, port: int, deadline: Deadline) -> _Addresses:
    """The addresses of a host; a numeric one needs no name service."""
    try:
        return _resolve(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return _lookup(host, port).result(_seconds_left(deadline))


def _lookup(host: str, port: int) -> Future[_Addresses]:
    """The running look-up of a name, started where there is none."""
    with _lookups_lock:
        running = _lookups.get((host, port))
        if running is None:
            running = _lookups[host, port] = Future()
            threading.Thread(
                target=_finish_lookup, args=(host, port, running), daemon=True, name="name-lookup"
            ).start()
        return running


def _finish_lookup(host: str, port: int, waiting: Future[_Addresses]) -> None:
    """Resolve; whoever asks from then on looks up anew."""
    try:
        found: _Addresses | Exception = _resolve(host, port, 0)
    except Exception as error:
        found = error
    with _lookups_lock:
        del _lookups[host, port]
    if isinstance(found, Exception):
        waiting.set_exception(found)
    else:
        waiting.set_result(found)


def _resolve(host: str, port: int, flags: int) -> _Addresses:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(int(family), address) for family, _, _, _, address in found]
