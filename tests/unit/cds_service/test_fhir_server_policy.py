"""fhir_server_policy: which server may be contacted (trust, 1.1), and which pages lie on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir_server_policy import allowed_base, below, page_url

R4 = "https://fhir.example.org/r4"
CONFIGURED = (R4, "https://ehr.example.org:8443/api/FHIR/", "http://plain.example.org/fhir")

SAME = {
    "as configured": R4,
    "default port": "https://fhir.example.org:443/r4",
    "upper case": "HTTPS://FHIR.Example.ORG/r4",
    "trailing slash": f"{R4}/",
    "host with trailing dot": "https://fhir.example.org./r4",
}

HOSTILE = {
    "prefix": f"{R4}x",
    "longer path": f"{R4}/Patient",
    "dot segments": f"{R4}/../admin",
    "dot segments back to the base": "https://fhir.example.org/x/../r4",
    "encoded dot segments": f"{R4}/%2e%2e/admin",
    "mixed dot segments": "https://fhir.example.org/x/.%2E/r4",
    "single dot": "https://fhir.example.org/./r4",
    "dot segment with parameter": "https://fhir.example.org/x/..;/r4",
    "line feed": f"{R4}\n",
    "line feed inside": "https://fhir.exa\nmple.org/r4",
    "tab": "https://fhir.example.org\t/r4",
    "leading space": f" {R4}",
    "null": f"{R4}\x00",
    "query": f"{R4}?x=http://169.254.169.254/",
    "empty query": f"{R4}?",
    "fragment": f"{R4}#x",
    "user information": "https://user@fhir.example.org/r4",
    "host as user": "https://fhir.example.org@evil.example/r4",
    "host as user with password": "https://fhir.example.org:443@evil.example/r4",
    "backslash": "https://evil.example\\@fhir.example.org/r4",
    "backslash path": "https://fhir.example.org\\r4",
    "other host": "https://evil.example/r4",
    "host suffix": "https://fhir.example.org.evil.example/r4",
    "host prefix": "https://xfhir.example.org/r4",
    "other port": "https://fhir.example.org:8443/r4",
    "port zero": "https://fhir.example.org:0/r4",
    "port too large": "https://fhir.example.org:65979/r4",
    "empty port": "https://fhir.example.org:/r4",
    "port with zeros": "https://fhir.example.org:0443/r4",
    "http": "http://fhir.example.org/r4",
    "other scheme": "ftp://fhir.example.org/r4",
    "file": "file:///etc/passwd",
    "no scheme": "fhir.example.org/r4",
    "no slashes": "https:fhir.example.org/r4",
    "path in upper case": "https://fhir.example.org/R4",
    "double slash": "https://fhir.example.org//r4",
    "two trailing slashes": f"{R4}//",
    "encoded slash": "https://fhir.example.org%2fr4",
    "encoded letter": "https://fhir.example.org/%724",
    "look-alike letter": "https://fhir.еxample.org/r4",
    "full-width dot": "https://fhir.example．org/r4",
    "metadata address": "http://169.254.169.254/r4",
    "loopback": "http://127.0.0.1/r4",
    "name of this host": "https://localhost/r4",
    "private address": "https://10.0.0.1/r4",
    "decimal address": "http://2130706433/r4",
    "octal address": "https://0177.0.0.1/r4",
    "hexadecimal address": "https://0x7f000001/r4",
    "short address": "https://127.1/r4",
    "IPv6 loopback": "https://[::1]/r4",
    "IPv4-mapped": "https://[::ffff:169.254.169.254]/r4",
    "NAT64": "https://[64:ff9b::a9fe:a9fe]/r4",
    "6to4": "https://[2002:7f00:1::]/r4",
    "IPv6 with zone": "https://[fe80::1%25eth0]/r4",
    "IPv6 without brackets": "https://::1/r4",
    "empty user": "https://@fhir.example.org/r4",
    "encoded host": "https://%66hir.example.org/r4",
    "encoded at": "https://fhir.example.org%40evil.example/r4",
    "encoded line feed": f"{R4}%0a",
    "encoded null": f"{R4}%00",
    "ideographic full stop": "https://fhir.example。org/r4",
    "soft hyphen": "https://fhir.exam\u00adple.org/r4",
    "direction mark": "https://fhir.example.org/\u202er4",
    "negative port": "https://fhir.example.org:-443/r4",
    "port with sign": "https://fhir.example.org:+443/r4",
    "two ports": "https://fhir.example.org:443:443/r4",
    "semicolon": f"{R4};x=1",
    "three slashes": "https:///fhir.example.org/r4",
    "two trailing dots": "https://fhir.example.org../r4",
    "empty": "",
    "only dots": "https://../r4",
}


@pytest.mark.parametrize("url", SAME.values(), ids=SAME)
@pytest.mark.parametrize("profile", ["production", "sandbox"])
def test_spellings_of_a_configured_server(profile: str, url: str) -> None:
    assert allowed_base(profile, CONFIGURED, url) == R4


@pytest.mark.parametrize("url", HOSTILE.values(), ids=HOSTILE)
def test_hostile_in_production(url: str) -> None:
    assert allowed_base("production", CONFIGURED, url) is None


def test_configured_server_is_contacted_as_configured() -> None:
    asked = "https://EHR.example.org:8443/api/FHIR"
    expected = "https://ehr.example.org:8443/api/FHIR"
    assert allowed_base("production", CONFIGURED, asked) == expected


def test_http_only_in_the_sandbox() -> None:
    plain = "http://plain.example.org/fhir"
    assert allowed_base("production", CONFIGURED, plain) is None
    assert allowed_base("sandbox", CONFIGURED, plain) == plain


def test_nothing_is_configured() -> None:
    assert allowed_base("production", (), R4) is None
    assert allowed_base("sandbox", (), R4) is None


LOOPBACK = {
    "http://localhost:8080/fhir": "http://localhost:8080/fhir",
    "https://LOCALHOST/fhir/": "https://localhost/fhir",
    "http://127.0.0.1:5000/fhir": "http://127.0.0.1:5000/fhir",
    "http://127.8.9.10/": "http://127.8.9.10",
    "http://[::1]:8080/fhir": "http://[::1]:8080/fhir",
    "http://[0:0:0:0:0:0:0:1]/fhir": "http://[0:0:0:0:0:0:0:1]/fhir",
}


@pytest.mark.parametrize(("url", "base"), LOOPBACK.items())
def test_loopback_only_in_the_sandbox(url: str, base: str) -> None:
    assert allowed_base("sandbox", (), url) == base
    assert allowed_base("production", (), url) is None


NOT_LOOPBACK = [
    "http://localhost.example.org/fhir",
    "http://xlocalhost/fhir",
    "http://127.0.0.1.example.org/fhir",
    "http://127.1/fhir",
    "http://127.0.0.01/fhir",
    "http://0x7f.0.0.1/fhir",
    "http://2130706433/fhir",
    "http://0.0.0.0/fhir",
    "http://[::]/fhir",
    "http://[::ffff:127.0.0.1]/fhir",
    "http://[64:ff9b::7f00:1]/fhir",
    "http://[2002:7f00:1::]/fhir",
    "http://[::1/fhir",
    "http://128.0.0.1/fhir",
    "http://user@localhost/fhir",
    "http://localhost\\@evil.example/fhir",
    "http://localhost#@evil.example/fhir",
    "http://localhost:5000/fhir/../admin",
    "http://localhost:5000/fhir?x=1",
    "http://localhost:5000/fh%69r",
    "http://localhost:5000/fhir\\x",
]


@pytest.mark.parametrize("url", NOT_LOOPBACK)
def test_not_loopback(url: str) -> None:
    assert allowed_base("sandbox", (), url) is None


@given(st.text(alphabet="htps:/.@\\#?%2e[]r4fhiexamplog0143\t \n", max_size=60))
def test_only_configured_bases_come_out_in_production(url: str) -> None:
    allowed = {None, R4, "https://ehr.example.org:8443/api/FHIR"}
    assert allowed_base("production", CONFIGURED, url) in allowed


BASE = "http://fhir.example.org:8080/fhir"
PAGE = f"{BASE}/Condition?patient=p1"

ON_THE_SERVER = {
    f"{BASE}?_getpages=1&_count=20": f"{BASE}?_getpages=1&_count=20",
    f"{BASE}/?page=2": f"{BASE}/?page=2",
    f"{BASE}/Condition?page=2&code=a%7Cb": f"{BASE}/Condition?page=2&code=a%7Cb",
    "HTTP://FHIR.example.org:8080/fhir/Condition?p=A": f"{BASE}/Condition?p=A",
    "?page=2": f"{BASE}/Condition?page=2",
    "Condition?page=2": f"{BASE}/Condition?page=2",
    "/fhir/Condition?page=2": f"{BASE}/Condition?page=2",
    "//fhir.example.org:8080/fhir?p": f"{BASE}?p",
    f"{BASE}/Condition?next=/../x": f"{BASE}/Condition?next=/../x",
}


@pytest.mark.parametrize(("link", "address"), ON_THE_SERVER.items())
def test_next_on_the_same_server(link: str, address: str) -> None:
    assert page_url(BASE, PAGE, link) == address


@pytest.mark.parametrize(
    "link",
    [
        "http://other.example.org:8080/fhir?page=2",
        "http://10.1.2.3:8080/fhir?page=2",
        "http://fhir.example.org/fhir?page=2",
        "http://fhir.example.org:8080:8080/fhir?page=2",
        "https://fhir.example.org:8080/fhir?page=2",
        "http://fhir.example.org:8080/fhirx?page=2",
        "http://fhir.example.org:8080/?page=2",
        "http://fhir.example.org:8080/fhir/../admin?page=2",
        "http://fhir.example.org:8080/fhir/%2e%2e/admin?page=2",
        "http://user@fhir.example.org:8080/fhir?page=2",
        "http://fhir.example.org:8080\\@evil.example/fhir?page=2",
        "/admin?page=2",
        "../admin",
        "../../admin",
        "//evil.example/fhir?page=2",
        "javascript:alert(1)",
        "urn:uuid:1",
        f"{BASE}?page=2#x",
        f"{BASE}?page=2\n",
        f"{BASE}?page= 2",
        "",
    ],
)
def test_next_elsewhere(link: str) -> None:
    assert page_url(BASE, PAGE, link) is None


def test_below_needs_addresses() -> None:
    assert below("nonsense", PAGE) is None
    assert below(BASE, "nonsense") is None
