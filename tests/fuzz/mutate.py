"""One mutated request from a sound one: members dropped, moved, repeated, replaced, bytes broken.

Every choice comes from a `random.Random` with a seed, so that a failure can be made again.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from tests.hostile import values
from tests.hostile.corpus import at, paths

Json = Any
ODD: tuple[Json, ...] = tuple(
    value
    for table in (values.WRONG, values.DATES, values.REFERENCES, values.DECIMALS)
    for value in table.values()
) + tuple(v for v in values.TEXTS.values() if len(v) < 2_000)
PROTECTED = ("context", "draftOrders")


def mutated(whole: Json, chance: random.Random, times: int, protect: bool) -> Json:
    """A copy with so many changes; `protect` leaves the draft orders as they are."""
    made = copy.deepcopy(whole)
    for _ in range(times):
        places = [p for p in paths(made) if not (protect and _protects(p))]
        if places:
            chance.choice(_CHANGES)(made, chance.choice(places), chance)
    return made


def broken(body: bytes, chance: random.Random) -> bytes:
    """The text of a body with some of its bytes changed, dropped or repeated."""
    made = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(made))
        end = min(len(made), place + chance.choice((1, 2, 8, 200)))
        piece = bytes(made[place:end])
        made[place:end] = chance.choice((b"", piece * 2, bytes((chance.randrange(256),)), b'"'))
        if not made:
            return b""
    return bytes(made)


def _protects(path: tuple[str | int, ...]) -> bool:
    return path[:2] == PROTECTED or path in (("context",), ("hook",))


def _replace(whole: Json, path: Any, chance: random.Random) -> None:
    at(whole, path[:-1])[path[-1]] = copy.deepcopy(chance.choice(ODD))


def _drop(whole: Json, path: Any, _: random.Random) -> None:
    del at(whole, path[:-1])[path[-1]]


def _swap(whole: Json, path: Any, chance: random.Random) -> None:
    """Another part of the same call in this place."""
    other = chance.choice(list(paths(whole)))
    at(whole, path[:-1])[path[-1]] = copy.deepcopy(at(whole, other))


def _repeat(whole: Json, path: Any, chance: random.Random) -> None:
    value = at(whole, path)
    if isinstance(value, list) and 0 < len(value) < 50:
        value *= chance.choice((2, 5, 30))
    if isinstance(value, str) and 0 < len(value) < 500:
        at(whole, path[:-1])[path[-1]] = value * chance.choice((2, 20))


def _letter(whole: Json, path: Any, chance: random.Random) -> None:
    value = at(whole, path)
    if isinstance(value, str) and value:
        place = chance.randrange(len(value))
        letter = chance.choice(" .,;:-/\n\x000aZ\u00e9\u202e'\"<*|#_")
        at(whole, path[:-1])[path[-1]] = value[:place] + letter + value[place + 1 :]


def _add(whole: Json, path: Any, chance: random.Random) -> None:
    value = at(whole, path)
    if isinstance(value, dict):
        value |= json.loads(json.dumps(chance.choice(list(values.STRUCTURES.values()))))


_CHANGES = (_replace, _replace, _drop, _swap, _repeat, _letter, _letter, _add)
