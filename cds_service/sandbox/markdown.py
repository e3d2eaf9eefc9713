"""The part of Markdown that cards use, as HTML that cannot carry anything else.

Known: paragraphs, headings, lists, bold, emphasis, code and https links. Everything is escaped
first to last: HTML in a card is shown as text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

_INLINE = re.compile(
    r"\\(?P<plain>[!-/:-@\[-`{-~])"
    r"|\*\*(?P<strong>.+?)\*\*"
    r"|`(?P<code>[^`]+)`"
    r"|\[(?P<label>[^\]]+)\]\((?P<url>https://[^\s()<>\"]+)\)"
    r"|(?<![\w*])\*(?P<star>[^*\s][^*]*)\*(?!\w)"
    r"|(?<!\w)_(?P<line>[^_\s][^_]*)_(?!\w)"
)
_BLOCKS = {
    "bullet": re.compile(r"\s*[-*+] +(?P<text>.*)"),
    "number": re.compile(r"\s*\d+[.)] +(?P<text>.*)"),
    "heading": re.compile(r"#{1,6} +(?P<text>.*)"),
}
_LISTS = {"bullet": Markup("<ul>{}</ul>"), "number": Markup("<ol>{}</ol>")}


def render(text: str) -> Markup:
    """HTML of a Markdown text."""
    lines = [_classified(line) for line in text.splitlines()]
    blocks = groupby(lines, key=lambda line: line[0])
    return Markup("\n").join(
        _block(kind, [content for _, content in block]) for kind, block in blocks if kind
    )


def _classified(line: str) -> tuple[str, str]:
    """The kind of a line ("" for an empty one) and its text."""
    for kind, pattern in _BLOCKS.items():
        found = pattern.fullmatch(line)
        if found:
            return kind, found["text"]
    return ("paragraph" if line.strip() else ""), line


def _block(kind: str, lines: list[str]) -> Markup:
    if kind in _LISTS:
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line)) for line in lines)
        return _LISTS[kind].format(items)
    if kind == "heading":
        return Markup("").join(Markup("<h4>{}</h4>").format(_inline(line)) for line in lines)
    return Markup("<p>{}</p>").format(Markup("<br>").join(map(_inline, lines)))


def _inline(text: str) -> Markup:
    return Markup("").join(_parts(text))


def _parts(text: str) -> Iterator[Markup]:
    position = 0
    for found in _INLINE.finditer(text):
        yield _plain(text[position : found.start()])
        yield _formatted(found)
        position = found.end()
    yield _plain(text[position:])


def _formatted(found: re.Match[str]) -> Markup:
    if found["plain"]:
        return escape(found["plain"])
    if found["strong"]:
        return Markup("<strong>{}</strong>").format(_inline(found["strong"]))
    if found["code"]:
        return Markup("<code>{}</code>").format(_plain(found["code"]))
    if found["url"]:
        link = Markup('<a href="{}" rel="noreferrer noopener">{}</a>')
        return link.format(found["url"], _plain(found["label"]))
    return Markup("<em>{}</em>").format(_inline(found["star"] or found["line"]))


def _plain(text: str) -> Markup:
    """Text, with character references read first so that `&lt;` shows as one character."""
    return escape(html.unescape(text))
