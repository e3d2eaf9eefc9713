"""What is fuzzed and what must hold: no 5xx, a well-formed answer, no silence about an order."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service.app import create_app
from tests import conformance
from tests.contract.calls import ORDER, PAIRS, call
from tests.fuzz.mutate import broken, mutated
from tests.hostile.corpus import FEEDBACK, feedback
from tests.live import settings

INTRATHECAL = "seven-items-at-once"
"""A story whose order is intrathecal methotrexate over the limit: it must always give a card."""
_HEADER = 9


@dataclass(frozen=True)
class Request:
    """One request; `watched`: the order in it is untouched, so that cards must come."""

    service: str
    body: bytes
    watched: bool


class Target:
    """The application in this process, and the sound requests that are mutated."""

    @cached_property
    def client(self) -> FlaskClient:
        """Calls the application without a socket; nothing is asked of any FHIR server."""
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return create_app(settings(Path(tempfile.mkdtemp()))).test_client()

    @cached_property
    def sound(self) -> list[tuple[str, str, Any]]:
        """Service, story and body of each sound request."""
        calls = [(service, story.name, call(service, story.name)) for service, story in PAIRS]
        return [*calls, *[(FEEDBACK, "", feedback())] * 4, *[self._overdose] * 20]

    @cached_property
    def _overdose(self) -> tuple[str, str, Any]:
        return ORDER, INTRATHECAL, call(ORDER, INTRATHECAL)

    def request(self, data: bytes) -> Request:
        """The request that the bytes of the fuzzer stand for: a choice, a seed, and bytes."""
        head, tail = data[:_HEADER].ljust(_HEADER, b"\0"), data[_HEADER:]
        service, story, whole = self.sound[head[0] % len(self.sound)]
        chance = random.Random(head[2:] + tail)
        protect = head[1] & 1 == 0
        made = mutated(whole, chance, 1 + head[1] // 2 % 12, protect)
        body = json.dumps(made).encode()
        if head[1] % 16 == 15:
            return Request(service, broken(body, chance), watched=False)
        watched = protect and (service, story) == (ORDER, INTRATHECAL)
        return Request(service, body, watched)

    def check(self, data: bytes) -> int:
        """Send the request of these bytes. Raises `AssertionError` for what must not be."""
        asked = self.request(data)
        answer = self.client.post(f"/cds-services/{asked.service}", data=asked.body)
        assert answer.status_code < 500, answer.status_code
        conformance.check(answer)
        if asked.watched:
            assert answer.status_code == 200, answer.status_code
            assert answer.json["cards"], "silence"
        return answer.status_code
