"""The text of reports: attachments, HTML, sections, line ends."""

from __future__ import annotations

from base64 import b64encode
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.fhir import DiagnosticReport, read_resource
from hooks.readings.csf_space import Flow, Shunt, flow_status, valve
from hooks.readings.cytology import Result, classify
from hooks.readings.html_text import text_of_html
from hooks.readings.imaging import Pattern, pattern, read_studies
from hooks.readings.order import Formulation, formulation_in_text
from hooks.readings.reports import read_report, report_text
from hooks.readings.sections import result_part
from tests.properties import thorough

TEXT = "No malignant cells seen."
POSITIVE, NEGATIVE = Result.POSITIVE, Result.NEGATIVE


def attachment(content: str | bytes, kind: str = "text/plain") -> dict[str, str]:
    data = content.encode() if isinstance(content, str) else content
    return {"contentType": kind, "data": b64encode(data).decode()}


def report(*attachments: dict[str, Any], **members: Any) -> DiagnosticReport:
    raw = {"resourceType": "DiagnosticReport", "presentedForm": list(attachments), **members}
    found = read_resource(raw)
    assert isinstance(found, DiagnosticReport)
    return found


def test_conclusion_and_attachments_are_lines() -> None:
    page = attachment("<p>Reactive <b>lymphocytes</b></p>", "text/html")
    both = report(attachment("Addendum: none"), page, conclusion=TEXT)
    assert report_text(both) == f"{TEXT}\nAddendum: none\nReactive lymphocytes"
    assert not read_report(both).unreadable


def test_a_report_without_attachments_is_readable() -> None:
    assert read_report(report(conclusion=TEXT)).unreadable is False


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("Zytologie: Ödem", "text/plain"),
        ("Zytologie: Ödem".encode("latin-1"), "text/plain"),
        ("Zytologie: Ödem".encode("utf-8-sig"), "text/plain"),
        ("Zytologie: Ödem".encode("utf-16"), "text/plain; charset=utf-16"),
        ("Zytologie: Ödem".encode("cp1252"), 'TEXT/PLAIN; Charset="windows-1252"'),
    ],
)
def test_charset(content: str | bytes, kind: str) -> None:
    assert report_text(report(attachment(content, kind))) == "Zytologie: Ödem"


@pytest.mark.parametrize(
    "unreadable",
    [
        attachment("%PDF-1.7", "application/pdf"),
        attachment(r"{\rtf1 x}", "application/rtf"),
        attachment(TEXT, ""),
        {"data": b64encode(TEXT.encode()).decode()},
        {"contentType": "text/plain", "url": "https://records.example/report.txt"},
        {"contentType": "text/plain"},
        {},
        {"contentType": "text/plain", "data": "no base64!"},
        {"contentType": "text/plain", "data": "QUJ"},
        {"contentType": "text/plain", "data": "QUJD√"},
        attachment(TEXT, "text/plain; charset=klingon"),
        attachment(TEXT, "text/plain; charset=base64"),
        attachment("Ödem".encode("latin-1"), "text/plain; charset=utf-8"),
        attachment(TEXT.encode("utf-16")),
        attachment(b"\x00\x01\x02"),
        attachment("<p>Malignant <script>", "text/html"),
        attachment("<p>Malignant <!-- cells", "text/html"),
        attachment("<p>Malignant <![broken[ cells]]>", "text/html"),
        attachment("<p>Malignant <b", "text/html"),
        attachment("<html><body><img src='page-1.png'></body></html>", "text/html"),
        attachment(" \n "),
        attachment("x" * 50_001),
        attachment("x" * 300_001),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_read_is_named(unreadable: dict[str, Any]) -> None:
    found = read_report(report(unreadable, conclusion=TEXT))
    assert found.text == TEXT
    assert found.unreadable


def test_the_longest_text_is_read() -> None:
    assert len(report_text(report(attachment("x" * 50_000)))) == 50_000


def test_attachments_that_are_too_long_together_are_not_read() -> None:
    parts = attachment("x" * 30_000), attachment("y" * 30_000)
    found = read_report(report(*parts, conclusion=TEXT))
    assert found.text == TEXT
    assert found.unreadable


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>No evidence of\n malignancy</p>", "No evidence of malignancy"),
        ("<pre>A\nB</pre>", "A\nB"),
        ("A<br>B<br/>C", "A\nB\nC"),
        ("<tr><td>Malignant cells</td><td>none</td></tr>", "Malignant cells: none"),
        ("<tr><th>Malignant cells:<td>none", "Malignant cells: none"),
        ("<tr><td></td><td>none</td></tr>", "none"),
        ("<dl><dt>Diagnosis</dt><dd>benign</dd></dl>", "Diagnosis: benign"),
        ("<head><title>x</title></head><style>p</style>A<script>b</script>", "A"),
        ("<p>Cells <del>malignant</del><ins>benign</ins></p>", "Cells benign"),
        ("<head><style>p</style></head>A", "A"),
        ("<html><head><body>A</body></html>", "A"),
        ("Cells &amp", "Cells &"),
        ("<pre>A\nB</pre>C\nD", "A\nB\nC D"),
        ("<pre>A</pre><p>C\nD</p>", "A\nC D"),
        ("A</del>B &lt;5 &amp;&nbsp;C<!-- D -->", "AB <5 & C"),
    ],
)
def test_html_is_read_as_it_is_shown(page: str, text: str) -> None:
    found = text_of_html(page)
    assert found is not None
    assert "\n".join(line for line in found.splitlines() if line) == text


