"""Clients for tests: keys made here, the configuration file that names them, and their tokens.

`production(folder)` is an environment in which production starts; `calling(app)` then calls it
with a new token for each request.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import get_default_algorithms
from werkzeug.test import TestResponse

from tests.live import signed_off

PUBLIC = "https://cds.example"
EHR = "https://ehr.example"
DISCOVERY = f"{PUBLIC}/cds-services"


@cache
def made_key(kind: str, number: int = 0) -> Any:
    """A private key of a kind such as `P-384`, `RSA-2048` or `Ed25519`; the same one each time."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("RSA-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[4:]))
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[kind])


KIND_OF = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA-2048"),
    **{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"},
}


@dataclass(frozen=True)
class Signer:
    """Someone who signs tokens with a private key."""

    issuer: str = EHR
    key_id: str = "key-1"
    algorithm: str = "ES384"
    key: Any = field(default_factory=lambda: made_key("P-384"))

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """The public key as a JWK; None removes a member."""
        maker = get_default_algorithms()[self.algorithm]
        entry = maker.to_jwk(self.key.public_key(), as_dict=True)  # type: ignore[call-overload]
        entry = {k: v for k, v in entry.items() if k != "key_ops"}
        whole = {**entry, "kid": self.key_id, "use": "sig", "alg": self.algorithm, **changes}
        return {name: value for name, value in whole.items() if value is not None}

    def claims(self, audience: Any, now: float, **changes: Any) -> dict[str, Any]:
        """The claims of a good token of five minutes; None removes a member."""
        at = int(now)
        good = {"iss": self.issuer, "aud": audience, "iat": at, "exp": at + 300}
        whole = good | {"jti": str(uuid.uuid4())} | changes
        return {name: value for name, value in whole.items() if value is not None}

    def token(
        self,
        audience: Any = DISCOVERY,
        now: float | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A signed token; changes are of the claims."""
        claims = self.claims(audience, time.time() if now is None else now, **changes)
        headers = {"kid": self.key_id} | (header or {})
        return jwt.encode(claims, self.key, self.algorithm, headers)


OWN = Signer()


def key_file(folder: Path, *signers: Signer, name: str = "keys.json") -> Path:
    """The public keys of signers as a JWK set on disk."""
    path = folder / name
    path.write_text(json.dumps({"keys": [each.jwk() for each in signers]}), encoding="utf-8")
    return path


def entry(folder: Path, signer: Signer = OWN, name: str = "ehr", **changes: Any) -> dict[str, Any]:
    """One client of the configuration file, its keys in a file of its own."""
    keys = key_file(folder, signer, name=f"{name}.json")
    return {"name": name, "issuer": signer.issuer, "keys": str(keys), **changes}


def config_file(folder: Path, *clients: dict[str, Any], **settings: Any) -> Path:
    """A configuration file with these clients."""
    path = folder / "lm-cds.yaml"
    path.write_text(yaml.safe_dump({**settings, "clients": list(clients)}), encoding="utf-8")
    return path


def production(folder: Path, *clients: dict[str, Any], **changes: str) -> dict[str, str]:
    """An environment in which production starts, by default with the client of `OWN`."""
    return {
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/production.sqlite3",
        "LM_CDS_PUBLIC_URL": PUBLIC,
        "LM_CDS_SIGN_OFF_FILE": str(signed_off(folder)),
        "LM_CDS_CONFIG_FILE": str(config_file(folder, *(clients or [entry(folder)]))),
        **changes,
    }


class CallingClient(FlaskClient):
    """Calls an application, each time with a new token of a signer for the URL of the call."""

    signer = OWN
    public = PUBLIC

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        path = args[0] if args and isinstance(args[0], str) else kwargs.get("path", "/")
        token = self.signer.token(f"{self.public}{path}")
        headers = {"Authorization": f"Bearer {token}", **dict(kwargs.pop("headers", None) or {})}
        return super().open(*args, headers=headers, **kwargs)


def calling(app: Flask, signer: Signer = OWN, public: str = PUBLIC) -> FlaskClient:
    """A client of this application that proves who it is."""
    made = CallingClient(app, app.response_class)
    made.signer, made.public = signer, public
    return made
