"""fhir_client: one GET under an absolute deadline, whatever the server does. Real sockets."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cds_service import fhir_client, timed_socket
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient, HttpAnswer
from cds_service.network_policy import LOOPBACK
from tests import fault_server as faults
from tests.fault_server import FaultServer, fault_server

LIMIT = 100_000
LATE_BY_AT_MOST = 0.5  # seconds, on a busy machine; on an idle one 0.01 to 0.03 were measured


def in_seconds(seconds: float) -> Deadline:
    return Deadline(time.monotonic() + seconds)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[FhirClient]:
    opened = FhirClient(LIMIT, LOOPBACK, workers=32)
    yield opened
    opened.close()


def get(client: FhirClient, server: FaultServer, seconds: float = 5.0) -> HttpAnswer:
    return client.get(f"{server.base}/Patient/p1", None, in_seconds(seconds))


def test_deadline_counts_from_receipt() -> None:
    received = time.monotonic()
    assert Deadline.after(received, 1500).at == received + 1.5
    assert 1.4 < Deadline.after(received, 1500).remaining() <= 1.5
    assert Deadline.after(received - 2, 1500).passed()
    assert in_seconds(5).within(1).remaining() <= 1
    assert in_seconds(1).within(5).remaining() <= 1


def test_json_answer(client: FhirClient, server: FaultServer) -> None:
    server.on("/Patient/p1", faults.answer({"resourceType": "Patient", "id": "p1"}))
    assert get(client, server) == HttpAnswer({"resourceType": "Patient", "id": "p1"}, None, 200)


def test_chunked_answer_keeps_the_connection(client: FhirClient, server: FaultServer) -> None:
    server.on("/Patient/p1", faults.chunked({"resourceType": "Patient"}))
    assert [get(client, server).value for _ in range(3)] == [{"resourceType": "Patient"}] * 3
    assert server.connections == 1


def test_byte_order_mark_is_ignored(client: FhirClient, server: FaultServer) -> None:
    server.on("/Patient/p1", lambda exchange: exchange.send(b"\xef\xbb\xbf{}"))
    assert get(client, server).value == {}


def test_headers_of_a_request(client: FhirClient, server: FaultServer) -> None:
    server.on("", faults.answer({}))
    client.get(f"{server.base}/A", "token-1", in_seconds(5))
    client.get(f"{server.base}/B", None, in_seconds(5))
    first, second = (request.headers for request in server.requests)
    assert first["Accept"] == "application/fhir+json"
    assert first["Accept-Encoding"] == "identity"
    assert "no-store" not in first["Cache-Control"]
    assert first["Authorization"] == "Bearer token-1"
    assert "Authorization" not in second
    assert server.connections == 1


def test_cookies_are_not_kept(client: FhirClient, server: FaultServer) -> None:
    server.on("", lambda exchange: exchange.send(b"{}", Set_Cookie="session=1"))
    get(client, server)
    get(client, server)
    assert all("Cookie" not in request.headers for request in server.requests)


def test_environment_is_ignored(
    client: FhirClient, server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.on("", faults.answer({}))
    assert get(client, server).value == {}
    assert "Authorization" not in server.requests[0].headers


REASONS = {
    "redirect": (faults.redirect("http://127.0.0.1:9/fhir/Patient/p1"), "redirect"),
    "redirect-307": (faults.redirect("/fhir/B", 307), "redirect"),
    "not-modified": (faults.status(304), "redirect"),
    **{str(c): (faults.status(c), f"http-{c}") for c in (400, 401, 403, 404, 410, 429, 500, 503)},
    "no-content": (faults.status(204), "http-204"),
    "partial": (faults.status(206), "http-206"),
    "html": (faults.html, "not-json"),
    "empty": (lambda exchange: exchange.send(b""), "not-json"),
    "nan": (lambda exchange: exchange.send(b"[NaN]"), "not-json"),
    "deep": (lambda exchange: exchange.send(b"[" * 50_000), "not-json"),
    "latin-1": (lambda exchange: exchange.send('"é"'.encode("latin-1")), "not-json"),
    "gzip": (faults.gzip_bomb(10), "not-json"),
    "gzip-bomb": (faults.gzip_bomb(5_000_000), "not-json"),
    "huge-announced": (faults.huge(200_000_000, announced=True), "too-large"),
    "huge": (faults.huge(200_000_000, announced=False), "too-large"),
    "huge-and-slow": (
        faults.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", b" "),
        "too-large",
    ),
    "reset": (faults.reset, "connection"),
    "hang-up": (faults.hang_up, "connection"),
    "truncated": (faults.truncated([1, 2]), "connection"),
    "unfinished-chunks": (faults.unfinished_chunks, "connection"),
    "garbage": (faults.garbage, "connection"),
}


@pytest.mark.parametrize(("behaviour", "reason"), REASONS.values(), ids=REASONS)
def test_reason(
    client: FhirClient, server: FaultServer, behaviour: faults.Behaviour, reason: str
) -> None:
    server.on("/Patient/p1", behaviour)
    begin = time.monotonic()
    answer = get(client, server)
    assert (answer.reason, answer.value) == (reason, None)
    assert time.monotonic() - begin < 1.0
    assert [target for target in server.targets if target != "/fhir/Patient/p1"] == []


def test_limit_is_inclusive(client: FhirClient, server: FaultServer) -> None:
    server.on("/A", lambda exchange: exchange.send(b"1" + b" " * (LIMIT - 1)))
    server.on("/B", lambda exchange: exchange.send(b"1" + b" " * LIMIT))
    assert client.get(f"{server.base}/A", None, in_seconds(5)).value == 1
    assert client.get(f"{server.base}/B", None, in_seconds(5)).reason == "too-large"


DRIPS = {
    "hang": faults.hang,
    "headers": faults.drip_headers,
    "continue": faults.drip_status,
    "body": faults.drip_body,
    "chunks": faults.drip_chunks,
}


@pytest.mark.parametrize("behaviour", DRIPS.values(), ids=DRIPS)
def test_deadline_holds(
    client: FhirClient, server: FaultServer, behaviour: faults.Behaviour
) -> None:
    server.on("/Patient/p1", behaviour)
    deadline = in_seconds(0.2)
    answer = client.get(f"{server.base}/Patient/p1", None, deadline)
    assert answer.reason == "timeout"
    assert -0.01 < time.monotonic() - deadline.at < LATE_BY_AT_MOST


def test_threads_end_at_the_deadline(client: FhirClient, server: FaultServer) -> None:
    behaviours = list(DRIPS.values())
    for number in range(20):
        server.on(f"/Drip/{number}-", behaviours[number % len(behaviours)])
    deadline = in_seconds(0.4)
    running = [
        client.submit(client.get, f"{server.base}/Drip/{number}-", None, deadline)
        for number in range(20)
    ]
    wait(running, timeout=5)
    assert time.monotonic() - deadline.at < LATE_BY_AT_MOST
    assert {future.result().reason for future in running} == {"timeout"}


def test_refusal_with_a_dripping_body_is_told_at_once(
    client: FhirClient, server: FaultServer
) -> None:
    server.on("/Patient/p1", faults.drip_refusal)
    begin = time.monotonic()
    assert get(client, server).reason == "http-404"
    assert time.monotonic() - begin < 1.0


def test_passed_deadline_sends_nothing(client: FhirClient, server: FaultServer) -> None:
    assert get(client, server, seconds=-1).reason == "timeout"
    assert server.connections == 0


def test_refused_connection(client: FhirClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    begin = time.monotonic()
    answer = client.get(f"http://127.0.0.1:{port}/fhir/Patient/p1", None, in_seconds(5))
    assert answer.reason == "connection"
    assert time.monotonic() - begin < 1.0


def test_connecting_ends_at_the_deadline(client: FhirClient) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        deadline = in_seconds(0.2)
        answer = client.get(f"http://127.0.0.1:{port}/fhir/Patient/p1", None, deadline)
        assert answer.reason == "timeout"
        assert time.monotonic() - deadline.at < LATE_BY_AT_MOST
        for sock in waiting:
            sock.close()


def test_many_connections_at_once_get_through_a_short_queue(client: FhirClient) -> None:
    with fault_server(backlog=1) as server:
        server.on("", faults.answer({}))
        running = [
            client.submit(client.get, f"{server.base}/{n}", None, in_seconds(3)) for n in range(20)
        ]
        assert {future.result().status for future in running} == {200}


def test_unknown_host(client: FhirClient) -> None:
    answer = client.get("http://no-such-host.invalid/fhir/Patient/p1", None, in_seconds(0.5))
    assert answer.reason in ("connection", "timeout")


def test_hanging_name_service(client: FhirClient) -> None:
    release = threading.Event()
    numeric = socket.getaddrinfo

    def lookup(host: str, port: int, *args: int, flags: int = 0, **kwargs: int) -> object:
        if flags & socket.AI_NUMERICHOST:
            return numeric(host, port, *args, flags=flags, **kwargs)
        release.wait(5)
        raise socket.gaierror

    with mock.patch.object(socket, "getaddrinfo", lookup):
        deadline = in_seconds(0.2)
        urls = [f"http://slow.example/fhir/{number}" for number in range(5)]
        running = [client.submit(client.get, url, None, deadline) for url in urls]
        assert {future.result(5).reason for future in running} == {"timeout"}
        assert time.monotonic() - deadline.at < LATE_BY_AT_MOST
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("name-lookup") == 1
        release.set()
        while timed_socket._lookups:
            time.sleep(0.001)


def test_odd_addresses_and_tokens(client: FhirClient, server: FaultServer) -> None:
    server.on("", faults.answer({}))
    for url in ("http://", "http://[::1", "http://a b/", "nonsense", f"http://{'a' * 70}.example/"):
        assert client.get(url, None, in_seconds(0.5)).reason == "connection", url
    for token in ("", "a b", "a\r\nX-Injected: 1", "é"):
        assert client.get(f"{server.base}/A", token, in_seconds(1)).reason == "not-allowed"
    assert server.requests == []


def test_steady_state_opens_no_new_connection(client: FhirClient, server: FaultServer) -> None:
    server.on("/A", faults.answer({"resourceType": "Bundle"}, after=0.05))
    server.on("/B", faults.status(404))

    def ask(*paths: str) -> None:
        urls = [f"{server.base}/{path}" for path in paths]
        wait([client.submit(client.get, url, None, in_seconds(5)) for url in urls])

    ask(*"AAAAAAAAAAAAA")
    assert server.connections == 13
    for _ in range(3):
        ask(*"AABAABAABAABA")
    assert server.connections == 13
    assert len(server.requests) == 52


def test_connection_closed_by_an_idle_server_is_not_noticed(client: FhirClient) -> None:
    """The server closes after each answer without announcing it, while the next request runs."""
    with fault_server() as server:

        def once(exchange: faults.Exchange) -> bool:
            first = exchange.connection not in seen
            seen.add(exchange.connection)
            return exchange.send(b"{}") if first else False

        seen: set[int] = set()
        server.on("", once)
        answers = [get(client, server) for _ in range(4)]
    assert [answer.status for answer in answers] == [200] * 4
    assert len(server.requests) == 7  # three of them met a connection that was just closed


def idle(server: FaultServer) -> list[Any]:
    """The sockets of the idle connections to a server."""
    queues = [pool.pool for pool in fhir_client._pools if pool.port == server.port]
    waiting = [each for found in queues if found for each in found.queue]
    return [connection.sock for connection in waiting if connection is not None]


def test_what_a_server_has_closed_is_closed_once_a_second(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(fhir_client, "monotonic", lambda: now[0])
    client = FhirClient(LIMIT, LOOPBACK, workers=8)
    server.on("/Patient/p1", faults.answer({}))
    with fault_server() as ending:
        ending.on("/Patient/p1", faults.answer({}))
        for each in (server, ending):
            assert get(client, each).value == {}
        (closed,), (kept,) = idle(ending), idle(server)
        client.tidy()
        assert (idle(ending), idle(server)) == ([closed], [kept])
    closed.setblocking(True)
    assert closed.recv(1, socket.MSG_PEEK) == b""
    client.tidy()
    assert idle(ending) == [closed]
    now[0] += 1
    client.tidy()
    assert idle(ending) == []
    assert closed.fileno() == -1
    assert idle(server) == [kept]
    assert get(client, server).value == {}
    assert server.connections == 1
    client.close()
    client.tidy()


def test_a_fresh_connection_is_tried_once_only(client: FhirClient, server: FaultServer) -> None:
    server.on("", faults.hang_up)
    assert get(client, server).reason == "connection"
    assert len(server.requests) == 1


def test_nothing_is_logged_and_the_token_is_nowhere(
    client: FhirClient, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\n\r\n{}"
    server.on("/Patient/odd", lambda exchange: exchange.sock.sendall(broken) or False)
    server.on("/Patient/p1", faults.status(500))
    for path in ("odd", "p1", "p2"):
        client.get(f"{server.base}/Patient/{path}", "canary-token", in_seconds(1))
    assert "Patient" not in caplog.text
    assert "canary" not in caplog.text
    gc.collect()
    held = [client, client._adapter, client._adapter.poolmanager]
    assert "canary" not in "".join(f"{vars(part)}" for part in held)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run([*command, *names, *files], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl cannot make a certificate here")
    return folder


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[FaultServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with fault_server(tls=context) as running:
        yield running


@pytest.fixture(scope="module")
def trusting_client(certificate: Path) -> Iterator[FhirClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        opened = FhirClient(LIMIT, LOOPBACK)
    yield opened
    opened.close()


def test_tls(trusting_client: FhirClient, tls_server: FaultServer) -> None:
    tls_server.on("", faults.answer({}))
    assert [get(trusting_client, tls_server).value for _ in range(3)] == [{}] * 3
    assert tls_server.connections == 1


@pytest.mark.parametrize("behaviour", DRIPS.values(), ids=DRIPS)
def test_deadline_holds_over_tls(
    trusting_client: FhirClient, tls_server: FaultServer, behaviour: faults.Behaviour
) -> None:
    tls_server.on("/Patient/p1", behaviour)
    deadline = in_seconds(0.2)
    answer = trusting_client.get(f"{tls_server.base}/Patient/p1", None, deadline)
    assert answer.reason == "timeout"
    assert time.monotonic() - deadline.at < LATE_BY_AT_MOST


def test_authorities_without_any_of_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert timed_socket.tls_context().cert_store_stats()["x509_ca"] > 0


def test_unknown_certificate(client: FhirClient, tls_server: FaultServer) -> None:
    tls_server.on("", faults.answer({}))
    assert get(client, tls_server).reason == "connection"
    assert tls_server.requests == []


def test_wrong_host_name(trusting_client: FhirClient, tls_server: FaultServer) -> None:
    tls_server.on("", faults.answer({}))
    url = f"https://127.0.0.1:{tls_server.port}/fhir/Patient/p1"
    assert trusting_client.get(url, None, in_seconds(2)).reason == "connection"
    assert (tls_server.connections, tls_server.requests) == (1, [])


def test_no_tls_at_all(client: FhirClient, server: FaultServer) -> None:
    url = f"https://127.0.0.1:{server.port}/fhir/Patient/p1"
    assert client.get(url, None, in_seconds(0.2)).reason in ("connection", "timeout")


def test_hanging_handshake(client: FhirClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        deadline = in_seconds(0.2)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/fhir/Patient/p1"
        assert client.get(url, None, deadline).reason == "timeout"
        assert time.monotonic() - deadline.at < LATE_BY_AT_MOST
