"""The service as it is started: gunicorn with our configuration, on a real socket."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import fault_server
from tests.contract.calls import CHART, ORDER, call

ROOT = Path(__file__).parents[2]
LIMIT = 2_000_000


def start(folder: Path, **changes: str) -> tuple[subprocess.Popen[str], int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LM_CDS_")}
    environ |= {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/lm-cds.sqlite3",
        "LM_CDS_MAX_BODY_BYTES": str(LIMIT),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
    process = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}"],
        cwd=ROOT,
        env=environ | changes,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return process, port


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    process, port = start(tmp_path_factory.mktemp("live"))
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"Ready (sandbox): http://127.0.0.1:{port}/")
    threading.Thread(target=process.stdout.read, daemon=True).start()
    yield port
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)
    process.stdout.close()


def ask(port: int, path: str, body: Any, *, chunked: bool = False) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    connection.request("POST", path, body=body, headers=headers, encode_chunked=chunked)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def pieces(whole: bytes) -> Iterator[bytes]:
    yield from (whole[start : start + 100_000] for start in range(0, len(whole), 100_000))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_read_whole(port: int, chunked: bool) -> None:
    whole = json.dumps(call(ORDER) | {"extension": {"com.example": "x" * 1_000_000}}).encode()
    body = pieces(whole) if chunked else whole
    status, answer = ask(port, f"/cds-services/{ORDER}", body, chunked=chunked)
    assert (status, len(answer["cards"]) > 2) == (200, True)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "size"),
    [(f"/cds-services/{ORDER}", 3 * LIMIT), (f"/cds-services/{CHART}/feedback", LIMIT)],
)
def test_a_body_over_the_limit_is_413(port: int, path: str, size: int, chunked: bool) -> None:
    whole = b"[" + b" " * size + b"]"
    body = pieces(whole) if chunked else whole
    status, answer = ask(port, path, body, chunked=chunked)
    assert (status, answer["issue"][0]["code"]) == (413, "too-long")


def test_the_limit_itself_is_allowed(port: int) -> None:
    whole = b"[" + b" " * (LIMIT - 2) + b"]"
    assert ask(port, f"/cds-services/{ORDER}", whole)[0] == 400
    assert ask(port, f"/cds-services/{ORDER}", pieces(whole), chunked=True)[0] == 400


def test_calls_in_flight_are_answered_before_the_end(tmp_path: Path) -> None:
    process, port = start(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    with fault_server.fault_server() as server:
        server.on("/", fault_server.hang)
        body = json.dumps(call(ORDER, prefetch=None, fhirServer=server.base))
        answers: list[tuple[int, Any]] = []
        path = f"/cds-services/{ORDER}"
        asking = threading.Thread(target=lambda: answers.append(ask(port, path, body)))
        asking.start()
        while not server.requests:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGTERM)
        asking.join(10)
        assert process.wait(10) == 0
    process.stdout.close()
    assert answers[0][0] == 200
    assert len(answers[0][1]["cards"]) > 2


def test_a_wrong_setting_ends_the_start_with_its_name(tmp_path: Path) -> None:
    process, _ = start(tmp_path, LM_CDS_DEADLINE_MS="soon")
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert output == "lm-cds: LM_CDS_DEADLINE_MS: a whole number from 50 to 60000 is expected\n"


@pytest.mark.parametrize("body", [b"ZZ\r\n{}\r\n0\r\n\r\n", b"5\r\n{"])
def test_a_wrongly_framed_body_is_400(port: int, body: bytes) -> None:
    head = b"POST /cds-services/lm-order-sign HTTP/1.1\r\nHost: x\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head + body)
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in client.recv(64)
