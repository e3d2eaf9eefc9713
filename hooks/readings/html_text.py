"""The text of an HTML page, line by line as it is shown.

Script, style, head and struck-out text are left out. A block element ends a line; a table row is
one line whose cells are parted by colons, so that "Malignant cells | none" stays one statement.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_UNCLOSED = re.compile(r"<(?![^>]{0,1000}>)")
"""A tag that does not end: what follows is no text, and the parser takes long over it."""
_Attributes = list[tuple[str, str | None]]
_NOT_SHOWN = frozenset({"script", "style", "head", "template", "del", "s", "strike"})
_CELLS = frozenset({"td", "th", "dd"})
_INLINE = frozenset({"a", "b", "big", "code", "em", "font", "i", "ins", "mark", "small", "span"})
_INLINE |= {"strong", "sub", "sup", "tt", "u"}


class _Lines(HTMLParser):
    """Collects what is shown, line by line."""

    def __init__(self) -> None:
        """An empty page."""
        super().__init__(convert_charrefs=True)
        self.hidden: list[str] = []
        self.lines = [""]
        self.preformatted = 0

    def handle_starttag(self, tag: str, _attrs: _Attributes) -> None:
        """Begin hidden text, a cell or a line."""
        if tag in _NOT_SHOWN:
            self.hidden.append(tag)
        elif tag == "body":
            self.hidden.clear()
        elif tag in _CELLS:
            self._part_cells()
        elif tag not in _INLINE:
            self.lines.append("")
        self.preformatted += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        """End hidden text or a line."""
        if self.hidden and self.hidden[-1] == tag:
            self.hidden.pop()
        elif tag not in _INLINE | _CELLS | _NOT_SHOWN | {"dt"}:
            self.lines.append("")
        self.preformatted -= tag == "pre"

    def handle_data(self, data: str) -> None:
        """Add shown text; line ends of the source count in preformatted text only."""
        if self.hidden:
            return
        shown = data if self.preformatted > 0 else re.sub(r"\s+", " ", data)
        self.lines[-1] += shown

    def _part_cells(self) -> None:
        before = self.lines[-1].rstrip(": \n")
        self.lines[-1] = f"{before}: " if before else ""


def text_of_html(page: str) -> str | None:
    """The shown text; None for a page in which a tag, a comment or hidden text does not end."""
    if _UNCLOSED.search(page) or page.count("<!--") > page.count("-->"):
        return None
    reader = _Lines()
    try:
        reader.feed(page)
        reader.close()
    except AssertionError:  # how the parser of the standard library rejects a broken declaration
        return None
    return None if reader.hidden else "\n".join(line.strip() for line in reader.lines).strip()
