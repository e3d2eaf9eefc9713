"""What the documents promise exists: links, commands, recommendations, endpoints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from hooks import SERVICES

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in {*ROOT.glob("*.md"), *ROOT.glob("[ds]*/*.md"), *ROOT.glob("*/README.md")}
    if ".venv" not in page.parts
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    asked = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert asked
    assert {target for target in asked if not re.search(rf"^{target}:", makefile, re.M)} == set()


def test_every_path_of_the_readme_is_served(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for path in ("/livez", "/readyz", "/cds-services"):
        assert path in README
        assert path in rules


def test_files_of_the_readme_exist() -> None:
    named = re.findall(r"`((?:cds_service|hooks|fhir_fixtures|docs)/[\w./-]+)`", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_services_of_the_readme() -> None:
    assert all(f"`{service}`" in README for service in SERVICES)


def test_all_reasons_are_documented() -> None:
    from hooks.record import Reason

    assert all(f"`{reason.value}`" in README for reason in Reason)


def test_the_changelog_names_every_recommendation() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for service in SERVICES.values():
        for name in service.catalogue.recommendations:
            assert name in changelog or (name.startswith("mtx-") and "`mtx-…`" in changelog)
