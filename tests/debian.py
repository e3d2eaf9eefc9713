"""Programs that tests need, installed from Debian's packages where that is possible.

    python -m tests.debian chromium npm

installs what is missing of these commands, as root on a Debian system; elsewhere it does nothing,
and the tests that need one say `not-run`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

PACKAGES = {
    "chromium": "chromium",
    "initdb": "postgresql",
    "javac": "openjdk-17-jdk-headless",
    "mvn": "maven",
    "nginx": "nginx-light",
    "npm": "npm",
    "openssl": "openssl",
    "wrk": "wrk",
}
"""The package of each command."""
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""Where commands are looked for."""


def install(commands: Iterable[str]) -> None:
    """Install the packages of those commands that are not on the path; a failure is no error."""
    wanted = [PACKAGES[each] for each in commands if not shutil.which(each, path=PATH)]
    if not wanted or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("installing", *wanted, flush=True)
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
        subprocess.run(["apt-get", "-qq", *command], env=environ, check=False, capture_output=True)


if __name__ == "__main__":
    install(sys.argv[1:])
