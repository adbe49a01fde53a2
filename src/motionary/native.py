"""Loops over arrays as machine code, for what torch does in too many operations of its own.

Numba compiles a loop when it is first called, and keeps the code in a cache folder. It is imported only then:
that takes half a second, which commands that run no loop should not wait for. Numba looks for changes in a
loop's own file alone; what is kept bears a name that also tells of the loops and numbers it was made with.
"""

import functools
import hashlib
import inspect
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

Loop = TypeVar("Loop", bound=Callable)

_one_at_a_time = threading.RLock()
_digests: dict[int, str] = {}
"""Of what has become machine code, by identity; it stays for good."""


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
    digest: str
    """Tells of all that the machine code is made of."""


class Imported(Later):
    """A function of another module, which imports numba."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    @functools.cached_property
    def machine_code(self) -> Callable:  # type: ignore[override]
        """The function."""
        return _known(getattr(import_module(self._module), self._name), self.digest)

    @functools.cached_property
    def digest(self) -> str:  # type: ignore[override]
        """Of the module's text."""
        return _digest(inspect.getsource(import_module(self._module)), self._name)


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
            digest, names = self.digest, self._plain.__globals__
            for name in self._plain.__code__.co_names:
                if isinstance(called := names.get(name), Later):
                    names[name] = called.machine_code
            return _known(_by_numba(_renamed(self._plain, digest)), digest)

    @functools.cached_property
    def digest(self) -> str:  # type: ignore[override]
        """Of the loop, of those it calls and of the numbers it knows."""
        code = self._plain.__code__
        return _digest(code.co_code, code.co_consts, *_used(code, self._plain.__globals__))


def _used(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    for name in code.co_names:
        used = names.get(name)
        if isinstance(used, Later):
            yield used.digest
        elif id(used) in _digests:
            yield _digests[id(used)]
        elif isinstance(used, int | float | np.number):
            yield used


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _known(machine_code: Callable, digest: str) -> Callable:
    _digests[id(machine_code)] = digest
    return machine_code


def _renamed(plain: Callable, digest: str) -> Callable:
    """The same function by another name, by which numba finds what it kept."""
    assert isinstance(plain, FunctionType)
    again = FunctionType(plain.__code__, plain.__globals__, plain.__name__, plain.__defaults__)
    again.__qualname__ = f"{plain.__qualname__}_{digest}"
    again.__module__ = plain.__module__
    return again


def _by_numba(plain: Callable) -> Callable:
    from numba import njit

    sums = {"contract", "reassoc", "nsz"}
    options: dict[str, Any] = {"nogil": True, "fastmath": sums, "error_model": "numpy"}
    try:
        return njit(plain, cache=True, **options)
    except RuntimeError:  # there is no folder to keep the code in
        return njit(plain, **options)
