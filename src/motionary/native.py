"""Loops over arrays as machine code, for what torch does in too many operations of its own.

Numba compiles a loop when it is first called, and keeps the code in a cache folder.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Loop = TypeVar("Loop", bound=Callable)


def compiled(loop: Loop) -> Loop:
    """A loop over float32 arrays as machine code, while which other threads go on.

    Sums may be added up in another order than written, always the same one.
    """
    sums = {"contract", "reassoc", "nsz"}
    options: dict[str, Any] = {"nogil": True, "fastmath": sums, "error_model": "numpy"}
    plain = inspect.unwrap(loop)  # numba reads what was written, not what checks shapes around it
    try:
        return njit(plain, cache=True, **options)
    except RuntimeError:  # there is no folder to keep the code in
        return njit(plain, **options)
