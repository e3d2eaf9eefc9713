"""The hostile values of the corpus, by what is odd about them."""

from __future__ import annotations

from typing import Any

MILLION = 1_000_000
WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "number": 4711,
    "fraction": -0.5,
    "text": "x",
    "empty text": "",
    "empty list": [],
    "list of list": [[]],
    "empty object": {},
    "list of null": [None],
    "object": {"resourceType": {"a": []}},
}
DATES: dict[str, Any] = {
    name: name
    for name in (
        "0000-00-00",
        "0001-01-01",
        "9999-12-31T23:59:59+14:00",
        "99999-01-01",
        "2026-02-30",
        "2026-13-01",
        "2016-12-31T23:59:60Z",
        "2026-11-20T25:00:00Z",
        "2026-11-20T12:00:00+99:99",
        "2026-11-20T12:00:00-00:00",
        "2026-11-20T12:00",
        "20261120",
        "2026-W47-5",
        "2026-325",
        "-2026-11-20",
        "+2026-11-20",
        "2026-11-20T12:00:00.999999999999999999999Z",
        "now()",
        "2026-11-20 12:00:00Z",
        "\u0662\u0660\u0662\u0666-11-20",
        "2026-11-20\u0000",
        "NaN",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-20T24:00:00Z",
    )
}
REFERENCES: dict[str, Any] = {
    name[:60]: name
    for name in (
        "../",
        "..",
        ".",
        "/",
        "#",
        "##",
        "#../x",
        "Patient/../Patient/x",
        "Patient/%2e%2e/admin",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//evil.example/fhir",
        "https://user:pass@fhir.example.org/r4",
        "http://[::1]:22/",
        "http://[",
        "javascript:alert(1)",
        "urn:uuid:",
        "urn:oid:1.2",
        "Patient?identifier=x|y",
        "Patient/x?y=z#f",
        "\u0000",
        "\r\nX-A: b",
        "x" * 5_000,
        "Patient/" + "/_history/1" * 200,
        "\u202ePatient",
        "Patient/\u00e9",
        "' OR 1=1 --",
    )
}
DECIMALS: dict[str, Any] = {
    "1e-400": 0.0,
    "-0": -0.0,
    "1e308": 1e308,
    "-1e308": -1e308,
    "5e-324": 5e-324,
    "2^53": 2**53,
    "2^63": 2**63,
    "2^64": 2**64 - 1,
    "tiny": 1e-300,
    "minus": -1,
    "0": 0,
    "text": "12",
    "list": [12],
}
TEXTS: dict[str, Any] = {
    "million": "a" * MILLION,
    "50001": "a " * 25_001,
    "spaces": " " * 40_000,
    "NUL": "a\u0000b",
    "bidi": "\u202e\u2066MRI\u2069",
    "astral": "\U0001f600" * 1000,
    "zalgo": "e" + "\u0301" * 5000,
    "lines": "no\n" * 10_000,
    "markup": "<img src=x onerror=alert(1)> **b** [a](http://x) | a |",
    "template": "{{context.patientId}} ${x} %s {0} {{7*7}}",
    "separators": "\u2028\u2029\u0085\v\f",
}
BOMBS: dict[str, str] = {
    "gene lists": "EGFR, ALK, HER2, BRAF, KRAS, TP53, " * 1000,
    "gene slashes": "EGFR/ALK/HER2/BRAF/" * 1800,
    "many no": "no a, " * 6000,
    "many not": "not " * 9000,
    "short lines": "no\n" * 12_000,
    "sentences": ". " * 18_000,
    "negations": "no evidence of leptomeningeal enhancement, without " * 700,
    "letters": "a" * 36_000,
    "spaces": " " * 36_000,
    "digits": "1" * 36_000,
    "variants": "L858R p.L858R V600E exon 19 deletion " * 900,
    "headings": "Findings: - " * 3000,
    "mri": "mri brain head spine " * 1700,
}
PAGES: dict[str, str] = {
    "tags": "<b>" * 10_000,
    "unclosed": "<" * 40_000,
    "comments": "<!--" * 10_000,
    "declarations": "<![" * 10_000,
    "entities": "&amp;" * 9_000,
    "numbers": "&#99999999999;" * 3_000,
    "attributes": "<a " + "x=y " * 10_000 + ">",
    "quotes": '<a href="' * 4_000,
    "script": "<script>" + "no" * 10_000,
    "tables": "<table><tr><td>" * 3_000,
    "cdata": "<![CDATA[" * 4_000 + "]]>",
    "instructions": "<?" * 15_000,
    "ends": "</" * 15_000,
    "surrogate": "no \ud800 cells",
}
CONTENT_TYPES = (
    "text/plain; charset=utf-7",
    "text/plain; charset=utf-16",
    "text/plain; charset=idna",
    "text/plain; charset=punycode",
    "text/plain; charset=rot13",
    "text/plain; charset=zip",
    "text/plain; charset=unicode_escape",
    "text/plain; charset=../../x",
    "text/html; charset=cp037",
    "text/plain; charset=" + "x" * 400,
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/pdf",
)
NESTED = {
    "60 lists": b"[" * 60 + b"]" * 60,
    "64 lists": b"[" * 64 + b"]" * 64,
    "65 objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "1024 lists": b"[" * 1024 + b"]" * 1024,
    "100000 lists": b"[" * 100_000 + b"]" * 100_000,
    "100000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100000 open lists": b"[" * 100_000,
}
OTHER_DRAFT = {"resource": {"resourceType": "ServiceRequest", "status": "draft"}}
_BLOOD = {"text": "headache"}
_FINAL = {"status": "final", "code": _BLOOD}
_CODINGS = [{"system": "http://snomed.info/sct", "code": f"{n}"} for n in range(20_000)]
MANY: dict[str, tuple[int, dict[str, Any]]] = {
    "conditions": (20_000, {"resourceType": "Condition", "code": _BLOOD}),
    "observations": (20_000, {"resourceType": "Observation", **_FINAL}),
    "requests": (
        5_000,
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "methotrexate 12 mg intrathecal"},
        },
    ),
    "requests with long notes": (
        50,
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "x"},
            "note": [{"text": "no shunt, " * 4_000}],
        },
    ),
    "codings": (5, {"resourceType": "Condition", "code": {"coding": _CODINGS}}),
    "procedures": (10_000, {"resourceType": "Procedure", "status": "completed", "code": _BLOOD}),
    "specimens": (10_000, {"resourceType": "Specimen", "type": {"text": "CSF"}}),
    "devices": (10_000, {"resourceType": "Device", "type": {"text": "shunt"}}),
    "strangers": (20_000, {"resourceType": "Basic"}),
}
STRUCTURES: dict[str, Any] = {
    "modifier": {"modifierExtension": [{"url": "https://example.org/not", "valueBoolean": True}]},
    "extension": {"extension": [{"url": "u", "extension": [{"url": "v", "valueString": "x"}]}]},
    "primitive extension": {"_status": {"extension": [{"url": "u", "valueCode": "unknown"}]}},
    "contains itself": {
        "contained": [{"resourceType": "Specimen", "id": "a", "subject": {"reference": "#a"}}]
    },
    "cycle": {
        "contained": [
            {
                "resourceType": "Medication",
                "id": "a",
                "ingredient": [{"itemReference": {"reference": "#b"}}],
            },
            {
                "resourceType": "Medication",
                "id": "b",
                "ingredient": [{"itemReference": {"reference": "#a"}}],
            },
        ],
        "medicationReference": {"reference": "#a"},
        "partOf": [{"reference": "#a"}],
    },
    "contained junk": {"contained": [{}, {"resourceType": "Medication"}, {"id": "x"}]},
    "many contained": {
        "contained": [{"resourceType": "Medication", "id": f"m{n}"} for n in range(2_000)]
    },
    "comparator": {"valueQuantity": {"value": 3, "comparator": "~~", "unit": "mg"}},
    "bad comparator": {"valueQuantity": {"value": 3, "comparator": 3}},
    "meta": {"meta": {"lastUpdated": "never", "versionId": 3, "tag": {"code": "SUBSETTED"}}},
    "text": {"text": {"status": "generated", "div": "<div>" * 1000}},
    "own type": {"resourceType": "Patient"},
    "no type": {"resourceType": ""},
    "unknown type": {"resourceType": "../Patient"},
}


