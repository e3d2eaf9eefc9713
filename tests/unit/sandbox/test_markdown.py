"""The Markdown of cards as HTML: what is formatted, and that nothing else gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.sandbox.markdown import render

TAGS = {"p", "br", "ul", "ol", "li", "h4", "strong", "em", "code", "a"}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p>\n<p>three</p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("Why:\n- a", "<p>Why:</p>\n<ul><li>a</li></ul>"),
        ("## Why", "<h4>Why</h4>"),
        (
            "**bold** and *slanted* and _too_",
            "<p><strong>bold</strong> and <em>slanted</em> and <em>too</em></p>",
        ),
        ("`a_b_c` a_b_c 2*3*4", "<p><code>a_b_c</code> a_b_c 2*3*4</p>"),
        (r"\*not bold\* \<b\>", "<p>*not bold* &lt;b&gt;</p>"),
        ("5 &lt; 6 &amp; 7 < 8", "<p>5 &lt; 6 &amp; 7 &lt; 8</p>"),
        (
            "[text](https://example.org/a?b=1)",
            '<p><a href="https://example.org/a?b=1" rel="noreferrer noopener">text</a></p>',
        ),
        ("", ""),
    ],
)
def test_what_is_formatted(text: str, html: str) -> None:
    assert render(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "**<b>x</b>**",
        "[x](javascript:alert(1))",
        "[x](http://example.org)",
        '[x](https://a.example/" onclick="y)',
        "&lt;script&gt;",
        r"\<script\>",
        "- <iframe srcdoc=x>",
    ],
)
def test_hostile_text_is_shown_not_run(text: str) -> None:
    html = render(text)
    assert not re.search(r"<(script|img|b|iframe)\b", html)
    assert "<a " not in html


@given(st.text(alphabet="<>&\"'*_`[]()\\#-1. \nhtps:/a", max_size=80))
def test_only_known_tags_come_out(text: str) -> None:
    html = render(text)
    assert set(re.findall(r"</?([^\s>/]*)", html)) <= TAGS
    attributes = re.sub(r' href="https://[^"<>\s]*" rel="noreferrer noopener"', "", html)
    assert not re.search(r"<\w+\s", attributes)
