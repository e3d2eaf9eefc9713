"""YAML, and with it JSON, read without guessing.

A repeated member is refused, and only true, false and null are no text, so that a code such as
`0123` or `1E5` stays what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_KEPT = frozenset({"tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


class StrictYamlError(ValueError):
    """A file that cannot be read; the text names file, place and remedy."""


def read_yaml(path: Path) -> Any:
    """The content of a file. Raises `StrictYamlError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise StrictYamlError(
            f"{path}: cannot be read ({problem.strerror}); check the path"
        ) from None
    except UnicodeDecodeError:
        raise StrictYamlError(f"{path}: is not UTF-8; save it as UTF-8") from None
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as problem:
        raise StrictYamlError(f"{path}{_place(problem)}: {_problem(problem)}") from None


class _Loader(yaml.SafeLoader):
    """YAML, and with it JSON, whose scalars are text unless they are true, false or null."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping without repeated members."""
        seen: list[Any] = []
        for key, _ in node.value:
            if key.value in seen:
                repeated = f"the member {key.value} is repeated; keep one"
                raise yaml.constructor.ConstructorError(None, None, repeated, key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep)


def _place(problem: yaml.YAMLError) -> str:
    mark = getattr(problem, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(problem: yaml.YAMLError) -> str:
    said = getattr(problem, "problem", None) or "is neither YAML nor JSON"
    return f"{said}; correct it as in the example file"