def raw(plain: bytes) -> dict[str, bytes]:
    """Bodies that are no JSON, or not in UTF-8, or broken, made from a sound one."""
    cut = len(plain) // 2
    numbers = (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e400",
        b"9" * 5_000,
        b"0x10",
        b"01",
        b"+1",
        b".5",
    )
    escapes = (
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\x41"',
        b'"\\u00"',
        b'"\xff"',
        b'"\x00"',
        b'"\xc0\xaf"',
    )
    given = (*numbers, *escapes)
    made = {f"value {v[:20]!r}": plain[:1] + b'"n":' + v + b"," + plain[1:] for v in given}
    return made | {
        "nothing": b"",
        "a space": b" ",
        "null": b"null",
        "list": b"[]",
        "text": b'"x"',
        "zero": b"0",
        "empty object": b"{}",
        "half": plain[:cut],
        "without its end": plain[:-1],
        "twice": plain * 2,
        "garbage behind": plain + b"x",
        "NUL behind": plain + b"\0",
        "comment": b"/**/" + plain,
        "comma": plain[:-1] + b",}",
        "single quotes": plain.replace(b'"', b"'"),
        "two byte order marks": b"\xef\xbb\xbf" * 2 + plain,
        "byte order mark": b"\xef\xbb\xbf" + plain,
        "utf-16": plain.decode().encode("utf-16"),
        "utf-32": plain.decode().encode("utf-32"),
        "utf-7": plain.decode().encode("utf-7"),
        "latin-1": b'{"a":"\xe9"}',
        "gzip": b"\x1f\x8b\x08" + plain,
        "a million spaces": b" " * MILLION + plain,
        "a million brackets": b"[" * MILLION,
        "a million names": b"{" + b",".join(b'"%d":0' % n for n in range(200_000)) + b"}",
        "3 MB of {}": b"[" + b"{}," * MILLION + b"{}]",
        "40 MB text": b'{"a":"' + b"x" * 40 * MILLION + b'"}',
        "escaped colon": plain[:1] + b'"\\u003a":1,' + plain[1:],
        "form": b"a=b&c=d",
        "xml": b"<a/>",
    }
