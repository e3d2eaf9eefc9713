"""The start page of the sandbox: pick a test patient, see request, cards and explanation.

Server-rendered, works without JavaScript; the calls behind it go through the public endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

import fhir_fixtures
from cds_service.edge import edge_of
from cds_service.sandbox import in_process
from cds_service.sandbox.chart_summary import chart_lines, order_lines
from cds_service.sandbox.example_calls import example_call
from cds_service.sandbox.explain import PATH as EXPLAIN
from cds_service.sandbox.feedback_form import feedback_body
from cds_service.sandbox.fhir_server import fhir_base
from cds_service.sandbox.in_process import Answer
from cds_service.sandbox.markdown import render
from cds_service.sandbox.own_server import FormProblem, OwnServer, lenders, own_call
from cds_service.sandbox.timeline import Timeline, timeline
from hooks import SERVICES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form asks for: a story, a service, and where the data come from."""

    story: str | None
    service: str
    from_server: bool

    @property
    def known(self) -> bool:
        """Whether story and service exist."""
        names = {story.name for story in fhir_fixtures.stories()}
        return self.story in names and self.service in SERVICES


@dataclass(frozen=True, slots=True)
class Call:
    """One call with its answer and explanation, as the page shows it."""

    service: str
    request: str
    answer: Answer
    explanation: Answer


def blueprint(now: Callable[[], datetime]) -> Blueprint:
    """The routes of the start page; `now` is the present time in UTC."""
    routes = Blueprint(
        "sandbox", __name__, template_folder="templates", static_folder="static",
        static_url_path="/sandbox/static",
    )  # fmt: skip
    routes.add_app_template_filter(render, "markdown")
    routes.add_app_template_filter(pretty, "pretty")

    def drawing(entry: Any, explanation: Any) -> Timeline | None:
        return timeline(entry, explanation["entries"], now().date())

    routes.add_app_template_filter(drawing, "timeline")

    @routes.get("/")
    def start() -> Response:
        choice = _choice()
        if not choice.known:
            return _page(choice)
        today = now().date()
        body = _example(choice, now())
        return _page(
            choice,
            call=call(choice.service, pretty(body)) if body else None,
            chart=chart_lines(str(choice.story), today),
            orders=order_lines(str(choice.story), today),
        )

    @routes.post("/")
    def send() -> Response:
        request.max_form_memory_size = request.max_content_length
        choice = _choice()
        if choice.service not in SERVICES:
            return _page(choice)
        if "server" in request.form:
            return _own_page(choice, now())
        return _page(choice, call=call(choice.service, request.form.get("request", "")))

    @routes.post("/sandbox/feedback")
    def feedback() -> AnyResponse:
        choice = _choice()
        if choice.service not in SERVICES:
            return redirect(url_for("sandbox.start"), 303)
        body = orjson.dumps(feedback_body(request.form, now()))
        answer = in_process.post(f"/cds-services/{choice.service}/feedback", body)
        return redirect(_address(choice, "taken" if answer.ok else "refused"), 303)

    return routes


def call(service: str, text: str) -> Call:
    """Send one request to a service, and the same to its explanation."""
    body = text.encode()
    return Call(
        service,
        text,
        in_process.post(f"/cds-services/{service}", body),
        in_process.post(f"{EXPLAIN}/{service}", body),
    )


def pretty(value: Any) -> str:
    """JSON for reading."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _choice() -> Choice:
    given = request.values
    return Choice(given.get("story"), given.get("service", ""), given.get("data") == "server")


def _example(choice: Choice, now: datetime) -> Any:
    try:
        return example_call(
            str(choice.story),
            choice.service,
            now,
            prefetch=not choice.from_server,
            fhir_server=fhir_base(),
        )
    except LookupError:
        return None


def _own_page(choice: Choice, now: datetime) -> Response:
    """The page about a patient on the visitor's own FHIR server, or what is wrong with the form."""
    asked = OwnServer.read(request.form)
    try:
        body = own_call(asked, choice.service, edge_of(current_app).settings, now.date())
    except FormProblem as problem:
        return _page(choice, own=asked, problem=problem)
    return _page(choice, own=asked, call=call(choice.service, pretty(body)))


def _address(choice: Choice, feedback: str) -> str:
    shown: dict[str, Any] = {}
    if choice.known:
        data = "server" if choice.from_server else "prefetch"
        shown = {"story": choice.story, "service": choice.service, "data": data}
    return url_for("sandbox.start", **shown, feedback=feedback)


def _page(choice: Choice, **shown: Any) -> Response:
    page = render_template(
        "sandbox/start.html",
        stories=fhir_fixtures.stories(),
        services=SERVICES.values(),
        lenders=lenders(),
        choice=choice,
        **shown,
        feedback=request.args.get("feedback"),
        content_version=edge_of(current_app).content_version,
    )
    response = make_response(page)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
