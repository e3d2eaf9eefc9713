"""Every error is an OperationOutcome with a constant text."""

from __future__ import annotations

import io
from collections.abc import Iterator

import orjson
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask import Flask, request
from flask.testing import FlaskClient

from cds_service import errors
from cds_service.clock import Clock
from cds_service.logs import Log

SECRET = "Jane-Q-Roe"


def all_errors(base: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
    yield base
    for child in base.__subclasses__():
        yield from all_errors(child)


ERRORS = sorted(all_errors(errors.ServiceError), key=lambda error: error.__name__)


def make(error: type[errors.ServiceError]) -> errors.ServiceError:
    if error is errors.RequiredDataMissing:
        return errors.RequiredDataMissing([("Patient", ["no-server"]), ("Condition", ["timeout"])])
    if error is errors.NotReady:
        return errors.NotReady([(errors.NotReady.text, "lm-order-sign/story")])
    return error()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def client(stream: io.StringIO) -> FlaskClient:
    app = Flask(__name__)
    errors.register(app, Log(Clock(), (), stream))
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/raise/<name>")
    def fail(name: str) -> str:
        raise make(next(error for error in ERRORS if error.__name__ == name))

    @app.post("/fault")
    def fault() -> str:
        raise ValueError(SECRET)

    @app.post("/read")
    def read() -> str:
        return request.get_data(as_text=True)

    return app.test_client()


def issues(body: bytes) -> list[dict[str, object]]:
    outcome = orjson.loads(body)
    OperationOutcome.model_validate(outcome)
    assert outcome["resourceType"] == "OperationOutcome"
    found: list[dict[str, object]] = outcome["issue"]
    assert all(issue["severity"] == "error" for issue in found)
    return found


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_each_class_has_its_answer(client: FlaskClient, error: type[errors.ServiceError]) -> None:
    answer = client.post(f"/raise/{error.__name__}")
    assert answer.status_code == error.status
    assert answer.mimetype == "application/json"
    assert {issue["code"] for issue in issues(answer.data)} == {error.code}
    assert error.text.encode() in answer.data


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_each_class_stands_in_the_tree_at_the_top(error: type[errors.ServiceError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")
    assert str(error.status) in (errors.__doc__ or "")


def test_412_names_each_missing_type_and_why(client: FlaskClient) -> None:
    found = issues(client.post("/raise/RequiredDataMissing").data)
    assert [issue["diagnostics"] for issue in found] == ["Patient: no-server", "Condition: timeout"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/{SECRET}", 404, "not-found"),
        ("POST", f"/{SECRET}?patient={SECRET}", 404, "not-found"),
        ("GET", "/fault", 405, "not-supported"),
        ("DELETE", "/read", 405, "not-supported"),
    ],
)
def test_http_errors(client: FlaskClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert [issue["code"] for issue in issues(answer.data)] == [code]
    assert SECRET.encode() not in answer.data


def test_405_says_what_is_allowed(client: FlaskClient) -> None:
    assert set(client.get("/read").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_a_large_body_is_413(client: FlaskClient) -> None:
    answer = client.post("/read", data=b"x" * 11)
    assert (answer.status_code, issues(answer.data)[0]["code"]) == (413, "too-long")


def test_a_fault_tells_nothing(client: FlaskClient, stream: io.StringIO) -> None:
    answer = client.post("/fault")
    assert (answer.status_code, issues(answer.data)[0]["code"]) == (500, "exception")
    assert SECRET.encode() not in answer.data
    assert SECRET not in stream.getvalue()
    assert '"error":"ValueError"' in stream.getvalue()


def test_refusals_are_logged_by_class(client: FlaskClient, stream: io.StringIO) -> None:
    client.post("/raise/WrongHook")
    line = orjson.loads(stream.getvalue())
    assert (line["event"], line["error"], line["status"]) == ("call-refused", "WrongHook", 400)
    assert line["endpoint"] == "fail"


def test_an_unforeseen_http_status_keeps_its_class() -> None:
    assert errors.outcome_response(418, []).status_code == 418
    assert errors.issue("invalid", "x") == {
        "severity": "error",
        "code": "invalid",
        "details": {"text": "x"},
    }
