"""Which network addresses may be connected to: global ones, and those the operator names.

A name is configured, but what it resolves to is decided elsewhere, and may change between two
look-ups. So each address is judged before a connection to exactly that address is made. An IPv6
address that carries an IPv4 address (mapped, NAT64, 6to4) is judged by that one too; Teredo and
IPv4-compatible addresses count as not global.
Source: trust section of the design (1.1, private ranges and rebinding); RFC 6890, 6052, 3056.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
ANYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST_IPV6 = IPv6Network("2000::/3")
_LOW_32_BITS = 0xFFFF_FFFF


def may_connect(text: str, networks: Iterable[Network] = ()) -> bool:
    """Whether a numeric address, as `getaddrinfo` gives it, is global or in one of the networks."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    held = tuple(networks)
    return _within(address, held) or all(
        _within(part, held) or _is_global(part) for part in _parts(address)
    )


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _is_global(address: Address) -> bool:
    in_use = address.version == 4 or address in _UNICAST_IPV6
    return in_use and address.is_global and not address.is_multicast


def _parts(address: Address) -> tuple[Address, ...]:
    """What must be judged: the address, and the IPv4 address to which it leads."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & _LOW_32_BITS),)
    return (address, address.sixtofour) if address.sixtofour else (address,)
