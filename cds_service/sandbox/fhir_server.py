"""The sandbox FHIR server over HTTP: an in-memory FHIR R4 server at `/fhir` with test patients.

It exists so that the service, the official CDS Hooks Sandbox and the start page have something to
talk to without another program. It is open, unvalidated and forgets everything when it stops.
Source: FHIR R4, RESTful API.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson
from flask import Blueprint, Response, request

from cds_service import strict_json
from cds_service.errors import BodyUnreadable
from cds_service.sandbox.bundles import run_bundle
from cds_service.sandbox.capability import capability_statement
from cds_service.sandbox.outcome import FhirError, bad_request
from cds_service.sandbox.repository import Repository
from cds_service.sandbox.search import Pairs, read_search, run_page, run_search
from cds_service.sandbox.writes import checked_resource, delete, put, served_type
from hooks.fhir import JsonObject

PATH = "/fhir"
FHIR_JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"


def fhir_base() -> str:
    """The base URL of this FHIR server as the client of the current request sees it."""
    return request.url_root.rstrip("/") + PATH


def blueprint(data: Callable[[], Repository], now: Callable[[], datetime]) -> Blueprint:
    """The routes of the FHIR server; `data` gives the repository, `now` the time in UTC."""
    routes = Blueprint("fhir", __name__, url_prefix=PATH)

    @routes.errorhandler(FhirError)
    def refused(error: FhirError) -> Response:
        return _answer(error.outcome(), error.status)

    @routes.get("/metadata")
    def metadata() -> Response:
        return _answer(capability_statement(fhir_base(), now().date().isoformat()))

    @routes.get("", strict_slashes=False)
    def page() -> Response:
        token = request.args.get("_getpages")
        if token is None:
            raise bad_request("Only a next link or a type can be asked here; see /fhir/metadata")
        return _answer(run_page(token, data(), fhir_base()))

    @routes.post("", strict_slashes=False)
    def bundle() -> Response:
        return _answer(run_bundle(_body(), data()))

    @routes.get("/<kind>")
    def search(kind: str) -> Response:
        return _search(kind, list(request.args.items(multi=True)), data())

    @routes.post("/<kind>/_search")
    def post_search(kind: str) -> Response:
        if request.mimetype != FORM and (request.mimetype or request.content_length):
            raise FhirError(415, "not-supported", "Send the search parameters form encoded")
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        return _search(kind, pairs, data())

    @routes.post("/<kind>")
    def create(kind: str) -> Response:
        stored = data().create(kind, checked_resource(served_type(kind), _body()))
        return _stored(stored, is_new=True)

    @routes.get("/<kind>/<logical_id>")
    def read(kind: str, logical_id: str) -> Response:
        return _answer(data().read(served_type(kind), logical_id))

    @routes.put("/<kind>/<logical_id>")
    def update(kind: str, logical_id: str) -> Response:
        return _stored(*put(data(), kind, logical_id, _body()))

    @routes.delete("/<kind>/<logical_id>")
    def remove(kind: str, logical_id: str) -> Response:
        delete(data(), kind, logical_id)
        return Response(status=204)

    return routes


def _search(kind: str, pairs: Pairs, repository: Repository) -> Response:
    base = fhir_base()
    return _answer(run_search(read_search(kind, pairs, base), repository, base))


def _body() -> JsonObject:
    try:
        body = strict_json.loads(request.get_data(cache=False))
    except BodyUnreadable as error:
        raise bad_request(error.text, "structure") from error
    if not isinstance(body, dict):
        raise bad_request("The body is no JSON object", "structure")
    return body


def _stored(resource: JsonObject, is_new: bool) -> Response:
    answer = _answer(resource, 201 if is_new else 200)
    answer.headers["Location"] = f"{fhir_base()}/{resource['resourceType']}/{resource['id']}"
    answer.headers["ETag"] = f'W/"{resource["meta"]["versionId"]}"'
    return answer


def _answer(resource: JsonObject, status: int = 200) -> Response:
    return Response(orjson.dumps(resource), status, mimetype=FHIR_JSON)
