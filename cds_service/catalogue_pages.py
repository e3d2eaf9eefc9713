"""The catalogue over HTTP: `/catalogue`, `/catalogue.json` and a page for each recommendation.

Static until the process ends and without patient data, so browsers and proxies may keep it. Links
are relative: the pages also work below the path prefix of a gateway.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from flask import Blueprint, Response, abort, render_template, request

from cds_service import catalogue
from cds_service.sign_off import SignOff
from hooks import Service

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
MAX_AGE_SECONDS = 3600


def blueprint(signed: SignOff | None, version: str, services: Iterable[Service]) -> Blueprint:
    """The routes of the catalogue; `signed` is the sign-off of the running `version`."""
    routes = Blueprint(
        "catalogue", __name__, template_folder="templates", static_folder="static",
        static_url_path="/catalogue/static",
    )  # fmt: skip
    document = catalogue.document(signed, version, services)
    entries = {entry["id"]: entry for entry in document["recommendations"]}

    @routes.get("/catalogue")
    def overview() -> Response:
        page = render_template("catalogue/overview.html", **document)
        return _kept(page, "text/html")

    @routes.get("/catalogue.json")
    def as_json() -> Response:
        return _kept(orjson.dumps(document), "application/json")

    @routes.get("/recommendations/<name>")
    def recommendation(name: str) -> Response:
        if name not in entries:
            abort(404)
        version = document["contentVersion"]
        page = render_template(
            "catalogue/recommendation.html", entry=entries[name], contentVersion=version
        )
        return _kept(page, "text/html")

    return routes


def _kept(body: str | bytes, mimetype: str) -> Response:
    """An answer that may be kept for an hour, and is then asked for by its ETag."""
    response = Response(body, mimetype=mimetype)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.cache_control.public = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    response.add_etag()
    response.make_conditional(request)
    return response
