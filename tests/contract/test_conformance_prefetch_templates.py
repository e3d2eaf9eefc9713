"""Rows P: the prefetch templates that discovery publishes stay in the restricted subset."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from flask.testing import FlaskClient

from hooks import SERVICES

TEMPLATES = sorted({need.query for service in SERVICES.values() for need in service.needs})
TOKEN = re.compile(r"\{\{(.*?)\}\}")
REFERENCE_OR_TOKEN_PARAMETERS = {"patient", "code", "category", "status", "_count"}


def parameters(template: str) -> list[tuple[str, str]]:
    return parse_qsl(template.partition("?")[2], keep_blank_values=True)


def test_every_published_template_is_checked_here(client: FlaskClient) -> None:
    published = {
        template
        for service in client.get("/cds-services").json["services"]  # type: ignore[index]
        for template in service["prefetch"].values()
    }
    assert sorted(published) == TEMPLATES
    assert len(TEMPLATES) == 13


@pytest.mark.parametrize("template", TEMPLATES)
def test_P_01_template_is_a_relative_read_or_search(template: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{context\.patientId\}\}|\?\S+)", template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_P_02_P_03_P_04_P_05_tokens_are_primitive_context_fields(template: str) -> None:
    assert TOKEN.findall(template) == ["context.patientId"]
    assert template.count("{") == template.count("}") == 2


@pytest.mark.parametrize("template", TEMPLATES)
def test_P_06_P_07_only_widely_supported_search_features(template: str) -> None:
    names = [name for name, _ in parameters(template)]
    assert set(names) <= REFERENCE_OR_TOKEN_PARAMETERS
    assert len(names) == len(set(names)), "clients may collapse repeated parameters"
    assert not any(":" in name or "." in name for name in names), "no modifiers, no chains"
    assert all(value for _, value in parameters(template))


@pytest.mark.parametrize("template", TEMPLATES)
def test_P_08_no_relative_dates(template: str) -> None:
    assert "today()" not in template


@pytest.mark.parametrize("template", TEMPLATES)
def test_P_11_nothing_inside_draft_orders_or_selections(template: str) -> None:
    assert "draftOrders" not in template
    assert "selections" not in template
