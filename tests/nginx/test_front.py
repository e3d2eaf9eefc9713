"""The door in front: TLS, slow and large bodies, limits, errors, logs (trust 1.5-1.7, 2.2)."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from cds_service.config import Settings
from tests.contract.calls import CHART, ORDER, call
from tests.nginx.front import CONFIGURATION, Front, front, missing, read_answer
from tests.served import ROOT, Answer, Served, free_port, served

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not-run: no {' '.join(missing())}")
PATH = f"/cds-services/{ORDER}"
BODY = json.dumps(call(ORDER)).encode()
CANARY = "canary-4711"
TOLD_BY_PROXIES = (
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"),
    *("X-Forwarded-Prefix", "X-Real-IP", "Forwarded", "Host", "Script_Name"),
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def door(service: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("nginx") / "n", service.port) as running:
        yield running


def outcome(answer: Answer, status: int) -> str:
    """The code of an error answer that keeps all rules."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    for name, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Strict-Transport-Security", "max-age=31536000"),
    ):
        assert answer.headers.get_all(name) == [value], name
    assert "nginx/" not in str(answer.headers)
    body = answer.json
    assert body["resourceType"] == "OperationOutcome"
    assert CANARY not in answer.body.decode()
    (issue,) = body["issue"]
    assert issue["severity"] == "error"
    return str(issue["code"])


def test_a_call_goes_through(door: Front) -> None:
    answer = door.ask("POST", PATH, BODY)
    assert (answer.status, len(answer.json["cards"]) > 2) == (200, True)
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers.get_all("Cache-Control") == ["no-store"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Retry-After" not in answer.headers


def test_feedback_and_pages_go_through(door: Front) -> None:
    item = {"card": "x", "outcome": "overridden", "outcomeTimestamp": "2026-11-21T12:00:00Z"}
    body = json.dumps({"feedback": [item]}).encode()
    assert door.ask("POST", f"/cds-services/{CHART}/feedback", body).status == 204
    for path in (
        "/cds-services",
        "/catalogue",
        "/catalogue.json",
        "/catalogue/static/catalogue.css",
    ):
        assert door.ask("GET", path).status == 200
    assert door.ask("GET", "/recommendations/mtx-dose-for-age").status == 200


def test_refusals_of_the_service_pass_unchanged(door: Front) -> None:
    assert outcome(door.ask("POST", PATH, b"{"), 400) == "structure"
    assert outcome(door.ask("POST", "/cds-services/nobody", b"{}"), 404) == "not-found"
    assert outcome(door.ask("DELETE", PATH), 405) == "not-supported"


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/livez", "/readyz", "/fhir/Patient", "/sandbox", "/error/400"],
)
def test_what_is_not_for_callers_is_not_there(door: Front, path: str) -> None:
    assert outcome(door.ask("GET", path), 404) == "not-found"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(door: Front, version: ssl.TLSVersion) -> None:
    context = door.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", door.port), 20) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_tls_is_spoken_with_forward_secrecy(door: Front, version: ssl.TLSVersion) -> None:
    context = door.context()
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", door.port), 20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as caller,
    ):
        name, _, bits = caller.cipher() or ("", "", 0)
        assert caller.version() == version.name.replace("_", ".")
    assert bits >= 128
    assert name.startswith(("ECDHE", "TLS_"))


