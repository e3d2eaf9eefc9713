"""Knowledge as data: value sets, text patterns, parameters; and the loaders that read them."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


def yaml_value(text: str) -> Any:
    """The value of a YAML text, read by libyaml where that is there: ten times as fast."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


@cache
def yaml_file(path: str) -> dict[str, Any]:
    """One YAML file of this package, e.g. `parameters/windows.yaml`."""
    text = (resources.files(__name__) / path).read_text(encoding="utf-8")
    content = yaml_value(text)
    if not isinstance(content, dict):
        raise TypeError(f"{path}: a mapping is expected at the top level")
    return content


def file_names(folder: str, suffix: str) -> list[str]:
    """The names of the files of one folder with this suffix, sorted."""
    entries = (resources.files(__name__) / folder).iterdir()
    return sorted(entry.name for entry in entries if entry.name.endswith(suffix))
