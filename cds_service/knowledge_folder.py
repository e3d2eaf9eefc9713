"""The folder with a site's own recommendations -> their content by hook and id.

<folder>/patient-view/<id>.yaml
<folder>/order-sign/<id>.yaml
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cds_service.strict_yaml import StrictYamlError, read_yaml
from hooks import Additions, BadRecommendation, Service, Site, additions
from hooks.fhir import JsonObject

_SUFFIX = ".yaml"


class KnowledgeError(ValueError):
    """A folder that cannot be used; the text names file, place and remedy."""


def read_knowledge(folder: Path, services: Collection[Service]) -> Additions:
    """The recommendations of a folder, each fit for its hook. Raises `KnowledgeError`."""
    by_hook = {part.name: _contents(part) for part in _entries(folder)}
    _refuse_repeated(by_hook, services)
    for hook, contents in by_hook.items():
        own = [service for service in services if service.hook == hook]
        if not own:
            known = " or ".join(service.hook for service in services)
            raise KnowledgeError(f"{folder / hook}: there is no such hook; use {known}")
        try:
            own[0].at(Site(recommendations={hook: contents}))
        except BadRecommendation as problem:
            raise KnowledgeError(f"{folder / hook}/{problem}") from None
    return additions(by_hook)


def _contents(folder: Path) -> dict[str, JsonObject]:
    contents = {}
    for file in _entries(folder):
        if file.suffix != _SUFFIX:
            raise KnowledgeError(f"{file}: only files *{_SUFFIX} are expected here")
        try:
            contents[file.name.removesuffix(_SUFFIX)] = read_yaml(file)
        except StrictYamlError as problem:
            raise KnowledgeError(str(problem)) from None
    return contents


def _entries(folder: Path) -> list[Path]:
    """What is in a folder but hidden files, in a fixed order."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as problem:
        raise KnowledgeError(f"{folder}: cannot be read ({problem.strerror}); check it") from None


def _refuse_repeated(
    by_hook: Mapping[str, Mapping[str, JsonObject]], services: Iterable[Service]
) -> None:
    """A name stands for one recommendation of all hooks: its page is found by it."""
    seen = {name for service in services for name in service.catalogue.recommendations}
    for hook, contents in by_hook.items():
        for name in sorted(seen.intersection(contents)):
            raise KnowledgeError(f"{hook}/{name}{_SUFFIX}: the name is taken; rename it")
        seen.update(contents)
