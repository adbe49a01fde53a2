"""Where the tests find real data and golden vectors; tests that need them skip where they are absent."""

import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

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
def actor_golden(golden) -> Path:
    """The part of them that ACTOR's code made."""
    return golden / "actor"


@pytest.fixture(scope="session")
def golden_weight(golden) -> Callable[[str, tuple[int, ...]], torch.Tensor]:
    """Function from a state-dict key and a shape to the tensor that the folder's rule and tag give it."""
    spec = importlib.util.spec_from_file_location("actor_rule", golden / "actor_rule.py")
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    tags = [path for path in (golden / "actor/tag.txt", golden / "tag.txt") if path.exists()]
    tag = tags[0].read_text().strip() if tags else ""
    return lambda key, shape: torch.from_numpy(rule.tensor(key, shape, tag))


@pytest.fixture(scope="session")
def golden_body(actor_golden):
    """The made-up SMPL body of ACTOR's golden vectors."""
    from motionary.body.assets import load_body  # after the shape checks are hooked into the package

    return load_body(actor_golden / "smpl_model/smpl_synth.npz")


@pytest.fixture(scope="session")
def golden_readme(golden) -> str:
    """What is said of ACTOR's golden vectors; of the usual ones where a folder says nothing."""
    stated = [folder / "actor/README.md" for folder in (golden, SHARED / "golden")]
    return next(path for path in stated if path.is_file()).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def golden_tolerance(golden_readme) -> Callable[[str, str], float]:
    """Function from a file of ACTOR's golden vectors and an array in it to the array's absolute tolerance.

    The vectors' README states it: five times the distance of the published float32 run from a float64 one.
    """
    stated: dict[tuple[str, str], float] = {}
    file = ""
    for line in golden_readme.splitlines():
        if heading := re.match(r"## (\S+\.npz)", line):
            file = heading[1]
        elif row := re.match(r"\| (\S+) \|.*\| (\d\S*?)[;]?(?: [^|]*)?\|$", line):
            stated[file, row[1]] = float(row[2])
    return lambda file, array: stated.get((f"{file}.npz", array), 1e-5)


@pytest.fixture(scope="session")
def golden_seed(golden_readme) -> Callable[[str], int]:
    """Function from a file of ACTOR's golden vectors to the seed that the vectors' README states for it."""

    def stated(file: str) -> int:
        section = golden_readme.partition(f"## {file}.npz")[2].partition("\n## ")[0]
        found = re.search(r"(?:manual_seed\(|seeds |seeded with )(\d+)", section)
        assert found, f"the golden vectors' README states no seed for {file}"
        return int(found[1])

    return stated
