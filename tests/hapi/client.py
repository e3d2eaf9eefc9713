"""What tests do with a HAPI server directly: write, read, validate. Nothing is ever wiped.

Charts are written under ids that are new for each run, so that tests do not depend on what a
server held before, and a server that somebody else uses loses nothing.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from tests.charts.build import Chart
from tests.charts.vocabulary import ALIASES, JsonObject

RUN = f"run{uuid.uuid4().hex[:8]}"
CHARTS = 25
SECONDS = 60
_HEADERS = {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+/)([A-Za-z0-9.-]+)")


@dataclass
class Hapi:
    """One server, by its base URL."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)

    def raw(self, query: str, **headers: str) -> requests.Response:
        """The answer to a GET below the base; the query is sent as it stands."""
        return self.session.get(f"{self.base}/{query}", headers=headers, timeout=SECONDS)

    def get(self, query: str) -> JsonObject:
        """The resource or Bundle that a query brings, past the search cache."""
        answer = self.raw(query, **{"Cache-Control": "no-cache"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ids(self, query: str) -> set[str]:
        """The ids that a search finds, all pages."""
        found, page = set(), self.get(query)
        while True:
            found |= {entry["resource"]["id"] for entry in page.get("entry", ())}
            link = next((x["url"] for x in page["link"] if x["relation"] == "next"), None)
            if link is None:
                return found
            page = self.get(link.removeprefix(f"{self.base}/").removeprefix(self.base))

    def put(self, *resources: JsonObject) -> None:
        """Create or replace resources under their own ids."""
        answer = self._transaction([_put_entry(resource) for resource in resources])
        assert answer.status_code == 200, answer.text

    def put_charts(self, charts: list[Chart]) -> set[str]:
        """Write charts; the patient ids of those that the server refuses as malformed."""
        refused = set()
        for start in range(0, len(charts), CHARTS):
            group = charts[start : start + CHARTS]
            if not self._accepts(group):
                refused |= {one.patient_id for one in group if not self._accepts([one])}
        return refused

    def _accepts(self, charts: list[Chart]) -> bool:
        entries = [_put_entry(resource) for one in charts for resource in one.resources]
        status = self._transaction(entries).status_code
        assert status in (200, 400, 422), status
        return status == 200

    def delete(self, *references: str) -> None:
        """Delete resources by `Type/id`."""
        entries = [{"request": {"method": "DELETE", "url": r}} for r in references]
        answer = self._transaction(entries)
        assert answer.status_code == 200, answer.text

    def faults(self, resource: JsonObject) -> list[str]:
        """What `$validate` calls an error or worse."""
        url = f"{self.base}/{resource['resourceType']}/$validate"
        answer = self.session.post(url, json=resource, headers=_HEADERS, timeout=SECONDS)
        issues = answer.json()["issue"]
        return [i["diagnostics"] for i in issues if i["severity"] in ("error", "fatal")]

    def _transaction(self, entries: list[JsonObject]) -> requests.Response:
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        return self.session.post(self.base, json=bundle, headers=_HEADERS, timeout=SECONDS)


def _put_entry(resource: JsonObject) -> JsonObject:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def renamed(resource: JsonObject, prefix: str) -> JsonObject:
    """A resource under a longer id, its references (not those inside itself) changed alike."""
    changed: JsonObject = _renamed(resource, prefix)
    if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
        return changed
    return changed | {"id": f"{prefix}-{resource['id']}"}


def renamed_chart(chart: Chart, name: str) -> Chart:
    """A chart under ids of its own on this run's server, its Observations coded by URL."""
    prefix = f"{RUN}-{name}"
    orders = chart.draft_orders
    if orders is not None:
        entries = [e | {"resource": renamed(e["resource"], prefix)} for e in orders["entry"]]
        orders = orders | {"entry": entries}
    return replace(
        chart,
        resources=[by_url(resource) for resource in renamed_all(chart.resources, prefix)],
        draft_orders=orders,
        patient_id=f"{prefix}-{chart.patient_id}",
    )


def renamed_all(resources: Iterable[JsonObject], prefix: str) -> list[JsonObject]:
    """`renamed`, each."""
    return [renamed(resource, prefix) for resource in resources]


def by_url(resource: JsonObject) -> JsonObject:
    """An Observation with the URLs of code systems in place of OIDs.

    A search for `http://loinc.org|777-3` does not find that code of the OID of LOINC.
    """
    if resource["resourceType"] != "Observation":
        return resource
    text = json.dumps(resource)
    for url, alias in ALIASES.items():
        text = text.replace(json.dumps(alias), json.dumps(url))
    return dict(json.loads(text))


def _renamed(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_renamed(item, prefix) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _renamed(member, prefix) for name, member in value.items()}
    reference = changed.get("reference")
    if isinstance(reference, str):
        changed["reference"] = _REFERENCE.sub(rf"\g<1>{prefix}-\g<2>", reference, count=1)
    return changed
