"""network_policy: which addresses may be connected to, and that no look-up gets round it (1.1)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from unittest import mock

import pytest

from cds_service.config import SettingError, Settings
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient
from cds_service.network_policy import ANYWHERE, LOOPBACK, may_connect
from tests import fault_server as faults
from tests.fault_server import FaultServer, fault_server

GLOBAL = {
    "IPv4": "8.8.8.8",
    "IPv6": "2606:4700::1111",
    "IPv4-mapped": "::ffff:8.8.8.8",
    "NAT64": "64:ff9b::808:808",
    "6to4": "2002:808:808::1",
}

NOT_GLOBAL = {
    "loopback": "127.0.0.1",
    "loopback, other": "127.8.9.10",
    "unspecified": "0.0.0.0",  # noqa: S104
    "this network": "0.1.2.3",
    "private 10": "10.1.2.3",
    "private 172.16": "172.16.0.1",
    "private 172.31": "172.31.255.255",
    "private 192.168": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "link-local, metadata": "169.254.169.254",
    "documentation": "203.0.113.5",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast, global": "239.1.2.3",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with scope": "fe80::1%1",
    "IPv6 unique local": "fd00::1",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff0e::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 not in use": "4000::1",
    "IPv4-compatible": "::7f00:1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped private": "::ffff:10.0.0.1",
    "NAT64 loopback": "64:ff9b::7f00:1",
    "NAT64 private": "64:ff9b::a00:1",
    "NAT64 metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 local use": "64:ff9b:1::808:808",
    "6to4 loopback": "2002:7f00:1::",
    "6to4 private": "2002:a00:1::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "a name": "localhost",
    "empty": "",
}


@pytest.mark.parametrize("address", GLOBAL.values(), ids=GLOBAL)
def test_global(address: str) -> None:
    assert may_connect(address)


@pytest.mark.parametrize("address", NOT_GLOBAL.values(), ids=NOT_GLOBAL)
def test_not_global(address: str) -> None:
    assert not may_connect(address)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.20.0.1", True),
        ("10.21.0.1", False),
        ("::ffff:10.20.0.1", True),
        ("64:ff9b::a14:1", True),
        ("2002:a14:1::1", True),
        ("2002:a15:1::1", False),
        ("fd12::1", True),
        ("fd13::1", False),
        ("127.0.0.1", False),
        ("8.8.8.8", True),
    ],
)
def test_configured_networks(address: str, allowed: bool) -> None:
    networks = read(PRIVATE_NETWORKS="10.20.0.0/16, fd12::/16").networks
    assert may_connect(address, networks) is allowed


def read(**given: str) -> Settings:
    return Settings.from_env({f"LM_CDS_{name}": value for name, value in given.items()})


def test_settings() -> None:
    assert read().networks == ()
    assert read(PROFILE="sandbox").networks == LOOPBACK
    for bad in ("10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0-10.0.0.9"):
        with pytest.raises(SettingError, match="LM_CDS_PRIVATE_NETWORKS: networks such as"):
            read(PRIVATE_NETWORKS=bad)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as running:
        running.on("", faults.answer({}))
        yield running


def ask(client: FhirClient, url: str) -> str | None:
    return client.get(url, "token", Deadline(time.monotonic() + 2)).reason


def test_refused_addresses_get_no_connection(server: FaultServer) -> None:
    client = FhirClient(1000)
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        assert ask(client, f"http://{host}:{server.port}/fhir/A") == "not-allowed"
    assert server.connections == 0
    client.close()


def test_anywhere_is_everywhere(server: FaultServer) -> None:
    client = FhirClient(1000, ANYWHERE)
    assert ask(client, f"{server.base}/A") is None
    client.close()


class Resolver:
    """A name service that gives the answers one after the other, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self._real = socket.getaddrinfo
        self.asked = 0

    def __call__(self, host: str, port: int, *args: int, **kwargs: int) -> object:
        if kwargs.get("flags", 0) & socket.AI_NUMERICHOST:
            return self._real(host, port, *args, **kwargs)  # type: ignore[arg-type]
        addresses = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]


@pytest.fixture
def permitted() -> Iterator[FhirClient]:
    """127.0.0.1 stands for the public address of the server; 127.0.0.2 is private."""
    opened = FhirClient(1000, read(PRIVATE_NETWORKS="127.0.0.1/32").networks)
    yield opened
    opened.close()


def test_rebinding_is_refused(permitted: FhirClient, server: FaultServer) -> None:
    inner = socket.create_server(("127.0.0.2", server.port))
    resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
    url = f"http://fhir.example.org:{server.port}/fhir/A"
    with mock.patch.object(socket, "getaddrinfo", resolver):
        server.on("/A", lambda exchange: exchange.send(b"{}", Connection="close"))
        assert ask(permitted, url) is None
        assert resolver.asked == 1  # what was judged is what was connected to
        assert ask(permitted, url) == "not-allowed"
    assert resolver.asked == 2
    inner.setblocking(False)
    with inner, pytest.raises(BlockingIOError):
        inner.accept()
    assert server.connections == 1


def test_only_the_permitted_of_several_addresses(
    permitted: FhirClient, server: FaultServer
) -> None:
    resolver = Resolver(["127.0.0.2", "10.0.0.1", "127.0.0.1"])
    with mock.patch.object(socket, "getaddrinfo", resolver):
        assert ask(permitted, f"http://fhir.example.org:{server.port}/fhir/A") is None
    assert server.requests[0].headers["Host"] == f"fhir.example.org:{server.port}"
