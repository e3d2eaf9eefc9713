"""Tokens by name: how each is made, and why it is refused (None: accepted).

The rows are for the clients of `entries`, at the discovery endpoint. They hold some seconds of
slack, so that they can be sent to a running service too; exact boundaries are tested elsewhere.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import HMACAlgorithm, get_default_algorithms

from tests.clients import DISCOVERY, KIND_OF, OWN, PUBLIC, Signer, entry, key_file, made_key

HOUR, DAY, YEAR = 3600, 86_400, 31_536_000
INSIDE = "https://inside.example"
PINNED = "https://127.0.0.1:1/keys.json"
RSA = Signer(issuer="https://rsa.example", algorithm="RS384", key=made_key("RSA-2048"))
FETCHED = Signer(issuer="https://fetched.example")
NORTH = Signer(issuer="https://vendor.example")
SHORT = Signer(issuer="https://short.example")
STRANGER = Signer(key=made_key("P-384", 2))
OTHERS = tuple(
    Signer(issuer="https://many.example", key_id=f"key-{name}", algorithm=name, key=made_key(kind))
    for name, kind in KIND_OF.items()
    if name not in ("ES384", "RS384")
)


def entries(folder: Path) -> list[dict[str, Any]]:
    """The clients of the configuration file."""
    many = {"name": "many", "issuer": OTHERS[0].issuer, "services": []}
    many["keys"] = str(key_file(folder, *OTHERS, name="many.json"))
    many["algorithms"] = [each.algorithm for each in OTHERS]
    return [
        entry(folder, OWN, audiences=[INSIDE]),
        entry(folder, RSA, "rsa"),
        many,
        entry(folder, FETCHED, "fetched", keys=PINNED),
        entry(folder, NORTH, "north", tenants=["north"]),
        entry(folder, NORTH, "south", tenants=["south", "south-east"]),
        entry(folder, SHORT, "short", max_token_lifetime_s=600),
    ]


@dataclass(frozen=True)
class Row:
    """One token: its name, why it is refused, and the `Authorization` header at a time.

    `twice`: it is sent a second time, and that is the one that is meant.
    """

    name: str
    reason: str | None
    header: Callable[[float], str | None]
    twice: bool = False


def forged(
    header: Any, claims: Any, signer: Signer = OWN, sign: Callable[[bytes], bytes] | None = None
) -> str:
    """A token of these parts, whatever they are: text is taken as it is, the rest is dumped."""
    parts = [each if isinstance(each, str) else json.dumps(each) for each in (header, claims)]
    signed = ".".join(_base64url(part.encode()) for part in parts)
    algorithm = get_default_algorithms()[signer.algorithm]
    signature = (sign or (lambda text: algorithm.sign(text, signer.key)))(signed.encode())
    return f"{signed}.{_base64url(signature)}"


def head(signer: Signer = OWN, **changes: Any) -> dict[str, Any]:
    """A good header; None removes a member."""
    whole = {"alg": signer.algorithm, "kid": signer.key_id, "typ": "JWT"} | changes
    return {name: value for name, value in whole.items() if value is not None}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _good(name: str, signer: Signer = OWN, header: Any = None, **changes: Any) -> Row:
    return _row(name, None, signer, header, **changes)


def _row(
    name: str, reason: str | None, signer: Signer = OWN, header: Any = None, **changes: Any
) -> Row:
    """A well-signed token; claims that are callable are given the time."""

    def made(now: float) -> str:
        asked = {k: v(now) if callable(v) else v for k, v in changes.items()}
        audience = asked.pop("aud", DISCOVERY)
        return "Bearer " + signer.token(audience, now, header, **asked)

    return Row(name, reason, made)


def _raw(name: str, reason: str, make: Callable[[dict[str, Any]], str]) -> Row:
    """A token made from the claims of a good one."""
    return Row(name, reason, lambda now: "Bearer " + make(OWN.claims(DISCOVERY, now)))


def _text(name: str, reason: str, header: str | None) -> Row:
    return Row(name, reason, lambda _: header)


def _repeated(claims: dict[str, Any], name: str, value: Any) -> str:
    return json.dumps({name: value})[:-1] + ", " + json.dumps(claims)[1:]


def _literal(claims: dict[str, Any], name: str, literal: str) -> str:
    return json.dumps(claims | {name: "LITERAL"}).replace('"LITERAL"', literal)


def _hmac(secret: bytes, kind: Any) -> Callable[[bytes], bytes]:
    return lambda text: HMACAlgorithm(kind).sign(text, secret)


def _pem() -> bytes:
    return bytes(OWN.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _changed(token: str, part: int) -> str:
    """The token with one byte of a part changed."""
    parts = token.split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    return ".".join(parts)


def _with_claims_of(now: float) -> str:
    first, second = (OWN.token(DISCOVERY, now) for _ in range(2))
    return "Bearer " + ".".join((*first.split(".")[:2], second.split(".")[2]))


ACCEPTED = (
    _good("ES384"),
    _good("RS384", RSA),
    *(_good(f"{each.algorithm}, allowed by configuration", each) for each in OTHERS),
    _good("one audience in a list", aud=[DISCOVERY]),
    _good("audience under a configured base", aud=f"{INSIDE}/cds-services"),
    _good("as Epic: sub, nbf five minutes ago, 15 minutes", sub="x", nbf=lambda now: now - 300,
          exp=lambda now: int(now) + 900),
    _good("times with decimals", exp=lambda now: now + 299.5, iat=lambda now: now - 0.5),
    _good("expired 50 s ago, within the leeway", iat=lambda now: int(now) - 300,
          exp=lambda now: int(now) - 50),
    _good("issued 50 s in the future, within the leeway", iat=lambda now: int(now) + 50),
    _good("lives an hour", exp=lambda now: int(now) + HOUR),
    _good("tenant of the list", NORTH, tenant="north"),
    _good("tenant of another client of the issuer", NORTH, tenant="south-east"),
    _good("tenant where none is asked for", tenant="any"),
    _good("jku beside keys from a file", header={"jku": "https://evil.example/keys.json"}),
    _good("key of its own in the header, which has no meaning",
          header={"jwk": STRANGER.jwk(), "x5u": "https://evil.example"}),
    Row("scheme in small letters", None, lambda now: "bearer " + OWN.token(DISCOVERY, now)),
)  # fmt: skip

READ = (
    _text("no header", "absent", None),
    _text("empty header", "absent", " "),
    _text("Basic", "malformed", "Basic dXNlcjpwYXNz"),
    _text("Bearer without a token", "malformed", "Bearer "),
    _text("no token at all", "malformed", "Bearer abc"),
    _text("five parts (encrypted)", "malformed", "Bearer a.b.c.d.e"),
    Row("two tokens", "malformed", lambda now: f"Bearer {OWN.token(now=now)} {OWN.token(now=now)}"),
    Row("two headers", "malformed", lambda now: ", ".join(["Bearer " + OWN.token(now=now)] * 2)),
    Row("without signature", "malformed",
        lambda now: "Bearer " + OWN.token(now=now).rpartition(".")[0] + "."),
    Row("padded", "malformed", lambda now: "Bearer " + OWN.token(now=now) + "="),
    _row("over 8 KiB", "too-large", sub="x" * 8200),
    _raw("header no JSON", "malformed", lambda claims: forged("{", claims)),
    _raw("header a list", "malformed", lambda claims: forged([], claims)),
    _raw("header too deep", "malformed", lambda claims: forged("[" * 500 + "]" * 500, claims)),
    _raw("alg twice", "malformed",
         lambda claims: forged(_repeated(head(), "alg", "none"), claims)),
    _raw("claims no JSON", "malformed", lambda _: forged(head(), "{")),
    _raw("claims a list", "malformed", lambda _: forged(head(), [])),
    _raw("iss twice", "malformed",
         lambda claims: forged(head(), _repeated(claims, "iss", "https://evil.example"))),
    _raw("exp NaN", "malformed", lambda claims: forged(head(), _literal(claims, "exp", "NaN"))),
    _raw("exp Infinity", "malformed",
         lambda claims: forged(head(), _literal(claims, "exp", "Infinity"))),
    _raw("exp 1e400", "malformed", lambda claims: forged(head(), _literal(claims, "exp", "1e400"))),
    _raw("lone surrogate", "malformed",
         lambda claims: forged(head(), _literal(claims, "jti", '"\\ud800"'))),
    _raw("typ missing", "header", lambda claims: forged(head(typ=None), claims)),
    _raw("typ at+jwt", "header", lambda claims: forged(head(typ="at+jwt"), claims)),
    _raw("kid missing", "header", lambda claims: forged(head(kid=None), claims)),
    _raw("kid a number", "header", lambda claims: forged(head(kid=1), claims)),
    _raw("alg missing", "header", lambda claims: forged(head(alg=None), claims)),
    _raw("crit", "header", lambda claims: forged(head(crit=["exp"]), claims)),
    *(_raw(f"{name} missing", "claims",
           lambda claims, name=name: forged(  # type: ignore[misc]
               head(), {k: v for k, v in claims.items() if k != name}))
      for name in ("iss", "exp", "iat", "jti")),
    _raw("jti a number", "claims", lambda claims: forged(head(), claims | {"jti": 1})),
    _raw("jti empty", "claims", lambda claims: forged(head(), claims | {"jti": ""})),
    _raw("exp as text", "claims", lambda claims: forged(head(), claims | {"exp": "9999999999"})),
    _raw("exp true", "claims", lambda claims: forged(head(), claims | {"exp": True})),
    _raw("iat as text", "claims", lambda claims: forged(head(), claims | {"iat": "now"})),
    _raw("nbf as text", "claims", lambda claims: forged(head(), claims | {"nbf": "now"})),
)  # fmt: skip

BELIEVED = (
    _row("unknown issuer", "issuer", Signer(issuer="https://evil.example")),
    _row("issuer with more behind it", "issuer", Signer(issuer=f"{OWN.issuer}/")),
    _row("issuer cut short", "issuer", Signer(issuer=OWN.issuer[:-1])),
    _raw("alg none", "algorithm", lambda claims: forged(head(alg="none"), claims)),
    _raw("alg NoNe", "algorithm", lambda claims: forged(head(alg="NoNe"), claims)),
    *(_raw(f"{name} with the public key as its secret", "algorithm",
           lambda claims, name=name, kind=kind: forged(  # type: ignore[misc]
               head(alg=name), claims, sign=_hmac(_pem(), kind)))
      for name, kind in (("HS256", HMACAlgorithm.SHA256), ("HS384", HMACAlgorithm.SHA384))),
    _row("RS256, not allowed here", "algorithm",
         Signer(RSA.issuer, algorithm="RS256", key=RSA.key)),
    _row("PS384, not allowed here", "algorithm",
         Signer(RSA.issuer, algorithm="PS384", key=RSA.key)),
    _row("jku that is not the pinned one", "jku", FETCHED,
         header={"jku": "https://evil.example/keys.json"}),
    _row("jku that begins like the pinned one", "jku", FETCHED, header={"jku": PINNED + "x"}),
    _row("keys that could never be read", "no-keys", FETCHED, header={"jku": PINNED}),
    _row("unknown kid", "key", Signer(key_id="key-2")),
    _row("kid that is a path", "key", Signer(key_id="../../../../dev/null")),
    _row("ES384 with the kid of an RSA key", "key",
         Signer(RSA.issuer, key_id=RSA.key_id)),
    _row("key of another client", "key",
         Signer(OWN.issuer, key_id=OTHERS[0].key_id)),
    _row("signed with another key", "signature", STRANGER),
    _row("signed with the key in its header", "signature", STRANGER,
         header={"jwk": STRANGER.jwk()}),
    Row("signature of another token", "signature", _with_claims_of),
    Row("one byte of the signature changed", "signature",
        lambda now: "Bearer " + _changed(OWN.token(DISCOVERY, now), 2)),
    _raw("signature of zeros", "signature",
         lambda claims: forged(head(), claims, sign=lambda _: bytes(96))),
    _raw("signature too short", "signature",
         lambda claims: forged(head(), claims, sign=lambda _: b"x")),
    _row("expired 70 s ago", "expired", iat=lambda now: int(now) - 300,
         exp=lambda now: int(now) - 70),
    _row("expired in 1970", "expired", iat=0, exp=1),
    _row("issued 70 s in the future", "not-yet", iat=lambda now: int(now) + 70),
    _row("nbf in the future", "not-yet", nbf=lambda now: int(now) + 70),
    _row("lives an hour and a second", "lifetime", exp=lambda now: int(now) + HOUR + 1),
    _row("lives ten years", "lifetime", exp=lambda now: int(now) + 10 * YEAR),
    _row("issued 30 days ago", "lifetime", iat=lambda now: int(now) - 30 * DAY),
    _row("exp beyond all dates", "lifetime", exp=1e300),
    _row("longer than this client may", "lifetime", SHORT, exp=lambda now: int(now) + 601),
    _row("aud missing", "audience", aud=None),
    _row("aud cut short", "audience", aud=DISCOVERY[:-1]),
    _row("aud with a slash at its end", "audience", aud=DISCOVERY + "/"),
    _row("aud in other letters", "audience", aud=DISCOVERY.upper()),
    _row("aud http", "audience", aud=DISCOVERY.replace("https", "http")),
    _row("aud the base only", "audience", aud=PUBLIC),
    _row("aud of another endpoint", "audience", aud=f"{DISCOVERY}/lm-order-sign"),
    _row("aud of the host that was called", "audience", aud="http://localhost/cds-services"),
    _row("aud and another one", "audience", aud=[DISCOVERY, "https://other.example"]),
    _row("aud an empty list", "audience", aud=[]),
    _row("aud a list in a list", "audience", aud=[[DISCOVERY]]),
    _row("aud under the base of another client", "audience", RSA, aud=f"{INSIDE}/cds-services"),
    _row("tenant missing", "tenant", NORTH),
    _row("tenant of nobody", "tenant", NORTH, tenant="west"),
    _row("tenant a list", "tenant", NORTH, tenant=["north"]),
    Row("sent twice", "replayed", lambda _: None, twice=True),
)  # fmt: skip


def _twice() -> Row:
    """A token that is the same each time it is made."""
    jti = str(uuid.uuid4())
    return Row(
        "sent twice", "replayed", lambda now: "Bearer " + OWN.token(now=now, jti=jti), twice=True
    )


ROWS = (*ACCEPTED, *READ, *BELIEVED[:-1], _twice())
