"""Keys of clients: which ones count, and when a set is read again (trust section 1.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cds_service import client_auth, key_sets
from cds_service.config import Settings
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient, HttpAnswer
from cds_service.key_sets import KeySet, read_keys
from tests.clients import KIND_OF, OWN, Signer, key_file, made_key
from tests.fault_server import FaultServer, answer, fault_server, redirect, status

RSA = Signer(algorithm="RS384", key=made_key("RSA-2048"))
NEW = Signer(key_id="key-2", key=made_key("P-384", 2))
URL = "https://keys.example/jwks"


def ids(*entries: Any) -> list[str]:
    return [key.key_id for key in read_keys({"keys": list(entries)})]


@pytest.mark.parametrize(("algorithm", "kind"), KIND_OF.items())
def test_a_public_key_of_each_algorithm_counts(algorithm: str, kind: str) -> None:
    signer = Signer(algorithm=algorithm, key=made_key(kind))
    for entry in (signer.jwk(), signer.jwk(use=None, alg=None), signer.jwk(key_ops=["verify"])):
        (key,) = read_keys({"keys": [entry]})
        assert key.fits(algorithm)


def test_a_key_fits_only_its_type_its_curve_and_its_algorithm() -> None:
    def fitting(entry: dict[str, Any]) -> set[str]:
        (key,) = read_keys({"keys": [entry]})
        return {name for name in KIND_OF if key.fits(name)}

    assert fitting(OWN.jwk()) == fitting(OWN.jwk(alg=None)) == {"ES384"}
    assert fitting(RSA.jwk()) == {"RS384"}
    assert fitting(RSA.jwk(alg=None)) == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert fitting(OWN.jwk(alg="ES256")) == set()


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
        {"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"},
        Signer(algorithm="RS384", key=made_key("RSA-1024")).jwk(),
        OWN.jwk(kid=None),
        OWN.jwk(kid=7),
        OWN.jwk(use="enc"),
        OWN.jwk(key_ops=["sign"]),
        OWN.jwk(key_ops="verify"),
        OWN.jwk(d="AQAB"),
        RSA.jwk(d="AQAB"),
        OWN.jwk(kty=None),
        OWN.jwk(kty=["EC"]),
        OWN.jwk(crv="P-999"),
        OWN.jwk(crv="P-256"),
        OWN.jwk(crv="secp256k1"),
        OWN.jwk(crv=["P-384"]),
        OWN.jwk(x="AAAA"),
        RSA.jwk(e="AQ"),
        OWN.jwk(x=None),
        OWN.jwk(x=7),
        RSA.jwk(n=None),
        RSA.jwk(e="!"),
        {"kty": "OKP", "kid": "k", "crv": "X25519", "x": "AAAA"},
        {},
        None,
        "key",
        [],
    ],
    ids=str,
)
def test_other_keys_are_left_out_and_the_rest_stays(entry: Any) -> None:
    assert ids(entry, NEW.jwk()) == ["key-2"]


@pytest.mark.parametrize("content", [None, [], "x", {}, {"keys": None}, {"keys": {}}, {"keys": []}])
def test_what_is_no_set_holds_no_key(content: Any) -> None:
    assert read_keys(content) == ()


class Source:
    """Stands for the HTTP client: gives what it holds, and counts."""

    def __init__(self, *signers: Signer) -> None:
        self.answer = self.of(*signers)
        self.fetched = 0
        self.aside: list[Callable[[], None]] = []

    @staticmethod
    def of(*signers: Signer) -> HttpAnswer:
        return HttpAnswer({"keys": [each.jwk() for each in signers]}, status=200)

    def get(self, url: str, token: str | None, deadline: Deadline) -> HttpAnswer:
        assert (url, token) == (URL, None)
        assert 0 < deadline.remaining() <= 1.0
        self.fetched += 1
        return self.answer

    def submit(self, work: Callable[[], None]) -> Future[None]:
        self.aside.append(work)
        return Future()


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def found(keys: KeySet, key_id: str = "key-1", algorithm: str = "ES384") -> bool:
    return bool(keys.find(key_id, algorithm))


def test_a_set_is_read_once_for_many_tokens(time: Time) -> None:
    source = Source(OWN)
    keys = KeySet(URL, source, time)
    assert not keys.usable()
    keys.open()
    assert all(found(keys) for _ in range(10))
    keys.open()
    assert (source.fetched, source.aside) == (1, [])


def test_unknown_ids_cost_one_reading_in_30_seconds(time: Time) -> None:
    source = Source(OWN)
    keys = KeySet(URL, source, time)
    keys.open()
    time.now += 31
    assert not any(found(keys, f"key-{number}") for number in range(2, 100))
    assert source.fetched == 2
    time.now += 30
    assert not found(keys, "other")
    assert source.fetched == 2
    time.now += 1
    assert not found(keys, "other")
    assert source.fetched == 3


def test_new_keys_are_found_at_once_and_old_ones_until_they_are_gone(time: Time) -> None:
    source = Source(OWN)
    keys = KeySet(URL, source, time)
    keys.open()
    time.now += 31
    source.answer = source.of(OWN, NEW)
    assert found(keys, "key-2")
    assert found(keys, "key-1")
    source.answer = source.of(NEW)
    time.now += key_sets.FRESH_SECONDS + 1
    assert found(keys, "key-1")
    (work,) = source.aside
    work()
    assert not found(keys, "key-1")
    assert found(keys, "key-2")


def test_an_old_set_is_read_again_aside(time: Time) -> None:
    source = Source(OWN)
    keys = KeySet(URL, source, time)
    keys.open()
    time.now += key_sets.FRESH_SECONDS
    assert found(keys)
    assert source.aside == []
    time.now += 1
    assert found(keys)
    assert (source.fetched, len(source.aside)) == (1, 1)
    source.aside.pop()()
    assert found(keys)
    assert (source.fetched, source.aside) == (2, [])


@pytest.mark.parametrize("failing", [HttpAnswer(reason="timeout"), HttpAnswer({"keys": []})])
def test_the_last_set_counts_for_a_day_while_reading_fails(time: Time, failing: HttpAnswer) -> None:
    source = Source(OWN)
    keys = KeySet(URL, source, time)
    keys.open()
    source.answer = failing
    time.now += key_sets.KEEP_SECONDS
    assert found(keys)
    source.aside.pop()()
    assert found(keys)
    time.now += 1
    assert not found(keys)
    assert not keys.usable()
    source.answer = source.of(OWN)
    time.now += 31
    assert found(keys)


def test_a_set_that_was_never_read_is_tried_every_five_seconds(time: Time) -> None:
    source = Source()
    keys = KeySet(URL, source, time)
    for _ in range(3):
        keys.open()
        assert not found(keys)
    assert source.fetched == 1
    source.answer = source.of(OWN)
    time.now += 5.1
    assert found(keys)
    assert source.fetched == 2


def test_a_file_is_read_again_for_new_keys(tmp_path: Path, time: Time) -> None:
    path = key_file(tmp_path, OWN)
    keys = KeySet(str(path), Source(), time)
    keys.open()
    assert found(keys)
    key_file(tmp_path, OWN, NEW)
    assert not found(keys, "key-2")
    time.now += 31
    assert found(keys, "key-2")


def test_many_threads_read_once(time: Time) -> None:
    source = Source(OWN)
    keys = KeySet(URL, source, time)
    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(lambda _: found(keys), range(64)))
    assert source.fetched == 1


# With the real client -----------------------------------------------------------------------------


@pytest.fixture
def fetcher() -> Iterator[FhirClient]:
    made = client_auth.fetcher(Settings.from_env({"LM_CDS_PROFILE": "sandbox"}))
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as running:
        yield running


def test_keys_come_over_http(server: FaultServer, fetcher: FhirClient) -> None:
    server.on("/jwks", answer({"keys": [OWN.jwk()]}))
    keys = KeySet(f"{server.base}/jwks", fetcher)
    assert found(keys)
    assert server.requests[0].headers["Accept"] == "application/json"
    assert "Authorization" not in server.requests[0].headers


def test_a_redirect_a_long_answer_and_an_error_bring_no_keys(
    server: FaultServer, fetcher: FhirClient
) -> None:
    server.on("/away", redirect(f"{server.base}/jwks"))
    server.on("/jwks", answer({"keys": [OWN.jwk()]}))
    server.on("/long", answer({"keys": [OWN.jwk()], "more": "x" * key_sets.MAX_BYTES}))
    server.on("/gone", status(503))
    for path in ("away", "long", "gone"):
        assert not found(KeySet(f"{server.base}/{path}", fetcher))
    assert json.dumps(server.targets) == json.dumps(["/fhir/away", "/fhir/long", "/fhir/gone"])
