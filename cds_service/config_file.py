"""The configuration file: settings by their small names, and the section `clients`, YAML or JSON.

Values stay texts, as an operator would write them in the environment; `config` reads them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_service.strict_yaml import StrictYamlError, read_yaml

CLIENTS = "clients"
PATHS = ("site_file", "sign_off_file", "knowledge_folder")
"""Settings that are paths: here they count from the folder of the file."""


class ConfigFileError(ValueError):
    """The file cannot be used; the text names file and place and never a value."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The text of each setting in the file, and what stands under `clients`."""

    path: Path | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    clients: Any = ()

    @property
    def folder(self) -> Path:
        """Where the paths in the file count from."""
        return self.path.parent if self.path else Path()

    def place(self, name: str) -> str:
        """Where a member stands, for messages."""
        return f"{self.path}, {name}"

    @classmethod
    def read(cls, path: Path, known: Collection[str]) -> ConfigFile:
        """A file whose members are `known` settings. Raises `ConfigFileError`."""
        try:
            content = read_yaml(path)
        except StrictYamlError as problem:
            # What the parser quotes may be a value.
            raise ConfigFileError(re.sub(r" '.*'", "", str(problem))) from None
        if not isinstance(content, dict):
            expected = "names of settings and their values are expected"
            raise ConfigFileError(f"{path}: {expected}")
        clients = content.pop(CLIENTS, None)
        texts = {name: _text(path, name, content[name], known) for name in content}
        for name in PATHS:
            if texts.get(name):
                texts[name] = str(path.parent / texts[name])
        return cls(path, texts, [] if clients is None else clients)


def _text(path: Path, name: Any, value: Any, known: Collection[str]) -> str:
    if name not in known:
        near = difflib.get_close_matches(str(name), [*known, CLIENTS], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigFileError(f"{path}, {name}: there is no such setting{hint}")
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    given = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in given):
        expected = "a text, a number or a list of texts is expected"
        raise ConfigFileError(f"{path}, {name}: {expected}")
    return " ".join(given)
