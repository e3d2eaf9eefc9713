"""Whether the service is being stopped: one byte that the gunicorn master shares with its workers.

The master loads this module before it forks; the mapping is anonymous and shared, so that what
the master writes is what every worker reads.
"""

from __future__ import annotations

import mmap

_FLAG = mmap.mmap(-1, 1)


def begin() -> None:
    """From now on readiness is red."""
    _FLAG[0] = 1


def begun() -> bool:
    """Whether the end has begun."""
    return bool(_FLAG[0])
