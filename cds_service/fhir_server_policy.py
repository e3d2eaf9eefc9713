"""Which FHIR server may be contacted, and which addresses lie on it.

The caller's `fhirServer` only chooses among the servers that the operator configured: it must
equal one of them in canonical form (scheme, host in lower case, port, path without its trailing
slash), and the address that is contacted is then our own copy. The sandbox also takes any server
on this host (loopback). An address that two parsers could read differently is refused: user
information, fragments, backslashes, white space, control or non-ASCII characters, encoded
characters in the base, dot segments in any spelling.
Source: CDS Hooks 2.0.1, FHIR Resource Access; Argonaut CDS Hooks security assessment, R4, R5, R11.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urljoin

SANDBOX = "sandbox"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[^?]*)?(?:\?(?P<query>.*))?",
    re.IGNORECASE,
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_HIDDEN = re.compile(r"%(?:2e|2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)


class Address(NamedTuple):
    """An http(s) address: scheme and host in lower case, port always given, `query` without `?`."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None

    @property
    def text(self) -> str:
        """The address as text; a default port is left out."""
        port = "" if _DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{self.host}{port}{self.path}{query}"

    @property
    def server(self) -> tuple[str, str, int]:
        """What must be equal for two addresses to be on the same server."""
        return self.scheme, self.host, self.port


def allowed_base(profile: str, configured: Iterable[str], requested: str) -> str | None:
    """Our canonical base for the server that a caller names; None where it may not be contacted.

    `configured` holds the base URLs of the operator; in production only those with https count.
    """
    address = _base_address(requested)
    if address is None:
        return None
    known = {_base_address(base) for base in configured}
    secure = address.scheme == "https" or profile == SANDBOX
    loopback = profile == SANDBOX and _is_loopback(address.host)
    return address.text if (address in known and secure) or loopback else None


def page_url(base: str, page: str, link: str) -> str | None:
    """The absolute address of a `next` link found on `page`; None where it leaves the server.

    It must have the scheme, host and port of `base`, and a path equal to the base or below it.
    """
    if not _PRINTABLE.fullmatch(link) or "\\" in link or "#" in link:
        return None
    return below(base, urljoin(page, link))


def below(base: str, url: str) -> str | None:
    """An absolute address, canonical, if it is the canonical `base` or lies below it; else None."""
    ours, address = parse(base), parse(url)
    if ours is None or address is None or address.server != ours.server:
        return None
    if address.path != ours.path and not address.path.startswith(ours.path + "/"):
        return None
    return address.text


def parse(url: str) -> Address | None:
    """An http(s) address in canonical form; None for anything ambiguous (module text)."""
    match = _ADDRESS.fullmatch(url) if _PRINTABLE.fullmatch(url) and "\\" not in url else None
    if match is None or "#" in url or not _plain_path(match["path"] or ""):
        return None
    host = match["host"].lower().removesuffix(".")
    scheme = match["scheme"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not host.strip(".") or port > 65535:
        return None
    return Address(scheme, host, port, match["path"] or "", match["query"])


def _plain_path(path: str) -> bool:
    segments = {segment.partition(";")[0] for segment in path.split("/")}
    return not _HIDDEN.search(path) and not segments & {".", ".."}


def _base_address(url: str) -> Address | None:
    address = parse(url)
    if address is None or address.query is not None or "%" in url:
        return None
    return address._replace(path=address.path.removesuffix("/"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback if address.version == 4 else address == ipaddress.IPv6Address("::1")
