"""The text of a report: its conclusion and its inline attachments (DiagnosticReport.presentedForm).

Plain text and HTML are read. An attachment cannot be read when it is behind a URL, of another type
(PDF, RTF, an image), no base64, does not fit its charset, or is longer than the longest text. The
report then says so, and never counts as one that found nothing.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from hooks.fhir import LONGEST_TEXT, Attachment, DiagnosticReport
from hooks.readings.html_text import text_of_html
from hooks.readings.text import joined

UNREAD = "report could not be read"
"""What evidence says of a report that decides nothing because an attachment cannot be read."""
_LONGEST_DATA = 6 * LONGEST_TEXT
"""Characters of base64 that can hold a text of the greatest length, with line ends."""
MOST_LINES = 3_000
"""Lines of one report; each costs as much as many words."""
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\"';\s]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_TO_TEXT: dict[str, Callable[[str], str | None]] = {
    "text/plain": lambda text: text,
    "text/html": text_of_html,
    "application/xhtml+xml": text_of_html,
}


@dataclass(frozen=True, slots=True)
class ReportText:
    """What of a report can be read, and whether an attachment of it cannot."""

    text: str
    unreadable: bool


def _decoded(data: bytes, content_type: str) -> str:
    """Text by the stated charset, else UTF-8, else Latin-1.

    Raises `LookupError` for an unknown charset and `ValueError` for bytes that do not fit it.
    """
    stated = _CHARSET.search(content_type)
    if stated:
        return data.decode(stated[1])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def is_text(attachment: Attachment) -> bool:
    """Whether an attachment is of a type whose text is read."""
    return _type(attachment) in _TO_TEXT


def _type(attachment: Attachment) -> str:
    return (attachment.content_type or "").partition(";")[0].strip().lower()


def text_of_attachment(attachment: Attachment) -> str | None:
    """The text of an inline attachment; None = cannot be read, as a page that is only an image."""
    stated, data = attachment.content_type or "", attachment.data or ""
    to_text = _TO_TEXT.get(_type(attachment))
    if to_text is None or not data or len(data) > _LONGEST_DATA:
        return None
    try:
        text = _decoded(b64decode("".join(data.split()), validate=True), stated)
    except (ValueError, LookupError):
        return None
    if len(text) > LONGEST_TEXT or _CONTROL.search(text):
        return None
    return (to_text(text) or "").strip() or None


def read_report(report: DiagnosticReport) -> ReportText:
    """The conclusion and every attachment that can be read, each beginning a line.

    Attachments that together exceed the longest text are left out, and count as not read. A
    report of more lines than anybody writes is not read at all.
    """
    attached = [text_of_attachment(attachment) for attachment in report.presented_form or ()]
    whole = joined((report.conclusion, *attached))
    if whole.count("\n") > MOST_LINES:
        return ReportText("", unreadable=True)
    if len(whole) > LONGEST_TEXT:
        return ReportText(report.conclusion or "", unreadable=True)
    return ReportText(whole, None in attached)


def report_text(report: DiagnosticReport) -> str:
    """What of a report can be read, as lines."""
    return read_report(report).text
