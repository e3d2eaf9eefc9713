"""The door: who is calling, and may they. Every reason for a refusal looks the same from outside.

Without clients in the configuration the door is open (sandbox, command line). Discovery, hook
calls and feedback go through it; health and the static pages do not.
Source: CDS Hooks 2.0.1, Trusting CDS Clients; best practices, JWT.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cds_service.client_token import Expected, Refusal, TokenRefused, check, claimed_client, read
from cds_service.clients import ANYONE, Client
from cds_service.clock import Clock
from cds_service.config import CONFIG_FILE, SettingError, Settings
from cds_service.errors import KeysMissing, StoreUnavailable, TokenStoreUnavailable, Unauthenticated
from cds_service.fhir_client import FhirClient
from cds_service.key_sets import MAX_BYTES, KeySet, file_keys
from cds_service.used_tokens import UsedTokens

HELP = "docs/clients.md"


def required(settings: Settings) -> None:
    """Raise `SettingError` unless all clients can be recognised, and in production where none is.

    Whether a key set can be fetched is not asked here; `/readyz` tells that.
    """
    if not settings.clients:
        if not settings.sandbox:
            raise SettingError(CONFIG_FILE, "production needs at least one client; see " + HELP)
        return
    if settings.public_url is None:
        raise SettingError("PUBLIC_URL", "clients must name it in their tokens; see " + HELP)
    for client in settings.clients:
        if not client.keys_are_fetched and not file_keys(client.keys):
            told = f"{settings.config_file}, client {client.name}, keys: "
            told += "no public key for signatures can be read from the file"
            raise SettingError(CONFIG_FILE, told)


class Door:
    """Lets clients in that prove who they are."""

    def __init__(
        self, settings: Settings, clock: Clock, used: UsedTokens, fetcher: FhirClient
    ) -> None:
        self._clients = settings.clients
        self._public = settings.public_url or ""
        self._clock = clock
        self._used = used
        sources = {client.keys for client in settings.clients}
        self._fetcher = fetcher
        self._keys: Mapping[str, KeySet] = {each: KeySet(each, fetcher) for each in sources}

    def close(self) -> None:
        """Give connections and threads back."""
        self._fetcher.close()

    def open(self) -> None:
        """Read all keys before the first call; what fails is tried again by the calls."""
        for keys in self._keys.values():
            keys.open()

    def check(self) -> None:
        """Raise `KeysMissing` where a client cannot be recognised for want of its keys."""
        self.open()
        if not all(keys.usable() for keys in self._keys.values()):
            raise KeysMissing

    def admit(
        self, authorization: str | None, paths: Collection[str], essential: bool = False
    ) -> Client:
        """The client whose token is good for one of these paths under the public URL.

        Raises `Unauthenticated`, and `TokenStoreUnavailable` where it cannot be told whether the
        token was used before; an `essential` call is then let in.
        """
        if not self._clients:
            return ANYONE
        try:
            return self._admitted(authorization, paths, essential)
        except TokenRefused as refused:
            name = refused.client.name if refused.client else None
            raise Unauthenticated(refused.reason, name) from None
        except StoreUnavailable as failure:
            raise TokenStoreUnavailable from failure.__cause__

    def _admitted(
        self, authorization: str | None, paths: Collection[str], essential: bool
    ) -> Client:
        token = read(authorization)
        client = claimed_client(token, self._clients)
        now = self._clock.now()
        bases = (self._public, *client.audiences)
        check(token, Expected(client, self._keys[client.keys], bases, paths, now.timestamp()))
        if not self._used.take(client.issuer, token.id, token.expires, now, essential):
            raise TokenRefused(Refusal.REPLAYED, client)
        return client


def fetcher(settings: Settings) -> FhirClient:
    """The guarded HTTP client for key sets: no redirects, few bytes, an absolute deadline."""
    return FhirClient(MAX_BYTES, settings.networks, workers=4, accept="application/json")
