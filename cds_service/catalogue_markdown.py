"""The catalogue as a Markdown document.

The document names the release of the content without its hash, so that it changes only where what
it says changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hooks.fhir import JsonObject

_HOOKS = (("patient-view", "When a chart is opened"), ("order-sign", "When orders are signed"))


def rendered(document: JsonObject) -> str:
    """The document of `catalogue.document` for reading."""
    return "\n".join(_lines(document)) + "\n"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    heads = list(titles)
    yield _row(heads)
    yield "|" + "---|" * len(heads)
    yield from map(_row, rows)
    yield ""


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _lines(document: JsonObject) -> Iterator[str]:
    release = document["contentVersion"].split("+")[0]
    yield from ("# Catalogue of recommendations", "")
    yield f"Content release {release}. **{document['signOff']['text']}**"
    yield "Words in [brackets] are filled in from the chart."
    yield ""
    for hook, title in _HOOKS:
        entries = [each for each in document["recommendations"] if each["hook"] == hook]
        yield from (f"## {title} (`{hook}`)", "", *_overview(entries))
        for entry in entries:
            yield from _recommendation(entry)
    yield from ("## Source statements", "")
    yield "Text 1 is a summary of guidelines (CNS 2025, EANO-ESMO 2023, NCCN 2023); text 2 is an"
    yield "AI-generated treatment summary that no person has reviewed. In our words."
    yield ""
    yield from _statements(document["statements"])


def _overview(entries: list[JsonObject]) -> Iterator[str]:
    rows = (
        [
            f"[{entry['id']}](#{entry['id']})",
            entry["question"],
            ", ".join(dict.fromkeys(v["indicator"] for v in entry["variants"])),
            "; ".join(map(_graded, entry["sources"])),
            entry["lastChecked"],
        ]
        for entry in entries
    )
    return table(("Id", "Question", "Indicators", "Sources and grades", "Last checked"), rows)


def _graded(source: JsonObject) -> str:
    part = f" ({source['part']})" if source["part"] else ""
    grade = f"grade {source['grade']}" if source["grade"] else "not graded"
    return f"{source['label']}{part}, {grade}"


def _recommendation(entry: JsonObject) -> Iterator[str]:
    yield from (f"### {entry['id']}", "", f"**{entry['title']}.** {entry['question']}", "")
    yield from (entry["explanation"], "")
    yield from (f"- {each['indicator']}: “{each['summary']}”" for each in entry["variants"])
    yield from _list("Looks at", (each["question"] for each in entry["inputs"]), " ")
    yield from _list("Depends on", map(_window, entry["windows"]))
    yield from _list("Sources", map(_cited, entry["sources"]))
    yield from _list("Statements", entry["statements"])
    yield from _list("Evidence", entry["evidenceNotes"], " ")
    yield from _list("Read for it", (f"{s['about']} [{s['tag']}]" for s in entry["support"]))
    yield from ([f"- {entry['sourcesDisagree']}"] if entry["sourcesDisagree"] else [])
    yield from _list("Limits", [entry["limits"] or ""])
    yield from (f"- Last checked {entry['lastChecked']}. {entry['signOff']}", "")


def _list(title: str, parts: Iterable[str], separator: str = "; ") -> Iterator[str]:
    told = separator.join(parts)
    if told:
        yield f"- {title}: {told}"


def _window(window: JsonObject) -> str:
    return f"`{window['name']}` {window['shown']} ({window['meaning']})"


def _cited(source: JsonObject) -> str:
    year = source["year"] or "year not stated"
    link = f" <{source['link']}>" if source["link"] else ""
    return f"{_graded(source)}, {year}.{link}"


def _statements(entries: list[JsonObject]) -> Iterator[str]:
    rows = ([e["id"], e["says"], _origin(e), _outcome(e)] for e in entries)
    return table(("No.", "Statement", "Text, grade", "What became of it"), rows)


def _origin(entry: JsonObject) -> str:
    source = f": {entry['source']}" if entry["source"] else ""
    grade = f"grade {entry['grade']}" if entry["grade"] else "not graded"
    return f"{entry['sourceText']}{source}, {grade}"


def _outcome(entry: JsonObject) -> str:
    here = ", ".join(f"[{name}](#{name})" for name in entry["recommendations"])
    later = ", ".join(entry["notInThisRelease"])
    parts = [
        f"{here}." if here else "",
        f"Not in this release: {later}." if later else "",
        "" if here or later else "**No rule.**",
        entry["reason"] or "",
    ]
    return " ".join(part for part in parts if part)