@pytest.mark.parametrize("opening", ["<a ", "<!--", "<a b='", "<![CDATA[", "<!doctype ", "</"])
def test_a_page_of_open_tags_is_refused_at_once(opening: str) -> None:
    assert text_of_html(opening * 10_000) is None


@thorough
@given(content=st.binary(max_size=200), kind=st.sampled_from(["text/plain", "text/html"]))
def test_any_bytes_are_text_or_unreadable(content: bytes, kind: str) -> None:
    found = read_report(report(attachment(content, kind)))
    assert found.text == "" or not found.unreadable


@thorough
@given(page=st.text("<>/!-[]&;#abp \n\"'=", max_size=60), charset=st.text(max_size=8))
def test_any_page_and_charset_is_text_or_unreadable(page: str, charset: str) -> None:
    found = read_report(report(attachment(page, f"text/html; charset={charset}")))
    assert found.text == "" or not found.unreadable


SENTENCES = (
    *("No malignant cells seen.", "Malignant cells", "possible", "leptomeningeal enhancement"),
    *("nodular", "Normal CSF flow", "block at T8", "History:", "IMPRESSION:", "but", "and", "\n"),
)
words = st.sampled_from(SENTENCES)


@thorough
@given(text=st.lists(words, max_size=25).map(" ".join))
def test_an_attachment_reads_like_a_conclusion(text: str) -> None:
    attached = report_text(report(attachment(text)))
    concluded = report_text(report(conclusion=text))
    assert attached == concluded
    for read in (classify, pattern, flow_status):
        assert read(attached) == read(concluded)


FULL = """CLINICAL HISTORY:
breast cancer, rule out LM
leptomeningeal enhancement elsewhere

TECHNIQUE:
MRI of the brain with and without contrast

COMPARISON: 3 March, nodular leptomeningeal enhancement
and drop metastases.

IMPRESSION:
{}
"""


@pytest.mark.parametrize(
    ("impression", "expected"),
    [
        ("Two new metastases.", Pattern.NOT_STATED),
        ("No leptomeningeal enhancement.", Pattern.NORMAL),
        ("Linear pial enhancement.", Pattern.LINEAR),
        ("Leptomeningeal disease?", Pattern.EQUIVOCAL),
    ],
)
def test_the_sections_beside_the_result_decide_nothing(impression: str, expected: Pattern) -> None:
    assert pattern(FULL.format(impression)) is expected


def test_sections_on_one_line() -> None:
    line = "Clinical history: lung cancer. Malignant cells in 2019. Final diagnosis: benign."
    assert result_part(line) == "Final diagnosis: benign."


def test_an_empty_line_ends_a_section_that_began_on_the_line_of_its_heading() -> None:
    assert result_part("History: lung cancer\nmalignant cells\n\nBenign.").strip() == "Benign."
    assert result_part("History:\nlung cancer\n\nmalignant cells").strip() == ""


def test_the_technique_ends_sooner_than_the_history() -> None:
    assert classify("Specimen: CSF, for malignant cells. Malignant cells present.") is POSITIVE
    assert classify("SPECIMEN\nCSF for malignant cells\n\nNo malignant cells.") is NEGATIVE
    assert classify("Specimen: CSF for malignant cells") is None


