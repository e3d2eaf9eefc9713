"""A JSON Web Token of a client: read, then checked in the order that trusts least.

    size -> header -> claims can be read -> issuer -> algorithm -> jku -> key -> signature
    -> exp, iat, nbf -> lifetime -> audience -> tenant        (then, elsewhere: used before?)

PyJWT checks the signature; the claims are checked here, against the clock of the application and
more strictly than it does: no repeated names, no times as text, exactly one audience.
Source: CDS Hooks 2.0.1, JWT; RFC 8725; trust section of the design.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from cds_service import strict_json
from cds_service.clients import Client
from cds_service.errors import BodyUnreadable
from cds_service.key_sets import Key, KeySet

MAX_BYTES = 8 * 1024
LEEWAY_S = 60
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_JWS = PyJWS()


class Refusal(StrEnum):
    """Why a token is refused; for the log only, the caller never learns it."""

    ABSENT = "absent"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    HEADER = "header"
    CLAIMS = "claims"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    JKU = "jku"
    NO_KEYS = "no-keys"
    KEY = "key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    LIFETIME = "lifetime"
    AUDIENCE = "audience"
    TENANT = "tenant"
    REPLAYED = "replayed"


class TokenRefused(Exception):
    """A token that is not accepted; `client` is the one that it claims to be of, where known."""

    def __init__(self, reason: Refusal, client: Client | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.client = client


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was read and not yet believed."""

    text: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """The claim `jti`."""
        return str(self.claims["jti"])

    @property
    def expires(self) -> float:
        """Seconds since 1970 after which it is refused anyway."""
        return float(self.claims["exp"]) + LEEWAY_S


def read(authorization: str | None) -> Token:
    """The token of an `Authorization` header. Raises `TokenRefused`."""
    text = authorization or ""
    if not text.strip():
        raise TokenRefused(Refusal.ABSENT)
    if len(text) > MAX_BYTES:
        raise TokenRefused(Refusal.TOO_LARGE)
    bearer = _BEARER.fullmatch(text)
    shape = _SHAPE.fullmatch(bearer[1]) if bearer else None
    if bearer is None or shape is None:
        raise TokenRefused(Refusal.MALFORMED)
    header, claims = (_object(part) for part in shape.groups()[:2])
    if header.get("typ") != "JWT" or "crit" in header or not _all_text(header, "alg", "kid"):
        raise TokenRefused(Refusal.HEADER)
    if not _all_text(claims, "iss", "jti") or not _all_times(claims):
        raise TokenRefused(Refusal.CLAIMS)
    return Token(bearer[1], header, claims)


def claimed_client(token: Token, clients: Sequence[Client]) -> Client:
    """The client that a token says it is of. Raises `TokenRefused`."""
    same = [client for client in clients if client.issuer == token.claims["iss"]]
    if not same:
        raise TokenRefused(Refusal.ISSUER)
    tenant = token.claims.get("tenant")
    return next((client for client in same if client.is_tenant(tenant)), same[0])


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token is held against: its client, the keys, the paths it may be for, and the time.

    `now` is in seconds since 1970. `bases` and `paths` together are the URLs of the endpoint.
    """

    client: Client
    keys: KeySet
    bases: Collection[str]
    paths: Collection[str]
    now: float


def check(token: Token, expected: Expected) -> None:
    """Believe a token, or raise `TokenRefused` with the first reason against it."""
    for found in _CHECKS:
        reason = found(token, expected)
        if reason is not None:
            raise TokenRefused(reason, expected.client)


def _algorithm(token: Token, expected: Expected) -> Refusal | None:
    return None if token.header["alg"] in expected.client.algorithms else Refusal.ALGORITHM


def _jku(token: Token, expected: Expected) -> Refusal | None:
    """A `jku` is compared with the pinned URL and never fetched; without one it has no meaning."""
    given, client = token.header.get("jku"), expected.client
    if given is None or not client.keys_are_fetched:
        return None
    return None if given == client.keys else Refusal.JKU


def _signature(token: Token, expected: Expected) -> Refusal | None:
    found = expected.keys.find(token.header["kid"], token.header["alg"])
    if not found:
        return Refusal.KEY if expected.keys.usable() else Refusal.NO_KEYS
    return None if any(_is_signed(token, key) for key in found) else Refusal.SIGNATURE


def _is_signed(token: Token, key: Key) -> bool:
    try:
        _JWS.decode(token.text, key.public, algorithms=[token.header["alg"]])
    except PyJWTError:
        return False
    return True


def _times(token: Token, expected: Expected) -> Refusal | None:
    claims, now = token.claims, expected.now
    if claims["exp"] <= now - LEEWAY_S:
        return Refusal.EXPIRED
    if max(claims["iat"], claims.get("nbf", claims["iat"])) > now + LEEWAY_S:
        return Refusal.NOT_YET
    return None


def _lifetime(token: Token, expected: Expected) -> Refusal | None:
    """Whether it lives too long; as it is not expired, its age is then bounded too."""
    longest = expected.client.max_token_lifetime_s
    return None if token.claims["exp"] - token.claims["iat"] <= longest else Refusal.LIFETIME


def _audience(token: Token, expected: Expected) -> Refusal | None:
    given = token.claims.get("aud")
    audience = given[0] if isinstance(given, list) and len(given) == 1 else given
    urls = {base + path for base in expected.bases for path in expected.paths}
    return None if isinstance(audience, str) and audience in urls else Refusal.AUDIENCE


def _tenant(token: Token, expected: Expected) -> Refusal | None:
    tenant = token.claims.get("tenant")
    return None if expected.client.is_tenant(tenant) else Refusal.TENANT


_CHECKS = (_algorithm, _jku, _signature, _times, _lifetime, _audience, _tenant)


def _object(part: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = strict_json.loads(text)
    except (ValueError, BodyUnreadable):
        raise TokenRefused(Refusal.MALFORMED) from None
    if not isinstance(value, dict):
        raise TokenRefused(Refusal.MALFORMED)
    return value


def _all_text(members: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(members.get(name), str) and members[name] for name in names)


def _all_times(claims: Mapping[str, Any]) -> bool:
    """Whether exp, iat and, where given, nbf are numbers (seconds since 1970)."""
    given = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in given)
