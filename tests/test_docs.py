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


def test_the_limits_of_the_operation_guide() -> None:
    from cds_service import admission, circuit_breaker, fhir_visit, server_guard

    served = (ROOT / "cds_service/gunicorn_conf.py").read_text(encoding="utf-8")
    threads = re.findall(r"^threads = (\d+)$", served, re.M)
    guide = " ".join((ROOT / "docs/operate.md").read_text(encoding="utf-8").split())
    words = {5: "five", 2: "two", 0.5: "half", 0.1: "a tenth", 0.8: "four fifths", 0.2: "a fifth"}
    shares = {rank: words[share] for rank, share in admission._WAIT_SHARE.items()}
    for sentence in (
        f"{words[circuit_breaker.FAILURES_IN_A_ROW]} calls in a row",
        f"{words[circuit_breaker.WINDOW_SHARE]} of at least {circuit_breaker.WINDOW_CALLS} "
        f"within {circuit_breaker.WINDOW_SECONDS:.0f} s",
        f"left alone for {circuit_breaker.OPEN_SECONDS:.0f} s",
        f"{fhir_visit._FAIR_SECONDS} s of silence",
        f"{server_guard.MOST_WAITING} calls wait for this server, or "
        f"{server_guard.MOST_WAITING - server_guard.KEPT_FOR_ORDERS}",
        f"after up to {fhir_visit._JITTER_MILLISECONDS} ms",
        f"{fhir_visit._LEFT_FOR_RETRY:.0%}".replace("%", " % of the time is left"),
        f"no more than {words[server_guard.RETRY_SHARE]} of all queries",
        f"computes {words[admission.COMPUTING]} hook calls at a time. {admission.ROOM} more",
        f"the last {admission.KEPT_FOR_ORDERS} places",
        f"`patient-view` waits for {shares[admission.Rank.CHART]} of it",
        f"`order-sign` for {shares[admission.Rank.ORDER]},",
        f"`threads` of gunicorn ({threads[0]})",
    ):
        assert sentence in guide
