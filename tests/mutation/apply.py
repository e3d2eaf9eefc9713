"""Puts a fault into this process, which is a fork that ends with the trial."""

from __future__ import annotations

import functools
import gc
import importlib.machinery
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.mutation.mutant import Mutant

_Key = tuple[str, int]


class NeedsImport(Exception):
    """A fault that cannot be put in after the import."""


def before_import(mutant: Mutant) -> None:
    """The fault stands when its module, or the reader of its file, is imported."""
    content = mutant.content()
    if isinstance(content, str):
        _read_as(mutant.path, content)
        return
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> CodeType | None:
        return content if Path(self.path) == mutant.path else original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[assignment]


def after_import(mutant: Mutant, prepared: Prepared) -> None:
    """The fault replaces what was imported; nothing remembered from before stays."""
    content = mutant.content()
    if isinstance(content, str):
        _read_as(mutant.path, content)
        forget(mutant.file, prepared)
        _load_services(mutant.file)
    else:
        _replace_functions(mutant.path, content, prepared)
        forget(mutant.file, prepared)


def _read_as(path: Path, text: str) -> None:
    """The file reads as this text. The content version is of the true files, so it stays."""
    read_text, read_bytes = Path.read_text, Path.read_bytes

    def text_of(self: Path, *args: Any, **kwargs: Any) -> str:
        return text if self == path else read_text(self, *args, **kwargs)

    def bytes_of(self: Path) -> bytes:
        true = sys._getframe(1).f_globals["__name__"] == "hooks.engine.knowledge"
        return text.encode() if self == path and not true else read_bytes(self)

    Path.read_text, Path.read_bytes = text_of, bytes_of  # type: ignore[method-assign, assignment]


def memories() -> list[Any]:
    """What remembers results of the project's functions."""
    found = (one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper))
    return [one for one in found if str(one.__module__).startswith(("hooks.", "cds_service."))]


class Prepared:
    """What a fault can reach in this process, looked up once for all forks."""

    def __init__(self) -> None:
        from hooks.fhir import Coding
        from hooks.values.codes import memberships
        from hooks.values.lexicon import names

        re._MAXCACHE = 100_000  # type: ignore[attr-defined]  # unchanged patterns stay compiled
        names("", "route-it")
        memberships(Coding("", ""))
        self.memories = memories()
        self.functions = [one for one in gc.get_objects() if isinstance(one, FunctionType)]
        gc.collect()
        gc.disable()
        gc.freeze()


def forget(file: str, prepared: Prepared) -> None:
    """Empty what may rest on a file. Reading all patterns and codes anew takes long."""
    if not file.startswith("hooks/values/"):
        return
    kept = {own for own, parts in _SLOW_TO_READ.items() if not any(p in file for p in parts)}
    for memory in prepared.memories:
        if memory.__module__ not in kept:
            memory.cache_clear()


_SLOW_TO_READ = {
    "hooks.values.lexicon": ("lexicon", "values/__init__.py"),
    "hooks.values.codes": ("value_sets", "codes.py", "values/__init__.py"),
}


def _load_services(file: str) -> None:
    """The services hold what the file now says."""
    from hooks import SERVICES
    from hooks.engine.needs import needs_of
    from hooks.engine.recommendation import load_catalogue

    for service in SERVICES.values():
        object.__setattr__(service, "needs", needs_of(service.hook))
        if service.hook.replace("-", "_") not in file:
            continue
        package = f"hooks.{service.hook.replace('-', '_')}"
        fresh, held = load_catalogue(package), service.catalogue
        held.recommendations.clear()
        held.recommendations.update(fresh.recommendations)
        for name in ("card_limit", "by_indicator", "evidence"):
            object.__setattr__(held, name, getattr(fresh, name))


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def _replace_functions(path: Path, module: CodeType, prepared: Prepared) -> None:
    """Functions of the file get the code of the same name and line."""
    fresh: dict[_Key, CodeType] = {(c.co_qualname, c.co_firstlineno): c for c in codes(module)}
    changed = 0
    for one in prepared.functions:
        if one.__code__.co_filename != str(path):
            continue
        found = fresh.get((one.__code__.co_qualname, one.__code__.co_firstlineno))
        if found is not None and found != one.__code__:
            one.__code__ = _same_free_names(one.__code__, found)
            changed += 1
    if not changed:
        raise NeedsImport(f"no function of {path} takes the fault")


def _same_free_names(old: CodeType, new: CodeType) -> CodeType:
    """A fault can remove the use of an outer name; such a one needs the import."""
    if old.co_freevars != new.co_freevars:
        raise NeedsImport("the fault changes which outer names are used")
    return new


def project() -> list[str]:
    """The imported modules of the project."""
    return [name for name in sys.modules if name.split(".")[0] in ("hooks", "cds_service")]
