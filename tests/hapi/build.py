"""Builds the HAPI server of this folder with Maven, once, into `target/`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
TARGET = FOLDER / "target"
JAR = TARGET / "hapi-test-server.jar"
CLASS_PATH = f"{JAR}:{TARGET / 'lib'}/*"
MAIN_CLASS = "testserver.HapiServer"
LEAST_JDK = 17


class CannotBuild(RuntimeError):
    """The server cannot be built or started; the message says why."""


def missing_tool() -> str | None:
    """What of a JDK (17 or later) and Maven is not on this machine; None if both are."""
    if _jdk_version() < LEAST_JDK:
        return "JDK"
    return None if shutil.which("mvn") else "Maven"


def _jdk_version() -> int:
    """The main version of the Java compiler; 0 without one that runs."""
    try:
        told = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"javac (\d+)", told.stdout + told.stderr)
    return int(found[1]) if found else 0


def build() -> None:
    """Run Maven if the server was not built since its sources changed. Raises `CannotBuild`."""
    if _is_built():
        return
    if missing := missing_tool():
        raise CannotBuild(f"no {missing}")
    print("building the HAPI server (downloads 220 MB the first time)", flush=True)
    command = ["mvn", "-q", "-B", "package"]
    done = subprocess.run(command, cwd=FOLDER, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise CannotBuild(f"mvn ended with status {done.returncode}")


def _is_built() -> bool:
    sources = [FOLDER / "pom.xml", *(p for p in (FOLDER / "src").rglob("*") if p.is_file())]
    newest = max(path.stat().st_mtime for path in sources)
    return JAR.exists() and (TARGET / "lib").is_dir() and JAR.stat().st_mtime > newest
