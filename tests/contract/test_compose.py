"""docker-compose.yml, checked without a container engine.

It must fit the Compose specification (`compose_spec.json`, from docker-compose 1.29.2,
Apache-2.0); its settings must be ones that the service takes, and its parts must fit together.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from cds_service.config import Settings

ROOT = Path(__file__).parents[2]
PORT = 8080
OURS = ("service", "migrate", "load-fixtures")
ALL = (*OURS, "postgres", "hapi", "nginx")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_compose_file_fits_the_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose_spec.json").read_text("utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    assert [*validator.iter_errors(COMPOSE | {"services": {"a": {"imagee": "b"}}})]


def test_the_services_are_the_expected_ones() -> None:
    assert sorted(SERVICES) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["stop_grace_period"] == "20s"
    assert {"pids_limit", "mem_limit", "cpus", "tmpfs", "logging"} <= set(service)
    refused = {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices", "userns_mode"}
    assert not refused & set(service)


@pytest.mark.parametrize("name", [*OURS, "postgres", "nginx"])
def test_the_root_of_the_file_system_is_read_only(name: str) -> None:
    assert SERVICES[name]["read_only"] is True


@pytest.mark.parametrize("name", OURS)
def test_nothing_can_be_executed_from_the_writable_part_of_our_containers(name: str) -> None:
    assert all("noexec" in each for each in SERVICES[name]["tmpfs"])
    assert "user" not in SERVICES[name]


@pytest.mark.parametrize("name", ["postgres", "hapi", "nginx"])
def test_foreign_images_have_an_exact_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image in ("postgres:16-alpine", "hapiproject/hapi:v8.10.0-3", "nginx:1.28.0-alpine")


def test_ports_are_open_to_this_host_only() -> None:
    ports = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert ports == {
        "service": [f"127.0.0.1:8080:{PORT}", "127.0.0.1:9464:9464"],
        "nginx": ["127.0.0.1:8443:8443"],
        "hapi": ["127.0.0.1:8931:8080"],
        "migrate": [],
        "load-fixtures": [],
        "postgres": [],
    }


def test_the_database_cannot_be_reached_from_outside() -> None:
    assert COMPOSE["networks"]["store"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == ["store"]
    assert [name for name in ALL if "store" in SERVICES[name]["networks"]] == [
        *("service", "migrate", "postgres")
    ]


def environment(name: str) -> dict[str, str]:
    """The environment of a service with the defaults of its variables."""
    given = SERVICES[name]["environment"]
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in given.items()}


@pytest.mark.parametrize("name", OURS)
def test_the_settings_are_accepted_and_name_containers_that_can_be_reached(name: str) -> None:
    settings = Settings.from_env(environment(name))
    assert settings.sandbox
    hosts = {"store": urlsplit(settings.database_url).hostname}
    hosts |= {"fhir": urlsplit(settings.fhir_servers[0]).hostname}
    for network, host in hosts.items():
        assert network in SERVICES[host or ""]["networks"]


def test_the_database_is_the_one_that_is_made() -> None:
    url = urlsplit(environment("service")["LM_CDS_DATABASE_URL"])
    made = environment("postgres")
    assert url.username == made["POSTGRES_USER"]
    assert url.password == made["POSTGRES_PASSWORD"]
    assert url.path == f"/{made['POSTGRES_DB']}"


def test_the_one_shot_commands_exist() -> None:
    for name, module in (
        ("migrate", "cds_service.migrations"),
        ("load-fixtures", "cds_service.load_fixtures"),
    ):
        assert SERVICES[name]["command"][:3] == ["python", "-m", module]
        assert importlib.util.find_spec(module) is not None
    assert SERVICES["load-fixtures"]["command"][3] == environment("service")["LM_CDS_FHIR_SERVERS"]


def test_each_starts_after_what_it_needs() -> None:
    needs = {
        name: {each: how["condition"] for each, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert needs == {
        "service": {
            "migrate": "service_completed_successfully",
            "load-fixtures": "service_completed_successfully",
        },
        "migrate": {"postgres": "service_healthy"},
        "load-fixtures": {"hapi": "service_healthy"},
        "postgres": {},
        "hapi": {},
        "nginx": {"service": "service_healthy"},
    }
    for needed in ("postgres", "hapi"):
        assert SERVICES[needed]["healthcheck"]["test"][0] == "CMD"


def test_hapi_is_asked_by_the_class_that_its_image_brings() -> None:
    assert SERVICES["hapi"]["healthcheck"]["test"] == ["CMD", "java", "-cp", "/app", "HealthCheck"]


def test_only_declared_networks_and_volumes_are_used() -> None:
    networks = {each for service in SERVICES.values() for each in service["networks"]}
    mounts = [each for service in SERVICES.values() for each in service.get("volumes", [])]
    volumes = {each.split(":")[0] for each in mounts if not each.startswith((".", "$"))}
    assert networks == set(COMPOSE["networks"])
    assert volumes == set(COMPOSE["volumes"])


def test_nginx_fits_its_configuration() -> None:
    nginx = SERVICES["nginx"]
    text = (ROOT / "cds_service" / "deploy" / "nginx.conf").read_text("utf-8")
    assert nginx["profiles"] == ["nginx"]
    assert "./cds_service/deploy/nginx.conf:/etc/nginx/nginx.conf:ro" in nginx["volumes"]
    assert all(mount.endswith(":ro") for mount in nginx["volumes"])
    assert f"server service:{PORT} " in text
    assert nginx["ports"] == ["127.0.0.1:8443:8443"]
    assert "listen 8443 ssl" in text
    for certificate in re.findall(r"ssl_certificate(?:_key)? (\S+);", text):
        assert certificate.startswith("/etc/nginx/tls/")
    written = re.findall(r"(?:pid|_temp_path) (\S+);", text)
    assert len(written) == 6
    assert all(path.startswith("/tmp/") for path in written)  # noqa: S108
    (memory,) = re.findall(r":size=(\d+)m", nginx["tmpfs"][0])
    (body,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(memory) >= 8 * int(body)
    assert int(body) * 1024 * 1024 == Settings.from_env({}).max_body_bytes
    assert set(nginx["networks"]) & set(SERVICES["service"]["networks"])


def test_figures_are_published_on_the_port_that_serves_them() -> None:
    host, port = Settings.from_env(environment("service")).metrics_bind or ("", 0)
    assert host == "0.0.0.0"  # noqa: S104 (inside its container)
    assert f"127.0.0.1:{port}:{port}" in SERVICES["service"]["ports"]


def test_the_end_fits_into_the_time_that_is_given() -> None:
    settings = Settings.from_env(environment("service"))
    longest = settings.drain_seconds + max(8, settings.deadline_ms // 1000 + 4)
    for service in OURS:
        assert longest < int(SERVICES[service]["stop_grace_period"].removesuffix("s"))
