"""Known answers: the published example calls, evaluated again by every process before it serves.

Each call of `fhir_fixtures/hook_calls` must give the published answer, word for word. If one does
not, knowledge, code or a library is not the one that was tested: readiness is red, nobody is
advised, and the log names the calls. What a site adds is left out: the answers are those of the
content as published.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import orjson

import fhir_fixtures
from cds_service import answers, clock, hook_call
from cds_service.clock import Clock
from cds_service.edge import Edge
from cds_service.logs import Event
from hooks import CONTENT_VERSION, NO_SITE, NOTHING_ADDED, SERVICES

NOW = datetime.combine(fhir_fixtures.REFERENCE_DATE, time(9), UTC)
"""The time at which the published calls were answered."""
PUBLIC_URL = "https://cds.example.org"
"""Where their cards link to."""
_CHANGING = {"uuid": "(uuid)", "contentVersion": "(content version)"}
_found: dict[str, tuple[str, ...]] = {}
_asking = threading.Lock()


def failed(edge: Edge) -> tuple[str, ...]:
    """The calls (`service/story`) with another answer than the published one; asked once."""
    if CONTENT_VERSION not in _found:
        with _asking:
            if CONTENT_VERSION not in _found:
                _found[CONTENT_VERSION] = _asked(edge)
    return _found[CONTENT_VERSION]


def _asked(edge: Edge) -> tuple[str, ...]:
    wrong = tuple(_different(edge))
    if wrong:
        edge.log.write(Event.SELF_TEST_FAILED, known_answers=list(wrong))
    return wrong


def scrubbed(value: Any) -> Any:
    """An answer without what changes from run to run: uuids, version of the content."""
    if isinstance(value, list):
        return [scrubbed(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _CHANGING.get(name) or scrubbed(member) for name, member in value.items()}


def _different(edge: Edge) -> Iterator[str]:
    published = replace(
        edge,
        settings=replace(edge.settings, site_file=NO_SITE, knowledge_folder=NOTHING_ADDED),
        clock=Clock(NOW),
        services=SERVICES,
    )
    answers_of = {service: list(known_answers(service)) for service in sorted(SERVICES)}
    for service, found in answers_of.items():
        if not found:
            yield f"{service}/no-known-answers"
        yield from (name for name, folder in found if not _is_right(published, name, folder))


def known_answers(service: str) -> Iterator[tuple[str, Traversable]]:
    """Every published call of a service: its name, and the folder of request and answer."""
    folder = resources.files(fhir_fixtures).joinpath("hook_calls", service)
    stories = folder.iterdir() if folder.is_dir() else ()
    for story in sorted(stories, key=lambda each: each.name):
        yield f"{service}/{story.name}", story


def _is_right(edge: Edge, name: str, folder: Traversable) -> bool:
    service = edge.service(name.partition("/")[0])
    try:
        request = folder.joinpath("request.json").read_bytes()
        call = hook_call.parse(service, request, clock.monotonic())
        cards = service.cards(edge.record(service, call))
        body = orjson.loads(orjson.dumps(answers.build(cards, PUBLIC_URL).body))
        expected = orjson.loads(folder.joinpath("response.json").read_bytes())
    except Exception as error:
        edge.log.fault(error)
        return False
    return bool(scrubbed(body) == expected)
