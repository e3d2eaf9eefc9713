"""Each token counts once, over all workers and restarts.

The store decides. A worker also remembers what it has seen itself, so that while the store cannot
be used a call that must be answered is still refused at the second time in the same worker.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import UTC, datetime
from threading import Lock

from cds_service.errors import StoreUnavailable
from cds_service.logs import Log
from cds_service.store import Store

MOST_REMEMBERED = 100_000


class UsedTokens:
    """The tokens that were accepted. `essential` calls are answered without the store."""

    def __init__(self, store: Store, log: Log, most: int = MOST_REMEMBERED) -> None:
        self._store = store
        self._log = log
        self._most = most
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._guard = Lock()

    def take(
        self, issuer: str, token_id: str, expires: float, now: datetime, essential: bool
    ) -> bool:
        """Whether a token was not used before; from now on it is.

        `expires` is in seconds since 1970. Raises `StoreUnavailable` unless the call is essential.
        """
        used = issuer, hashlib.sha256(token_id.encode()).hexdigest()
        if not self._remember(used, expires, now.timestamp()):
            return False
        try:
            return self._store.take_token(*used, datetime.fromtimestamp(expires, UTC), now)
        except StoreUnavailable as failure:
            if not essential:
                self._forget(used)
                raise
            self._log.store_failed(failure)
            return True

    def _remember(self, used: tuple[str, str], expires: float, now: float) -> bool:
        with self._guard:
            if used in self._seen:
                return False
            self._seen[used] = expires
            while len(self._seen) > self._most or self._oldest_expiry() < now:
                self._seen.popitem(last=False)
            return True

    def _oldest_expiry(self) -> float:
        return next(iter(self._seen.values()), float("inf"))

    def _forget(self, used: tuple[str, str]) -> None:
        with self._guard:
            self._seen.pop(used, None)
