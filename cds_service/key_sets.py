"""The public keys of clients: JWK sets (RFC 7517) from a file or from a pinned https URL.

Only public RSA keys of at least 2048 bits, EC keys and Ed25519 keys count; symmetric and private
ones, and those for encryption, are left out. A set is read at the start, read anew aside when it is
older than a quarter of an hour, and at once for a key id that it does not hold (new keys), at most
every 30 seconds. Where that fails the last set counts for a day.
Source: CDS Hooks 2.0.1, JWT (kid, jku); trust section of the design (stale-while-error, cooldown).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from cds_service import clock, strict_json
from cds_service.clients import ALGORITHMS
from cds_service.deadline import Deadline
from cds_service.errors import BodyUnreadable
from cds_service.fhir_client import HttpAnswer

MAX_BYTES = 256 * 1024
FETCH_MS = 1000
FRESH_SECONDS = 900
COOLDOWN_SECONDS = 30
RETRY_SECONDS = 5
"""How soon a set that was never read is tried again."""
KEEP_SECONDS = 24 * 3600
LEAST_RSA_BITS = 2048
_READERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
    "RSA": RSAAlgorithm.from_jwk,
}
_UNREADABLE = (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError)
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class Key:
    """One public key; `algorithm` is set where the key is for that one only."""

    key_id: str
    type: str
    curve: str | None
    algorithm: str | None
    public: Any

    def fits(self, algorithm: str) -> bool:
        """Whether signatures of this algorithm can be checked with this key."""
        kind, curve = ALGORITHMS[algorithm]
        return (self.type, self.algorithm or algorithm) == (kind, algorithm) and (
            curve is None or curve == self.curve
        )


def read_keys(content: Any) -> tuple[Key, ...]:
    """The usable keys of a JWK set; empty where it is none."""
    entries = content.get("keys") if isinstance(content, dict) else None
    found = (_key(entry) for entry in entries) if isinstance(entries, list) else ()
    return tuple(key for key in found if key is not None)


def file_keys(path: str) -> tuple[Key, ...]:
    """The usable keys of a file; empty where it cannot be read."""
    with suppress(OSError, BodyUnreadable):
        return read_keys(strict_json.loads(Path(path).read_bytes()))
    return ()


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or _PRIVATE & set(entry) or not _is_for_signatures(entry):
        return None
    key_id, kind = entry.get("kid"), entry.get("kty")
    if not isinstance(key_id, str) or not isinstance(kind, str) or kind not in _READERS:
        return None
    try:
        public = _READERS[kind](entry)
    except _UNREADABLE:
        return None
    if isinstance(public, RSAPublicKey) and public.key_size < LEAST_RSA_BITS:
        return None
    return Key(key_id, kind, entry.get("crv"), entry.get("alg"), public)


def _is_for_signatures(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops")
    allowed = operations is None or (isinstance(operations, list) and "verify" in operations)
    return entry.get("use") in (None, "sig") and allowed


class Fetcher(Protocol):
    """What of the HTTP client is used."""

    def get(self, url: str, token: str | None, deadline: Deadline) -> HttpAnswer:
        """Read one address."""

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Do work in another thread."""


class KeySet:
    """The keys of one client: of a pinned URL, or of a file."""

    def __init__(
        self, source: str, fetcher: Fetcher, monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._source = source
        self._fetcher = fetcher
        self._monotonic = monotonic
        self._keys: tuple[Key, ...] = ()
        self._read_at = self._tried_at = float("-inf")
        self._reading = Lock()

    def find(self, key_id: str, algorithm: str) -> tuple[Key, ...]:
        """The keys with this id for this algorithm; reads the set anew where it helps."""
        if not (found := self._matching(key_id, algorithm)):
            self._refresh()
            found = self._matching(key_id, algorithm)
        elif self._monotonic() - self._read_at > FRESH_SECONDS and self._may_try():
            self._fetcher.submit(self._refresh)
        return found

    def open(self) -> None:
        """Read the set for the first time."""
        if not self.usable():
            self._refresh()

    def usable(self) -> bool:
        """Whether there are keys, read less than a day ago."""
        return bool(self._keys) and self._monotonic() - self._read_at <= KEEP_SECONDS

    def _matching(self, key_id: str, algorithm: str) -> tuple[Key, ...]:
        if not self.usable():
            return ()
        return tuple(key for key in self._keys if key.key_id == key_id and key.fits(algorithm))

    def _may_try(self) -> bool:
        pause = COOLDOWN_SECONDS if self._keys else RETRY_SECONDS
        return self._monotonic() - self._tried_at > pause

    def _refresh(self) -> None:
        """Read the set, one thread at a time, and not soon after the last attempt."""
        with self._reading:
            if not self._may_try():
                return
            self._tried_at = self._monotonic()
            if keys := self._content():
                self._keys, self._read_at = keys, self._monotonic()

    def _content(self) -> tuple[Key, ...]:
        if not self._source.startswith(("https://", "http://")):
            return file_keys(self._source)
        deadline = Deadline.after(clock.monotonic(), FETCH_MS)
        return read_keys(self._fetcher.get(self._source, None, deadline).value)
