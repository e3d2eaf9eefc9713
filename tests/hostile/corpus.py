"""Hostile request bodies by class, made from a sound call whose order is intrathecal methotrexate.

`watched` bodies still hold an order that can be recognised, so that an answer 200 without a card
would be the fault that this service exists to prevent.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.contract.calls import CHART, ORDER, call
from tests.hostile import values

FEEDBACK = f"{CHART}/feedback"
SERVICES = (CHART, ORDER)
Json = Any
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Hostile:
    """One request; `service` is the path below `/cds-services/`."""

    kind: str
    name: str
    service: str
    body: bytes = field(repr=False)
    watched: bool = False
    content_type: str = "application/json"


def sound(service: str) -> Json:
    """A call that is answered in full; the orders are unsafe, so that cards must come."""
    return feedback() if service == FEEDBACK else call(service)


def feedback() -> Json:
    """A sound feedback message."""
    reason = {"reason": {"code": "r", "system": "https://example.org"}, "userComment": "why"}
    given = {"card": "c0ffee00-0000-4000-8000-000000000000", "outcome": "overridden"}
    accepted = given | {"outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]}
    at = {"outcomeTimestamp": "2026-11-20T12:00:00Z"}
    return {"feedback": [given | at | {"overrideReason": reason}, accepted | at]}


def text(value: Json) -> bytes:
    return json.dumps(value).encode()


def paths(value: Json, at: Path_ = ()) -> Iterator[Path_]:
    """The places of a JSON value, outside first; of a long list only the first two items."""
    if at:
        yield at
    if isinstance(value, dict):
        for name, member in value.items():
            yield from paths(member, (*at, name))
    if isinstance(value, list):
        for index, item in enumerate(value[:2]):
            yield from paths(item, (*at, index))


def at(value: Json, path: Path_) -> Json:
    for step in path:
        value = value[step]
    return value


def put(whole: Json, path: Path_, value: Json) -> Json:
    """A copy with another value at one place."""
    made = copy.deepcopy(whole)
    at(made, path[:-1])[path[-1]] = value
    return made


def _in_order(path: Path_) -> bool:
    return path[:2] == ("context", "draftOrders") or path == ("context",)


def _changed(kind: str, service: str, path: Path_, value: Json, name: str) -> Hostile:
    made = text(put(sound(service), path, value))
    place = ".".join(map(str, path))
    # Another hook is refused; a changed order need not be recognised.
    watched = not _in_order(path) and path != ("hook",)
    return Hostile(kind, f"{place} = {name}", service, made, watched)


def wrong_types() -> Iterator[Hostile]:
    """A value of another JSON type at every place of envelope, context and resources."""
    for service in (*SERVICES, FEEDBACK):
        for path in paths(sound(service)):
            for name, value in values.WRONG.items():
                yield _changed("wrong type", service, path, value, name)


def _leaves(kind: str, fits: Callable[[Path_, Json], bool], given: dict[str, Json]) -> Any:
    for service in (*SERVICES, FEEDBACK):
        whole = sound(service)
        for path in paths(whole):
            if fits(path, at(whole, path)):
                for name, value in given.items():
                    yield _changed(kind, service, path, value, name)


def _named(*endings: str) -> Callable[[Path_, Json], bool]:
    lower = tuple(ending.lower() for ending in endings)
    return lambda path, value: isinstance(value, str) and str(path[-1]).lower().endswith(lower)


def dates() -> Iterator[Hostile]:
    yield from _leaves(
        "dates",
        _named("date", "datetime", "on", "start", "end", "timestamp", "issued", "updated"),
        values.DATES,
    )


def references() -> Iterator[Hostile]:
    yield from _leaves(
        "ids and references",
        _named("id", "reference", "fullUrl", "fhirServer", "card", "hookInstance"),
        values.REFERENCES,
    )


def decimals() -> Iterator[Hostile]:
    def is_number(_: Path_, value: Json) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    yield from _leaves("decimals", is_number, values.DECIMALS)


def texts() -> Iterator[Hostile]:
    """Long and odd texts."""
    fits = _named("text", "display", "conclusion", "code", "system", "status", "comment", "unit")
    yield from _leaves("texts", fits, values.TEXTS)


def raw_json() -> Iterator[Hostile]:
    """What is no JSON, or JSON that can be read in two ways."""
    for service in (*SERVICES, FEEDBACK):
        plain = text(sound(service))
        for name, body in values.raw(plain).items():
            yield Hostile("no JSON", name, service, body)
        for index, place in enumerate(_objects(plain)):
            doubled = plain[: place + 1] + b'"x":1,"x":2,' + plain[place + 1 :]
            yield Hostile("repeated names", f"object {index}", service, doubled)


def _objects(plain: bytes) -> Iterator[int]:
    for place in range(len(plain)):
        if plain[place : place + 2] == b'{"':
            yield place


def deep() -> Iterator[Hostile]:
    """Nesting up to, at and far above the limit."""
    for service in (*SERVICES, FEEDBACK):
        for name, value in values.NESTED.items():
            member = b'"extension":' + value + b","
            body = text(sound(service))
            watched = name.startswith("60")
            yield Hostile("depth", name, service, b"{" + member + body[1:], watched)


def large() -> Iterator[Hostile]:
    """Much of everything, each in one body."""
    for service in SERVICES:
        for name, made in _large(call(service)).items():
            watched = service == ORDER and "draft" not in name
            yield Hostile("much of it", name, service, text(made), watched)


def _large(body: Json) -> dict[str, Json]:
    patient = body["context"]["patientId"]
    made = {
        f"{count} of {name}": _with(body, resource | {"subject": _subject(patient)}, count)
        for name, (count, resource) in values.MANY.items()
    }
    made["300000 empty entries"] = body | {
        "prefetch": body["prefetch"] | {"more": {"resourceType": "Bundle", "entry": [{}] * 300_000}}
    }
    made["10000 prefetch keys"] = body | {
        "prefetch": body["prefetch"] | {f"k{i}": None for i in range(10_000)}
    }
    drafts = body["context"].get("draftOrders")
    if drafts:
        first = drafts["entry"][0]
        for name, more in {
            "400 same drafts": [first] * 400,
            "100000 empty drafts": [{}] * 100_000,
            "100000 other drafts": [values.OTHER_DRAFT] * 100_000,
        }.items():
            made[name] = put(body, ("context", "draftOrders", "entry"), [first, *more])
    return made


def _subject(patient: str) -> Json:
    return {"reference": f"Patient/{patient}"}


def _with(body: Json, resource: Json, count: int) -> Json:
    entries = [{"resource": resource | {"id": f"more-{i}"}} for i in range(count)]
    more = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return body | {"prefetch": body["prefetch"] | {"more": more}}


def reports() -> Iterator[Hostile]:
    """Reports whose text or attachment means harm."""
    for service in SERVICES:
        body = call(service)
        about = {"subject": _subject(body["context"]["patientId"])}
        for title in ("MRI brain and spine with contrast", "CSF cytology", "EGFR, ALK panel"):
            one = {"resourceType": "DiagnosticReport", "status": "final"} | about
            one |= {"code": {"text": title}, "effectiveDateTime": "2026-11-15"}
            for name, form in {**attachments(), **_conclusions()}.items():
                made = text(_with(body, one | form, 20 if "conclusion" in form else 1))
                yield Hostile("reports", f"{title}: {name}", service, made, service == ORDER)


def _conclusions() -> dict[str, Json]:
    return {f"text {name}": {"conclusion": given} for name, given in values.BOMBS.items()}


def attachments() -> dict[str, Json]:
    """Report members by name."""
    made = {}
    for kind in values.CONTENT_TYPES:
        made[f"{kind} of text"] = _form(kind, b"no malignant cells")
    for name, page in values.PAGES.items():
        made[f"page {name}"] = _form("text/html", page.encode("utf-8", "surrogatepass"))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"0" * 10_000_000)
    made["zip"] = _form("text/plain", zipped.getvalue())
    made["no base64"] = {"presentedForm": [{"contentType": "text/plain", "data": "%%% =a= \u0000"}]}
    made["url"] = {"presentedForm": [{"contentType": "text/html", "url": "file:///etc/passwd"}]}
    return made


def _form(kind: str, data: bytes) -> Json:
    encoded = base64.b64encode(data).decode()
    return {"presentedForm": [{"contentType": kind, "data": encoded}]}


def structures() -> Iterator[Hostile]:
    """Contained, cyclic and modified resources, extensions in primitives."""
    for service in SERVICES:
        body = call(service)
        for key, value in body["prefetch"].items():
            if not (value and value.get("entry")):
                continue
            path = ("prefetch", key, "entry", 0, "resource")
            for name, change in values.STRUCTURES.items():
                made = text(put(body, path, at(body, path) | change))
                yield Hostile("structure", f"{key}: {name}", service, made, service == ORDER)
    order = ("context", "draftOrders", "entry", 0, "resource")
    for name, change in values.STRUCTURES.items():
        made = text(put(call(ORDER), order, at(call(ORDER), order) | change))
        # An order that says it is a Patient is no order.
        yield Hostile("structure", f"order: {name}", ORDER, made, name != "own type")


def content_types() -> Iterator[Hostile]:
    """A sound body under a wrong content type."""
    for service in SERVICES:
        for kind in values.CONTENT_TYPES:
            made = text(call(service))
            yield Hostile("content type", kind, service, made, True, kind)


CLASSES: tuple[Callable[[], Iterator[Hostile]], ...] = (
    raw_json,
    deep,
    wrong_types,
    dates,
    references,
    decimals,
    texts,
    structures,
    reports,
    content_types,
    large,
)


def all_of_it(every: int = 1) -> Iterator[Hostile]:
    """All bodies, or every so-many-th of each class with many."""
    for made in CLASSES:
        for index, hostile in enumerate(made()):
            if made in (raw_json, deep, content_types) or index % every == 0:
                yield hostile
