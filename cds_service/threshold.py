"""Turns hook calls away before a thread takes them, where they would find no place inside.

Inside, a refusal costs nearly as much as a small call: a thread, its turns at the interpreter's
lock, HTTP, Flask. Under overload, refusing would so use up the time for answering. Only a request
that has arrived whole, and whose framing leaves no doubt about where it ends, is judged here;
every other one goes the usual way and may be refused inside.
Source: trust section of the design (2.2, load shedding: early and cheap, order-sign last).
"""

from __future__ import annotations

import fcntl
import re
import socket
import sys
import termios
from collections import Counter
from enum import Enum, auto
from weakref import WeakKeyDictionary

from cds_service import clock
from cds_service.admission import COMPUTING, KEPT_FOR_ORDERS, ROOM, Rank, rank_of
from cds_service.edge import Edge
from cds_service.errors import Overloaded, error_response
from cds_service.logs import Event
from cds_service.raw_answer import raw

MOST_BYTES = 256 * 1024
"""Of a request that is judged here; a longer one costs far more to send than to refuse."""
_MOST_OF_HEAD = 16 * 1024
"""Looked at before a call is let in: copying all of it would cost as much as parsing its JSON."""
_TELL_SECONDS = 1.0

_HEAD = re.compile(
    rb"POST /cds-services/([a-z0-9-]+)/? HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[^\r\n\0]*\r\n)*)\r\n"
)
_FRAMING = re.compile(
    rb"^(content-length|transfer-encoding|connection|expect|upgrade|origin):[ \t]*(.*?)[ \t]*\r$",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(rb"[0-9]{1,7}")
_KEPT = (b"connection", b"keep-alive")


class Verdict(Enum):
    """What becomes of a connection on which something may have arrived."""

    NOTHING_YET = auto()
    COME_IN = auto()
    """Nothing was decided here."""
    COME_IN_EXPECTED = auto()
    """A hook call for which a place is kept; see `Admission.expect`."""
    TURNED_AWAY = auto()
    """It was answered 503, and the connection can be used again."""
    GONE = auto()
    """The connection is of no more use."""


class Threshold:
    """Judges what arrives at one worker. For its main thread only."""

    def __init__(self, edge: Edge, threads: int) -> None:
        self._edge = edge
        self._most_inside = max(threads, COMPUTING + ROOM)
        self._ranks = {s.id.encode(): rank_of(s) for s in edge.services.values()}
        self._refusal = raw(error_response(Overloaded()), closes=False)
        self._arrived = bytearray(MOST_BYTES)
        self._rest: WeakKeyDictionary[socket.socket, int] = WeakKeyDictionary()
        self._turned_away: Counter[str] = Counter()
        self._tell_at = 0.0

    def judge(self, connection: socket.socket, inside: int) -> Verdict:
        """Look at what has arrived, while so many requests are inside.

        Nothing of it is consumed unless it is turned away. The connection must not block.
        """
        if connection in self._rest:
            return self._swallow(connection, self._rest.pop(connection))
        size = self._take(connection, _MOST_OF_HEAD, socket.MSG_PEEK)
        return Verdict.NOTHING_YET if size is None else self._judge(connection, size, inside)

    def tell(self) -> None:
        """Count and log what was turned away, once a second: overload is no time to write."""
        now = clock.monotonic()
        if not self._turned_away or now < self._tell_at:
            return
        self._tell_at = now + _TELL_SECONDS
        for service, calls in self._turned_away.items():
            self._edge.metrics.turned_away(service, calls)
            self._edge.log.write(
                Event.CALL_REFUSED,
                endpoint="cds.call",
                service=service,
                status=Overloaded.status,
                error=Overloaded.__name__,
                calls=calls,
            )
        self._turned_away.clear()

    def _judge(self, connection: socket.socket, size: int, inside: int) -> Verdict:
        call = call_at(self._arrived, size)
        rank = self._ranks.get(call[0]) if call else None
        if call is None or rank is None:
            return Verdict.COME_IN
        admission, is_whole = self._edge.admission, call[1] <= _waiting(connection, size)
        if inside < self._most(rank):
            if is_whole and admission.expect(rank):
                return Verdict.COME_IN_EXPECTED
            if not is_whole and not admission.is_full(rank):
                return Verdict.COME_IN
        self._turned_away[call[0].decode()] += 1
        return self._refuse(connection, call[1])

    def _most(self, rank: Rank) -> int:
        """Requests that may be inside before; what waits for a thread waits unseen."""
        return self._most_inside - (KEPT_FOR_ORDERS if rank is Rank.CHART else 0)

    def _refuse(self, connection: socket.socket, length: int) -> Verdict:
        try:
            sent = connection.send(self._refusal)
        except OSError:
            return Verdict.GONE
        return self._swallow(connection, length) if sent == len(self._refusal) else Verdict.GONE

    def _swallow(self, connection: socket.socket, length: int) -> Verdict:
        """Take what has arrived of a refused call, and remember how much is still to come."""
        taken = self._take(connection, min(length, MOST_BYTES))
        if taken == 0:
            return Verdict.GONE
        rest = length - (taken or 0)
        if rest:
            self._rest[connection] = rest
        return Verdict.TURNED_AWAY

    def _take(self, connection: socket.socket, most: int, flags: int = 0) -> int | None:
        """How many bytes were received; None: nothing has arrived, 0: it is the end."""
        try:
            return connection.recv_into(self._arrived, most, flags)
        except BlockingIOError:
            return None
        except OSError:
            return 0


def _waiting(connection: socket.socket, seen: int) -> int:
    """How many bytes have arrived of a request that is judged, where that is more than was seen."""
    if seen < _MOST_OF_HEAD:
        return seen
    waiting = fcntl.ioctl(connection.fileno(), termios.FIONREAD, b"\0" * 4)
    return min(int.from_bytes(waiting, sys.byteorder), MOST_BYTES)


def call_at(arrived: bytearray, size: int) -> tuple[bytes, int] | None:
    """Service id and length, in bytes, of the hook call at the beginning of `size` bytes.

    None unless its head has arrived and every parser would agree where the call ends: HTTP/1.1
    with one `Content-Length`, no transfer coding, on a connection that is kept. Pages of browsers
    need headers of their own (`Origin`).
    """
    head = _HEAD.match(arrived, 0, size)
    if head is None:
        return None
    framing = [(name.lower(), value.lower()) for name, value in _FRAMING.findall(head[2])]
    decisive = [header for header in framing if header != _KEPT]
    if len(decisive) != 1 or decisive[0][0] != b"content-length":
        return None
    if not _NUMBER.fullmatch(decisive[0][1]):
        return None
    return bytes(head[1]), head.end() + int(decisive[0][1])
