"""Hostile texts for cards: markup, links, tables, control characters, in 3,000 combinations."""

from __future__ import annotations

import random

_PIECES = (
    "<img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<svg/onload=alert(1)>",
    "<form action=https://evil.example><input>",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "</p>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<details open ontoggle=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "[x][1]\n\n[1]: //e.example",
    "<https://evil.example>",
    "https://evil.example/?p=1",
    "www.evil.example",
    "a@evil.example",
    "ftp://evil.example",
    "**bold**",
    "__bold__",
    "*em*",
    "~~gone~~",
    "`code`",
    "```\nfence\n```",
    "~~~\nfence\n~~~",
    "\n# heading\n",
    "\n===\n",
    "\n- item\n",
    "\n1. item\n",
    "\n> quote\n",
    "\n    indented\n",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "\n---\n",
    "- [x] done",
    "&lt;img src=x&gt;",
    "&#60;script&#62;",
    "&amp;amp;",
    "&NewLine;",
    "\\<b>",
    "\\`",
    "\\\\",
    "[^1]: foot",
    "$x$",
    ":smile:",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u200b",
    "\ufeff",
    "\x00",
    "\x1b[31m",
    "\x07",
    "\r\n",
    "\u2028",
    "\u0301" * 20,
    "{{7*7}}",
    "${7*7}",
    "%s%n",
    "{0}",
    "\U0001f4a3",
    "\ufffd",
    "' OR 1=1 --",
    "=cmd|' /C calc'!A0",
    "a" * 300,
)


def hostile_texts(count: int = 3_000, seed: int = 1) -> list[str]:
    """So many different texts of one to four pieces; each piece alone is among them."""
    chance = random.Random(seed)
    found = dict.fromkeys(_PIECES)
    while len(found) < count:
        joint = chance.choice(("", " ", "\n", "|", "\t"))
        found[joint.join(chance.choices(_PIECES, k=chance.randint(2, 4)))] = None
    return list(found)