def test_plain_http_is_refused(door: Front) -> None:
    with socket.create_connection(("127.0.0.1", door.port), 20) as caller:
        caller.sendall(b"GET /cds-services HTTP/1.1\r\nHost: x\r\n\r\n")
        assert outcome(read_answer(caller), 400) == "structure"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "structure"),
        (b"GET /%2e%2e/metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400, "structure"),
        (b"GET /cds-services HTTP/1.1\r\n\r\n", 400, "structure"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "too-long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431, "too-long"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "structure"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413, "too-long"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_request_gets_an_outcome(
    door: Front, sent: bytes, status: int, code: str
) -> None:
    assert outcome(door.raw(sent), status) == code


def test_a_chunked_body_over_the_limit_is_413(service: Served, tmp_path: Path) -> None:
    with (
        front(tmp_path / "n", service.port, client_max_body_size="10k") as door,
        door.connect() as caller,
    ):
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        caller.sendall(head.encode() + b"5000\r\n" + b" " * 0x5000 + b"\r\n")
        assert outcome(read_answer(caller), 413) == "too-long"


def test_a_large_body_arrives_whole_and_leaves_nothing_behind(door: Front) -> None:
    body = json.dumps(call(ORDER) | {"extension": {"com.example": CANARY * 500_000}}).encode()
    answer = door.ask("POST", PATH, body)
    assert (answer.status, len(answer.json["cards"]) > 2) == (200, True)
    assert [file for file in (door.folder / "client_body").rglob("*") if file.is_file()] == []


def test_three_hundred_half_sent_bodies_stop_nobody(door: Front) -> None:
    """Each would hold a thread of the service, which has eight; the door closes on them in time."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    with ExitStack() as held:
        slow = [held.enter_context(door.connect()) for _ in range(300)]
        for caller in slow:
            caller.sendall(head + BODY[:1000])
        for _ in range(20):
            assert door.ask("POST", PATH, BODY).status == 200
        assert {caller.recv(1) for caller in slow} == {b""}


def test_a_slow_body_reaches_the_service_only_when_it_is_whole(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(0.5)
        with front(tmp_path / "n", upstream.getsockname()[1]) as door, door.connect() as caller:
            caller.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab".encode()
            )
            with pytest.raises(TimeoutError):
                upstream.accept()
            caller.sendall(b"cd")
            upstream.settimeout(20)
            accepted, _ = upstream.accept()
            with accepted:
                received = b""
                while not received.endswith(b"abcd"):
                    received += accepted.recv(65536)
                accepted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert read_answer(caller).status == 204


def test_headers_of_callers_about_proxies_do_not_arrive(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(20)
        with front(tmp_path / "n", upstream.getsockname()[1]) as door, door.connect() as caller:
            lines = "".join(f"{name}: {CANARY}\r\n" for name in TOLD_BY_PROXIES)
            caller.sendall(
                f"GET /cds-services HTTP/1.1\r\n{lines}Authorization: Bearer t\r\n\r\n".encode()
            )
            accepted, _ = upstream.accept()
            with accepted:
                received = accepted.recv(65536).decode()
                accepted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert CANARY not in received
    assert "Host: lm-cds\r\n" in received
    assert "Authorization: Bearer t\r\n" in received


def test_a_service_that_is_gone_or_hangs(tmp_path: Path) -> None:
    with front(tmp_path / "gone", free_port()) as door:
        answer = door.ask("POST", PATH, BODY)
        assert outcome(answer, 502) == "transient"
        assert answer.headers["Retry-After"] == "5"
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        port = upstream.getsockname()[1]
        with front(tmp_path / "hangs", port, proxy_read_timeout="1s") as door:
            assert outcome(door.ask("POST", PATH, BODY), 504) == "timeout"


def test_one_caller_cannot_take_everything_and_orders_have_more_room(
    service: Served, tmp_path: Path
) -> None:
    """Buckets cut down to 3 and 1 calls, refilled once a minute."""
    text = CONFIGURATION.read_text("utf-8")
    rates = {zone: int(rate) for zone, rate in re.findall(r"zone=(\w+):4m rate=(\d+)r/s", text)}
    bursts = {zone: int(n) for zone, n in re.findall(r"zone=(\w+) burst=(\d+) nodelay", text)}
    assert rates["order"] == 4 * rates["other"]
    assert bursts["order"] == 4 * bursts["other"]
    small = re.sub(r"rate=\d+r/s", "rate=1r/m", text)
    small = re.sub(r"zone=order burst=\d+", "zone=order burst=2", small)
    small = re.sub(r"zone=other burst=\d+ nodelay", "zone=other", small)
    with front(tmp_path / "n", service.port, text=small) as door:
        orders = [door.ask("POST", PATH, BODY) for _ in range(5)]
        views = [door.ask("GET", "/cds-services") for _ in range(3)]
    assert [answer.status for answer in orders] == [200, 200, 200, 429, 429]
    assert [answer.status for answer in views] == [200, 429, 429]
    assert outcome(orders[-1], 429) == "throttled"
    assert orders[-1].headers["Retry-After"] == "1"


def test_connections_of_one_caller_are_limited(service: Served, tmp_path: Path) -> None:
    with front(tmp_path / "n", service.port, limit_conn="callers 2") as door, ExitStack() as held:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1".encode()
        for _ in range(2):
            held.enter_context(door.connect()).sendall(head)
        while (answer := door.ask("GET", "/cds-services")).status == 200:
            pass
        assert outcome(answer, 429) == "throttled"


def test_logs_hold_kinds_not_paths(door: Front) -> None:
    door.ask("GET", f"/Patient/{CANARY}?patient={CANARY}", Referer=CANARY, **{"User-Agent": CANARY})
    door.ask("POST", f"{PATH}?patient={CANARY}", BODY, Authorization=f"Bearer {CANARY}")
    door.raw(f"GET /{CANARY} HTTP/9\r\n\r\n".encode())
    lines = [json.loads(line) for line in door.log.splitlines()]
    assert {line["kind"] for line in lines} >= {"other", "order-sign"}
    assert CANARY not in door.log + door.errors + (door.folder / "stderr.txt").read_text("utf-8")
    allowed = {
        "at",
        "kind",
        "method",
        "status",
        "seconds",
        "upstream_seconds",
        "bytes_in",
        "bytes_out",
        "tls",
    }
    assert all(set(line) == allowed for line in lines)


def test_the_end_loses_no_call_in_flight(service: Served, tmp_path: Path) -> None:
    """nginx gets SIGQUIT, its graceful end, while a call is at the service."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(20)
        answers: list[int] = []
        with front(tmp_path / "n", upstream.getsockname()[1]) as door:
            asking = threading.Thread(
                target=lambda: answers.append(door.ask("POST", PATH, BODY).status)
            )
            asking.start()
            accepted, _ = upstream.accept()
            door.quit()
            with accepted:
                received = b""
                while len(received) < len(BODY):
                    received += accepted.recv(65536)
                accepted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            asking.join(20)
    assert answers == [204]


def test_timeouts_leave_room_for_the_deadline() -> None:
    text = CONFIGURATION.read_text("utf-8")
    (read_timeout,) = re.findall(r"proxy_read_timeout (\d+)s;", text)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    environ = compose["services"]["service"]["environment"]
    for deadline_ms in (
        int(environ["LM_CDS_DEADLINE_MS"]),
        Settings.from_env({}).deadline_ms,
        4500,
    ):
        assert int(read_timeout) >= deadline_ms / 1000 + 4
