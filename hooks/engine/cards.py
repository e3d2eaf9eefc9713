"""Cards: how items are laid out and worded (specification, 1.5 and 1.10).

Every sentence comes from a knowledge file, every value from coded data, numbers and dates; no
text of the record reaches a card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hooks.answer import Evidence, Fill, Finding, Indicator
from hooks.engine import suggestions
from hooks.engine.items import Item
from hooks.engine.recommendation import Catalogue, Recommendation, Variant, guidelines
from hooks.engine.suggestions import Context
from hooks.engine.wording import fill, summary
from hooks.facts.order import ORDER_LABEL
from hooks.fhir import JsonObject
from hooks.readings.wording import day_shown, listed
from hooks.record import Failure
from hooks.values import yaml_file

TOPIC_SYSTEM = "https://lm-cds-hooks.org/fhir/CodeSystem/recommendation"
NAMESPACE = "org.lm-cds-hooks"
OWN_LABEL = "LM decision support"
INCOMPLETE = "data-incomplete"
MERGED = "lm-guidance"
NO_RECOMMENDATION = frozenset({INCOMPLETE, MERGED})
"""Topics of cards that are about no single recommendation."""


@dataclass(frozen=True, slots=True)
class Card:
    """One CDS Hooks card without uuids, and the items that it carries."""

    items: tuple[Item, ...]
    body: JsonObject


@dataclass(frozen=True, slots=True)
class Page:
    """What all cards of one answer share."""

    catalogue: Catalogue
    context: Context
    failures: tuple[Failure, ...]
    content_version: str
    on_orders: bool


def lay_out(found: Sequence[Item], page: Page) -> tuple[Card, ...]:
    """One card per item up to the limit; beyond it the less urgent ones share a card."""
    limit = page.catalogue.card_limit
    if len(found) <= limit:
        return tuple(_card(item, page) for item in found)
    critical = sum(item.indicator is Indicator.CRITICAL for item in found)
    own = max(critical, limit - 1)
    rest = tuple(found[own:])
    cards = [_card(item, page) for item in found[:own]]
    return (*cards, *([_merged(rest, page)] if rest else []))


def _variant(finding: Finding, recommendation: Recommendation) -> Variant:
    return recommendation.variants[finding.verdict.variant or ""]


def _card(item: Item, page: Page) -> Card:
    if item.recommendation == INCOMPLETE:
        return _incomplete(item, page)
    recommendation = page.catalogue.recommendations[item.recommendation]
    finding = item.findings[0]
    variant = _variant(finding, recommendation)
    body: JsonObject = {
        "summary": summary(variant.summary, finding.verdict.fills, recommendation.title),
        "indicator": item.indicator.value,
        "detail": _detail(item, recommendation, page),
        "source": _source(
            _label(recommendation.sources[0].guideline), item.recommendation, recommendation.title
        ),
        "extension": _extension((item,), page),
        **_offers((item,), page),
    }
    return Card((item,), body)


def _source(label: str, code: str, display: str) -> JsonObject:
    topic = {"system": TOPIC_SYSTEM, "code": code, "display": display}
    return {"label": label, "topic": topic}


def _label(guideline: str) -> str:
    return str(guidelines()[guideline]["label"])


def _section(title: str, lines: Iterable[str]) -> list[str]:
    kept = list(dict.fromkeys(lines))
    if not kept:
        return []
    if len(kept) == 1:
        return [f"**{title}:** {kept[0]}"]
    return [f"**{title}:**", *(f"- {line}" for line in kept)]


def _evidence_line(evidence: Evidence) -> str:
    value = f": {evidence.value}" if evidence.value else ""
    day = f", {day_shown(evidence.day)}" if evidence.day else ""
    read = " (read from text)" if evidence.how == "text" else ""
    return f"{evidence.label}{value}{day}{read}, {evidence.reference}"


def _cited(item: Item) -> list[Evidence]:
    found = [e for f in item.findings for answer in f.verdict.answers for e in answer.because]
    return list(dict.fromkeys(found))


def _evidence(item: Item) -> list[Evidence]:
    """What an item rests on, beside the order itself."""
    return [evidence for evidence in _cited(item) if evidence.label != ORDER_LABEL]


def _unknown_lines(item: Item, page: Page) -> list[str]:
    missing = [name for f in item.findings for a in f.verdict.answers for name in a.missing]
    failed = {failure.category for failure in page.failures}
    shown = [name for name in missing if name not in failed]
    return [*shown, *(f"{f.category} could not be read ({f.reason})" for f in page.failures)]


def _order_lines(item: Item) -> list[str]:
    """Each order that an item concerns, with its dose where readable."""
    orders = (evidence for evidence in _cited(item) if evidence.label == ORDER_LABEL)
    return [f"{o.reference} ({o.value})" if o.value else o.reference for o in orders]


def _whys(item: Item, recommendation: Recommendation) -> list[str]:
    return [
        fill(_variant(finding, recommendation).why, finding.verdict.fills)
        for finding in item.findings
    ]


def _remarks(item: Item) -> list[str]:
    sentences = yaml_file("remarks.yaml")["remarks"]
    return [
        fill(sentences[name], finding.verdict.fills)
        for finding in item.findings
        for name in finding.verdict.remarks
    ]


def _options(item: Item, recommendation: Recommendation) -> list[str]:
    variants = (_variant(finding, recommendation) for finding in item.findings)
    return [option for variant in variants for option in variant.options]


def source_line(recommendation: Recommendation) -> str:
    """Every source with its grade as given and its year."""
    return "; ".join(
        _graded(source.guideline, source.grade, source.part) for source in recommendation.sources
    )


def _graded(guideline: str, grade: str, part: str | None) -> str:
    entry = guidelines()[guideline]
    label, year = str(entry["label"]), entry.get("year")
    meant = f" ({part})" if part else ""
    dated = f", {year}" if year and str(year) not in label else ""
    return f"{label}{meant}{dated}, {'not graded' if grade == 'none' else f'grade {grade}'}"


def _limits(recommendation: Recommendation, page: Page) -> list[str]:
    emergency = ("Not for emergency use.",) if page.on_orders else ()
    limits = (recommendation.limits,) if recommendation.limits else ()
    return [" ".join((*limits, *emergency))] if limits or emergency else []


def _detail(item: Item, recommendation: Recommendation, page: Page) -> str:
    """What to do first, then why now / data used / unknown / other options / source / limits."""
    disagree = [recommendation.sources_disagree] if recommendation.sources_disagree else []
    first, *others = _options(item, recommendation)
    parts = [
        *_section("Consider", [first]),
        *_section("Order", _order_lines(item)),
        *_section("Why now", _whys(item, recommendation)),
        *_remarks(item),
        *_section("Data used", map(_evidence_line, _evidence(item))),
        *_section("Not checked or unknown", _unknown_lines(item, page)),
        *_section("Other options", others),
        *_section("Source", [source_line(recommendation)]),
        *disagree,
        *_section("Limits", _limits(recommendation, page)),
    ]
    return _paragraphs(parts)


def _paragraphs(parts: list[str]) -> str:
    """Lines of one list stay together; everything else is a paragraph of its own."""
    text = ""
    for part in parts:
        text += ("\n" if part.startswith("- ") and text else "\n\n" if text else "") + part
    return text


def _extension(found: tuple[Item, ...], page: Page) -> JsonObject:
    listed_items = [{"id": i.recommendation, "indicator": i.indicator.value} for i in found]
    return {
        f"{NAMESPACE}.recommendations": listed_items,
        f"{NAMESPACE}.basis": {
            "contentVersion": page.content_version,
            "sources": [s for item in found for s in _sources(item, page)],
            "evidence": [e for item in found for e in _basis_evidence(item)],
            "notVerified": _not_verified(found),
            "unknowns": [{"category": f.category, "reason": f.reason} for f in page.failures],
        },
    }


def _not_verified(found: Iterable[Item]) -> list[str]:
    named = (u for item in found for f in item.findings for u in f.verdict.unknowns)
    return list(dict.fromkeys(named))


def _sources(item: Item, page: Page) -> list[JsonObject]:
    recommendation = page.catalogue.recommendations.get(item.recommendation)
    sources = recommendation.sources if recommendation else ()
    return [{"guideline": source.guideline, "grade": source.grade} for source in sources]


def _basis_evidence(item: Item) -> list[JsonObject]:
    return [
        {
            "recommendation": item.recommendation,
            "fact": answer.fact,
            "truth": answer.truth.value,
            "references": list(dict.fromkeys(e.reference for e in answer.because)),
        }
        for finding in item.findings
        for answer in finding.verdict.answers
    ]


def _worded(found: Iterable[Item], page: Page) -> Iterator[tuple[Recommendation, Finding]]:
    """Every finding with its recommendation; what could not be read has none."""
    for item in found:
        recommendation = page.catalogue.recommendations.get(item.recommendation)
        if recommendation:
            yield from ((recommendation, finding) for finding in item.findings)


def _offers(found: tuple[Item, ...], page: Page) -> JsonObject:
    """Suggestions and override reasons of one or several items, each once."""
    offered: dict[str, JsonObject] = {}
    reasons: dict[str, JsonObject] = {}
    known = yaml_file("override_reasons.yaml")["reasons"]
    for recommendation, finding in _worded(found, page):
        variant = _variant(finding, recommendation)
        reasons |= {name: known[name] for name in variant.override_reasons}
        for name in suggestions.names_for(recommendation, variant, finding):
            for suggestion in suggestions.build(name, finding, page.context):
                offered.setdefault(suggestion["label"], suggestion)
    parts: JsonObject = {
        "suggestions": list(offered.values()),
        "selectionBehavior": "any" if offered else None,
        "overrideReasons": list(reasons.values()),
    }
    return {name: part for name, part in parts.items() if part}


def _incomplete(item: Item, page: Page) -> Card:
    wording = _incomplete_wording()
    unknowns = tuple(dict.fromkeys(failure.category for failure in page.failures))
    fills = {"unknowns": unknowns}
    body: JsonObject = {
        "summary": summary(wording["summary"], fills, wording["title"]),
        "indicator": item.indicator.value,
        "detail": _own_detail(wording, fills, _unknown_lines(item, page)),
        "source": _source(OWN_LABEL, INCOMPLETE, wording["title"]),
        "extension": _extension((item,), page),
    }
    return Card((item,), body)


def _incomplete_wording() -> JsonObject:
    return yaml_file("data_incomplete.yaml")


def _own_detail(wording: JsonObject, fills: Mapping[str, Fill], unknown: Iterable[str]) -> str:
    """The detail of a card that is no recommendation: what could not be looked at, and why."""
    first, *others = (" ".join(option.split()) for option in wording["options"])
    return _paragraphs(
        [
            *_section("Consider", [first]),
            *_section("Why now", [fill(" ".join(wording["why"].split()), fills)]),
            *_section("Not checked or unknown", unknown),
            *_section("Other options", others),
            *_section("Source", [OWN_LABEL]),
        ]
    )


def order_not_checked(content_version: str) -> Card:
    """The card of an order that could not be looked at; it asks nothing of record or rules."""
    wording = yaml_file("order_not_checked.yaml")
    shown = {"id": wording["id"], "indicator": wording["indicator"]}
    body: JsonObject = {
        "summary": wording["summary"],
        "indicator": wording["indicator"],
        "detail": _own_detail(wording, {}, [wording["not_checked"]]),
        "source": _source(OWN_LABEL, wording["id"], wording["title"]),
        "extension": {
            f"{NAMESPACE}.recommendations": [shown],
            f"{NAMESPACE}.basis": {
                "contentVersion": content_version,
                "notVerified": [wording["not_checked"]],
            },
        },
    }
    return Card((), body)


def _short_name(item: Item, page: Page) -> str:
    recommendation = page.catalogue.recommendations.get(item.recommendation)
    return recommendation.short_name if recommendation else "incomplete data"


def _paragraph(item: Item, page: Page) -> str:
    """One item of a merged card, with its own source and grade."""
    recommendation = page.catalogue.recommendations.get(item.recommendation)
    if recommendation is None:
        unknowns = listed([*dict.fromkeys(f.category for f in page.failures)])
        return f"**{_incomplete_wording()['title']}** ({item.indicator.value}): {unknowns}."
    orders = _order_lines(item)
    named = f" [{listed(orders)}]" if orders else ""
    first, *others = _options(item, recommendation)
    sentences = [first, *_whys(item, recommendation), *_remarks(item), *others[:1]]
    text = " ".join(dict.fromkeys(sentences))
    data = "; ".join(map(_evidence_line, _evidence(item)))
    used = f" Data used: {data}." if data else ""
    head = f"**{recommendation.title}** ({item.indicator.value}){named}:"
    return f"{head} {text}{used} Source: {source_line(recommendation)}."


def _merged(found: tuple[Item, ...], page: Page) -> Card:
    """All remaining items in one card; the most urgent indicator counts."""
    indicator = min((item.indicator for item in found), key=lambda level: level.rank)
    names = tuple(dict.fromkeys(_short_name(item, page) for item in found))
    template = f"LM guidance: {len(found)} further items ({{names}})"
    unknown = list(dict.fromkeys(line for item in found for line in _unknown_lines(item, page)))
    limits = ["Not for emergency use."] if page.on_orders else []
    parts = [
        *(_paragraph(item, page) for item in found),
        *_section("Not checked or unknown", unknown),
        *_section("Limits", limits),
    ]
    body: JsonObject = {
        "summary": summary(template, {"names": names}, f"LM guidance: {len(found)} further items"),
        "indicator": indicator.value,
        "detail": _paragraphs(parts),
        "source": _source(OWN_LABEL, MERGED, "LM guidance"),
        "extension": _extension(found, page),
        **_offers(found, page),
    }
    return Card(found, body)
