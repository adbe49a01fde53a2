"""No function reads a name that its module does not have.

Linters and type checkers would say so, were they not told to overlook names: array dimensions in annotations
look like undefined ones to them.
"""

import builtins
import dis
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

import motionary

MODULES = [
    found.name
    for found in pkgutil.walk_packages(motionary.__path__, "motionary.")
    if not found.name.endswith("__main__")
]


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


@pytest.mark.parametrize("name", MODULES)
def test_every_global_name_is_there(name):
    module = importlib.import_module(name)
    assert module.__file__ is not None
    known = vars(module).keys() | vars(builtins).keys()
    for code in codes(compile(Path(module.__file__).read_text(), name, "exec")):
        read = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
        assert read <= known, f"{code.co_qualname} reads {sorted(read - known)}"
