"""Who may call: the systems of the section `clients` of the configuration file.

A client is one EHR, or another system, that signs its calls. What it may do stands here: its keys
and algorithms, the URLs it may name in its tokens, its FHIR servers, services, deadline and the
prefetch that it declares complete.
Source: CDS Hooks 2.0.1, Trusting CDS Clients; trust section of the design (iss -> allowed bases).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import msgspec

from cds_service.base_url import EXPECTED, base_url

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
}
"""What a client may sign with, and the key type and curve (RFC 7518, RFC 8037) that it needs."""
DEFAULT_ALGORITHMS = ("ES384", "RS384")
"""What CDS Hooks recommends."""
MAX_DEADLINE_MS = 4500
MAX_LIFETIME_S = 3600


@dataclass(frozen=True, slots=True)
class Client:
    """One system that may call. None stands for the setting that holds for all.

    `keys` is a pinned https URL or the path of a JWK set. `audiences` are base URLs beside the
    public one. `complete_prefetch` maps a resource type to the prefetch keys of this client that
    together hold all of it. `max_token_lifetime_s` is in seconds.
    """

    name: str
    issuer: str
    keys: str
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    audiences: tuple[str, ...] = ()
    fhir_servers: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    deadline_ms: int | None = None
    complete_prefetch: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenants: tuple[str, ...] = ()
    max_token_lifetime_s: int = MAX_LIFETIME_S

    @property
    def keys_are_fetched(self) -> bool:
        """Whether the keys are read from a URL."""
        return self.keys.startswith("https://")

    def may_call(self, service_id: str) -> bool:
        """Whether a service is among those of this client."""
        return self.services is None or service_id in self.services

    def is_tenant(self, tenant: Any) -> bool:
        """Whether a `tenant` claim is acceptable; without a list every claim is."""
        return not self.tenants or tenant in self.tenants


ANYONE = Client(name="", issuer="", keys="")
"""The caller where nobody has to say who they are: the sandbox, and the command line."""


class ClientsError(ValueError):
    """The section `clients` cannot be used; the text names the place and never a value."""

    def __init__(self, place: str, expected: str) -> None:
        super().__init__(f"{place}: {expected}")


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client as it stands in the file."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
    issuer: _Text
    keys: _Text
    algorithms: list[_Text] = []
    audiences: list[_Text] = []
    fhir_servers: list[_Text] | None = None
    services: list[_Text] | None = None
    deadline_ms: Annotated[int, msgspec.Meta(ge=50, le=MAX_DEADLINE_MS)] | None = None
    complete_prefetch: dict[_Text, list[_Text]] = {}
    tenants: list[_Text] = []
    max_token_lifetime_s: Annotated[int, msgspec.Meta(ge=60, le=MAX_LIFETIME_S)] = MAX_LIFETIME_S


MEANINGS: Mapping[str, str] = {
    "name": "label in the log, the metrics and the keys of the store: small letters, digits, `-`",
    "issuer": "`iss` of its tokens, exactly",
    "keys": "a pinned `https` URL of its JWK set, or the path of a file that holds it",
    "algorithms": f"what it signs with; {', '.join(DEFAULT_ALGORITHMS)} unless given; also "
    + ", ".join(sorted(set(ALGORITHMS) - set(DEFAULT_ALGORITHMS))),
    "audiences": "base URLs that its `aud` may start with, beside the public URL",
    "fhir_servers": "base URLs that it may name; those of `fhir_servers` above unless given",
    "services": "ids that it may call; all unless given. Others are answered 404",
    "deadline_ms": f"its own deadline, from 50 to {MAX_DEADLINE_MS}; `deadline_ms` above unless "
    "given",
    "complete_prefetch": "resource type -> its own prefetch keys that together hold all of that "
    "type; where each of them came, the type counts as answered",
    "tenants": "`tenant` claims that are accepted; any unless given. Clients of the same issuer "
    "are told apart by it",
    "max_token_lifetime_s": f"longest time from `iat` to `exp`, from 60 to {MAX_LIFETIME_S} "
    "(default)",
}
"""The members of a client, for the documentation; a test compares them with `Client`."""


def read_clients(
    content: Any, folder: Path, services: Mapping[str, Sequence[str]], secure: bool
) -> tuple[Client, ...]:
    """The clients of the section `clients`. Raises `ClientsError`.

    Paths of key files count from `folder`. `services` maps each service id to the resource types
    it needs. `secure`: FHIR servers and audiences must be https.
    """
    try:
        entries = msgspec.convert(content, list[_Entry], strict=False)
    except msgspec.ValidationError as problem:
        said, _, place = str(problem).partition(" - at `$")
        raise ClientsError(f"clients{place.rstrip('`')}", said[0].lower() + said[1:]) from None
    clients = tuple(
        _client(f"clients[{index}]", entry, folder, services, secure)
        for index, entry in enumerate(entries)
    )
    _check_together(clients)
    return clients


def _client(
    place: str, entry: _Entry, folder: Path, services: Mapping[str, Sequence[str]], secure: bool
) -> Client:
    _known(f"{place}.algorithms", entry.algorithms, ALGORITHMS)
    _known(f"{place}.services", entry.services or [], services)
    _check_prefetch(f"{place}.complete_prefetch", entry.complete_prefetch, services)
    servers = entry.fhir_servers
    return Client(
        name=entry.name,
        issuer=entry.issuer,
        keys=_keys(f"{place}.keys", entry.keys, folder),
        algorithms=tuple(entry.algorithms) or DEFAULT_ALGORITHMS,
        audiences=_urls(f"{place}.audiences", entry.audiences, secure),
        fhir_servers=None if servers is None else _urls(f"{place}.fhir_servers", servers, secure),
        services=None if entry.services is None else tuple(entry.services),
        deadline_ms=entry.deadline_ms,
        complete_prefetch={name: tuple(keys) for name, keys in entry.complete_prefetch.items()},
        tenants=tuple(entry.tenants),
        max_token_lifetime_s=entry.max_token_lifetime_s,
    )


def _known(place: str, given: Sequence[str], known: Mapping[str, Any]) -> None:
    for index, name in enumerate(given):
        if name not in known:
            raise ClientsError(f"{place}[{index}]", f"one of {', '.join(known)} is expected")


def _check_prefetch(
    place: str, declared: Mapping[str, list[str]], services: Mapping[str, Sequence[str]]
) -> None:
    types = {name for needed in services.values() for name in needed} - {"Patient"}
    for name, keys in declared.items():
        if name not in types:
            expected = f"resource types among {', '.join(sorted(types))} are expected"
            raise ClientsError(place, expected)
        if not keys:
            raise ClientsError(f"{place}.{name}", "at least one prefetch key is expected")


def _urls(place: str, given: Sequence[str], secure: bool) -> tuple[str, ...]:
    found = []
    for index, text in enumerate(given):
        url = base_url(text)
        if url is None:
            raise ClientsError(f"{place}[{index}]", EXPECTED)
        if secure and not url.lower().startswith("https:"):
            raise ClientsError(f"{place}[{index}]", "https is required in the production profile")
        found.append(url)
    return tuple(found)


def _keys(place: str, given: str, folder: Path) -> str:
    if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", given):
        return str(folder / given)
    if not given.startswith("https://") or base_url(given) is None:
        raise ClientsError(place, "an https URL or the path of a file is expected")
    return given


def _check_together(clients: Sequence[Client]) -> None:
    for (first, one), (second, other) in combinations(enumerate(clients), 2):
        if one.name == other.name:
            raise ClientsError(f"clients[{second}].name", f"is that of clients[{first}] too")
        if one.issuer == other.issuer and not _told_apart(one, other):
            told = f"is that of clients[{first}] too; both need tenants, and different ones"
            raise ClientsError(f"clients[{second}].issuer", told)


def _told_apart(one: Client, other: Client) -> bool:
    return bool(one.tenants and other.tenants) and not set(one.tenants) & set(other.tenants)
