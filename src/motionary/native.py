"""Loops over arrays as machine code, for what torch does in too many operations of its own.

Numba compiles a loop when it is first called, and keeps the code in a cache folder. It is imported only then:
that takes half a second, which commands that run no loop should not wait for.
"""

import functools
import inspect
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

Loop = TypeVar("Loop", bound=Callable)

_one_at_a_time = threading.RLock()


def fits(*tensors: Tensor) -> bool:
    """Whether compiled loops are for these: float32, on a CPU."""
    return all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)


def compiled(loop: Loop) -> Loop:
    """A loop over float32 arrays as machine code, while which other threads go on.

    Sums may be added up in another order than written, always the same one.
    """
    plain = inspect.unwrap(loop)  # numba reads what was written, not what checks shapes around it
    return cast(Loop, _Loop(plain))


class Later:
    """Something that becomes machine code when it is first asked for."""

    machine_code: Callable
    """As numba takes it."""


class Imported(Later):
    """A function of another module, which imports numba."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    @functools.cached_property
    def machine_code(self) -> Callable:  # type: ignore[override]
        """The function."""
        return getattr(import_module(self._module), self._name)


class _Loop(Later):
    """A loop that becomes machine code when it is first called."""

    def __init__(self, plain: Callable) -> None:
        self._plain = plain
        functools.update_wrapper(self, plain)

    def __call__(self, *arguments: Any) -> Any:
        return self.machine_code(*arguments)

    @functools.cached_property
    def machine_code(self) -> Callable:  # type: ignore[override]
        """Numba's function of this loop; the loops that it calls become theirs."""
        with _one_at_a_time:
            names = self._plain.__globals__
            for name in self._plain.__code__.co_names:
                if isinstance(called := names.get(name), Later):
                    names[name] = called.machine_code
            return _by_numba(self._plain)


def _by_numba(plain: Callable) -> Callable:
    from numba import njit

    sums = {"contract", "reassoc", "nsz"}
    options: dict[str, Any] = {"nogil": True, "fastmath": sums, "error_model": "numpy"}
    try:
        return njit(plain, cache=True, **options)
    except RuntimeError:  # there is no folder to keep the code in
        return njit(plain, **options)
