"""Published FHIR and CDS Hooks files of other people, read in place."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.charts.vocabulary import JsonObject

FOLDER = Path(__file__).parents[1] / ".." / "shared" / "real-data"
REQUESTS = FOLDER / "cdshooks_requests"
ABSENT = "../shared/real-data is not here"
GROUP = 40
"""Single resources that are put into one record."""


def hook_bodies() -> list[Path]:
    """Bodies of hook calls as other clients send them, also broken ones."""
    return sorted(path for path in REQUESTS.rglob("*") if path.is_file())


def is_json(path: Path) -> bool:
    """Whether a file holds JSON."""
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def folders() -> list[Path]:
    """The folders of clinical data."""
    return sorted(path for path in FOLDER.glob("*") if path.is_dir() and path != REQUESTS)


def _documents(folder: Path) -> Iterator[Any]:
    """Every JSON document of a folder; broken ones are left out."""
    for path in sorted(folder.rglob("*.json")):
        if is_json(path):
            yield json.loads(path.read_bytes())
    for path in sorted(folder.rglob("*.ndjson")):
        yield from (
            json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()
        )


def _entries(bundle: JsonObject) -> list[JsonObject]:
    """The resources of a Bundle."""
    listed = bundle.get("entry")
    entries = listed if isinstance(listed, list) else []
    found = (entry.get("resource") for entry in entries if isinstance(entry, dict))
    return [r for r in found if isinstance(r, dict) and isinstance(r.get("resourceType"), str)]


def records(folder: Path) -> list[list[JsonObject]]:
    """The records of a folder: each Bundle is one, single resources are grouped."""
    documents = [d for d in _documents(folder) if isinstance(d, dict) and "resourceType" in d]
    bundles = [_entries(d) for d in documents if d["resourceType"] == "Bundle"]
    singles = [d for d in documents if d["resourceType"] != "Bundle"]
    groups = [singles[i : i + GROUP] for i in range(0, len(singles), GROUP)]
    return [record for record in (*bundles, *groups) if record]


def patient_of(record: list[JsonObject]) -> str:
    """The patient that most resources of a record are about."""
    names = Counter(name for resource in record for name in owners(resource))
    return names.most_common(1)[0][0] if names else "nobody"


def owners(resource: JsonObject) -> Iterator[str]:
    """The patient id that a resource names."""
    if resource["resourceType"] == "Patient" and isinstance(resource.get("id"), str):
        yield resource["id"]
    for member in ("subject", "patient"):
        value = resource.get(member)
        reference = value.get("reference") if isinstance(value, dict) else None
        if isinstance(reference, str):
            yield reference.removeprefix("urn:uuid:").split("/")[-1]


def adopted(record: list[JsonObject], patient_id: str) -> list[JsonObject]:
    """The same resources, all about one patient, so that every one of them is read."""
    owner = {"reference": f"Patient/{patient_id}"}
    return [_adopt(resource, patient_id, owner) for resource in record]


def _adopt(resource: JsonObject, patient_id: str, owner: JsonObject) -> JsonObject:
    """One resource of this patient."""
    if resource["resourceType"] == "Patient":
        return resource | {"id": patient_id}
    return resource | {member: owner for member in ("subject", "patient") if member in resource}
