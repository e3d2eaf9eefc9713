"""`make fuzz SECONDS=600`: atheris chooses the bytes, guided by what they reach in our code.

Prints one line of JSON: runs, edges reached, seconds, failures. A failure is also kept as a file
in `FUZZ_FOLDER`; `python -m tests.fuzz FILE` makes it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["cds_service", "hooks"]):
    from tests.fuzz.target import Target

_TARGET = Target()
_FOLDER = Path(os.environ.get("FUZZ_FOLDER", "var/fuzz"))
_SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))
_seen: dict[str, Any] = {"runs": 0, "failures": 0, "statuses": Counter()}


def _one(data: bytes) -> None:
    _seen["runs"] += 1
    try:
        _seen["statuses"][_TARGET.check(data)] += 1
    except Exception as error:
        _seen["failures"] += 1
        _FOLDER.mkdir(parents=True, exist_ok=True)
        name = f"{type(error).__name__}-{hashlib.sha256(data).hexdigest()[:12]}"
        (_FOLDER / name).write_bytes(data)


def _timed(data: bytes) -> None:
    if time.monotonic() > _end:
        _report()
    _one(data)


def _report() -> None:
    print(json.dumps(_seen | {"seconds": _SECONDS}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    files = [Path(each) for each in sys.argv[1:] if not each.startswith("-")]
    for file in files:
        print(file, _TARGET.request(file.read_bytes()), _TARGET.check(file.read_bytes()))
    if not files:
        assert _TARGET.client
        _end = time.monotonic() + _SECONDS
        arguments = [
            "fuzz",
            "-max_len=64",
            "-len_control=0",
            f"-seed={os.environ.get('SEED', '1')}",
        ]
        atheris.Setup([*arguments, "-rss_limit_mb=0", "-timeout=60"], _timed)
        atheris.Fuzz()