@pytest.mark.parametrize(
    ("title", "report_of_it", "contrast"),
    [
        ("MRI brain", "TECHNIQUE: with and without contrast.\nFINDINGS: none", True),
        ("MRI brain", "Comparison: MRI with contrast.\nFindings: none", None),
        ("MRI brain", "Unenhanced study. Recommend MRI with contrast.", False),
        ("MRI brain", "Findings: none", None),
    ],
)
def test_contrast_of_this_study(title: str, report_of_it: str, contrast: bool | None) -> None:
    one = report(conclusion=report_of_it, code={"text": title}, status="final", issued="2026-01-01")
    studies = read_studies([one], "brain", date(2026, 1, 2))
    assert [study.contrast for study in studies] == [contrast]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("PRIOR CYTOLOGY:\nMalignant cells present.\nDIAGNOSIS:\nNo malignant cells.", "negative"),
        ("Clinical details\n?malignant cells\nReport\nMalignant cells seen.", "positive"),
        ("No evidence of\nmalignant cells", None),
        ("MALIGNANT CELLS\nNot identified", None),
        ("No organisms seen and malignant cells are present.", "positive"),
        ("No organisms and malignant cells are present.", None),
        ("No lymphocytes seen except malignant cells.", "positive"),
        ("Positive for non-small cell carcinoma.", "positive"),
        ("There is no doubt that malignant cells are present.", None),
        ("Stains negative for TTF-1 and positive for GATA3 in carcinoma.", None),
        ("Not diagnostic of malignancy.", None),
        ("No convincing malignant cells.", None),
        ("Not enough cells to exclude malignancy.", "equivocal"),
        ("Cells concerning for carcinoma.", "equivocal"),
        ("Cytology for malignant cells pending.", None),
        ("Not benign.", None),
        ("Benign or malignant.", None),
        ("No tumour markers requested.", None),
        ("Malignant cells present, likely of lung origin.", "positive"),
        ("Malignancy probable.", "equivocal"),
        ("Adenocarcinoma?", "equivocal"),
    ],
)
def test_a_cytology_text_is_rather_undecided_than_wrong(text: str, result: str | None) -> None:
    assert classify(text) == (Result(result) if result else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No progression of leptomeningeal disease.", "linear"),
        ("No abnormality apart from leptomeningeal enhancement.", "linear"),
        ("No new leptomeningeal enhancement.", "not stated"),
        ("No compression of the cauda equina.", "not stated"),
        ("No enhancement of the cauda equina.", "normal"),
        ("No mass effect and leptomeningeal enhancement is seen.", "not stated"),
        ("Known leptomeningeal metastases.", "not stated"),
        ("Known leptomeningeal metastases, progressive.", "linear"),
        ("Previously noted leptomeningeal enhancement is less conspicuous.", "linear"),
        ("Leptomeningeal enhancement is no longer visible.", "normal"),
    ],
)
def test_an_mri_text_is_rather_undecided_than_wrong(text: str, expected: str) -> None:
    assert pattern(text) is Pattern(expected)


@pytest.mark.parametrize(
    ("text", "flow"),
    [
        ("Normal flow. Possible block at T8.", Flow.INCONCLUSIVE),
        ("Normal flow to T6, none below.", Flow.INCONCLUSIVE),
        ("Flow partially restored.", Flow.INCONCLUSIVE),
        ("Delayed flow, pathways patent.", Flow.INCONCLUSIVE),
        ("Known block at T8. Normal flow elsewhere.", Flow.INCONCLUSIVE),
        ("Known block at T8, unchanged.", Flow.OBSTRUCTED),
        ("Evaluate for block. Normal flow.", Flow.NORMAL),
        ("Normal.", Flow.NORMAL),
        ("Flow is probably normal.", Flow.INCONCLUSIVE),
        ("Indication: block at T8. Normal flow.", Flow.INCONCLUSIVE),
        ("Indication: block at T8.\n\nNormal flow.", Flow.NORMAL),
        ("No block is seen and flow is normal.", Flow.NORMAL),
    ],
)
def test_only_sure_words_open_the_flow(text: str, flow: Flow) -> None:
    assert flow_status(text) is flow


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Methotrexate with preservative, verify dose", Formulation.PRESERVED),
        ("12 mg preservative-free IT if platelets allow", Formulation.PRESERVATIVE_FREE),
        ("If out of stock, preservative-free from pharmacy", Formulation.NOT_STATED),
        ("Preservative-free?", Formulation.NOT_STATED),
        ("this one is not\npreservative-free", Formulation.PRESERVED),
        ("give if platelets allow\nmulti-dose vial", Formulation.PRESERVED),
        ("Bacteriostatic: no. Preservative-free.", Formulation.PRESERVED),
        ("Verify whether multi-dose", Formulation.NOT_STATED),
    ],
)
def test_only_what_is_stated_tells_of_the_preservative(text: str, form: Formulation) -> None:
    assert formulation_in_text(text) is form


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("VP shunt with on/off valve, check setting", Shunt.ON_OFF),
        ("The on/off valve may be closed for 4 h", Shunt.ON_OFF),
        ("Check for on/off valve", Shunt.VALVE_UNKNOWN),
        ("Programmable valve, no virtual-off setting", Shunt.PROGRAMMABLE),
    ],
)
def test_only_what_is_stated_tells_of_the_valve(text: str, status: Shunt) -> None:
    assert valve(text) is status
