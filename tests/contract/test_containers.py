"""The Dockerfile and the health checks of both container files, without a container engine.

The rules are those of common linters; the health checks are run against a real server, and the
command against the real application.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cds_service.config import Settings
from tests import clients, live

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").split("\n")


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    lines = [line for line in joined.split("\n") if line.strip()]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


DOCKERFILE = instructions()


def all_of(name: str) -> list[str]:
    return [arguments for each, arguments in DOCKERFILE if each == name]


def last(name: str) -> str:
    return all_of(name)[-1]


def docker_health() -> list[str]:
    return list(json.loads(last("HEALTHCHECK").split("CMD ", 1)[1]))


def test_every_instruction_is_a_known_one() -> None:
    known = "FROM ENV WORKDIR COPY RUN LABEL USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK CMD"
    assert {name for name, _ in DOCKERFILE} == set(known.split())


def test_base_images_are_pinned_by_tag_and_digest() -> None:
    images = [arguments.split(" AS ")[0] for arguments in all_of("FROM")]
    assert len(images) == 2
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", images[0])


def test_the_image_runs_as_a_numbered_user_without_rights() -> None:
    assert all_of("USER") == ["10001:10001"]
    after = [name for name, _ in DOCKERFILE][[name for name, _ in DOCKERFILE].index("USER") :]
    assert "RUN" not in after
    assert "COPY" not in after


def test_nothing_is_installed_without_a_hash() -> None:
    installs = re.findall(r"pip install [^&]*", " && ".join(all_of("RUN")))
    assert [each.split()[2] for each in installs] == ["--require-hashes", "--no-deps"]
    assert "--no-build-isolation" in installs[1]
    lock = (ROOT / "requirements-postgres.lock").read_text("utf-8")
    for package in ("psycopg==", "gunicorn==", "setuptools=="):
        assert f"\n{package}" in lock


@pytest.mark.parametrize(
    "forbidden", [r"curl|wget", r"sudo", r"apt-get", r"chmod 777", r"\|\s*(ba)?sh", r"pip.*--user"]
)
def test_commands_that_linters_refuse(forbidden: str) -> None:
    assert not re.search(forbidden, " ".join(all_of("RUN")))


def test_no_secret_is_baked_in() -> None:
    told = " ".join([*all_of("ENV"), *all_of("LABEL"), *all_of("COPY")])
    assert not re.search(r"password|secret|token|\.env", told, re.IGNORECASE)


def copied() -> list[str]:
    sources = [arguments.split()[:-1] for arguments in all_of("COPY") if "--from" not in arguments]
    return [name for each in sources for name in each]


@pytest.mark.parametrize("name", copied())
def test_what_is_copied_exists_and_reaches_the_build(name: str) -> None:
    assert name not in (".", "./", "*")
    assert (ROOT / name).exists()
    assert f"!{name}" in IGNORED


def test_nothing_else_reaches_the_build() -> None:
    kept = [line[1:] for line in IGNORED if line.startswith("!")]
    assert next(line for line in IGNORED if line and not line.startswith("#")) == "*"
    assert sorted(kept) == sorted(copied())


def test_all_packages_are_copied() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    assert packages <= set(copied())


def test_the_environment_of_the_image_is_accepted() -> None:
    pairs = dict(re.findall(r"(LM_CDS_\w+)=(\S+)", " ".join(all_of("ENV"))))
    settings = Settings.from_env(pairs)
    assert settings.database_url == "sqlite:////var/lib/lm-cds/lm-cds.sqlite3"
    assert last("VOLUME") == last("WORKDIR") == "/var/lib/lm-cds"
    assert not settings.sandbox


def test_the_command_of_the_image_loads_the_application(tmp_path: Path) -> None:
    command = json.loads(last("CMD"))
    assert command[0] == "gunicorn"
    assert last("EXPOSE") == "8080"
    assert command[command.index("--bind") + 1] == f"0.0.0.0:{last('EXPOSE')}"
    check = [sys.executable, "-m", "gunicorn", *command[1:], "--check-config"]
    environ = os.environ | clients.production(tmp_path)
    done = subprocess.run(check, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    configured = live.settings(tmp_path_factory.mktemp("health"))
    with live.application(configured) as base:
        yield urlsplit(base).port or 0


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server whose database cannot be used: alive, but not ready."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "file").write_text("")
    with live.application(live.settings(folder / "file")) as base:
        yield urlsplit(base).port or 0


def healthy(command: list[str], port: int) -> bool:
    assert command[0] == "python"
    code = command[2].replace("8080", str(port))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def test_the_health_check_of_the_image(port: int, broken: int) -> None:
    assert healthy(docker_health(), port)
    assert healthy(docker_health(), broken)
    assert not healthy(docker_health(), 1)


def test_the_health_check_of_the_service(port: int, broken: int) -> None:
    kind, *command = COMPOSE["services"]["service"]["healthcheck"]["test"]
    assert kind == "CMD"
    assert healthy(command, port)
    assert not healthy(command, broken)
