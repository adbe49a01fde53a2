"""Where the tests find real data and golden vectors; tests that need them skip where they are absent."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MOTIONARY_SHARED", REPOSITORY.parent / "shared"))
GOLDEN = Path(os.environ.get("MOTIONARY_GOLDEN", SHARED / "golden"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and specifications."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared data folder; none at {SHARED} (set MOTIONARY_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden vectors made by the original code."""
    if not GOLDEN.is_dir():
        pytest.skip(f"needs the golden vectors; none at {GOLDEN} (set MOTIONARY_GOLDEN)")
    return GOLDEN


@pytest.fixture(scope="session")
def golden_tolerance(golden) -> Callable[[str, str], float]:
    """Function from a file of ACTOR's golden vectors and an array in it to the array's absolute tolerance.

    The vectors' README states it: five times the distance of the published float32 run from a float64 one.
    """
    stated: dict[tuple[str, str], float] = {}
    file = ""
    for line in (golden / "actor/README.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\S+\.npz)", line):
            file = heading[1]
        elif row := re.match(r"\| (\S+) \|.*\| (\d\S*?)[;]?(?: [^|]*)?\|$", line):
            stated[file, row[1]] = float(row[2])
    return lambda file, array: stated.get((f"{file}.npz", array), 1e-5)
