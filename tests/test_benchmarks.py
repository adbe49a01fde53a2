"""The guard over ratios flags what fell, and nothing else."""

import importlib.util
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("now", "expected"),
    [(4.0, []), (3.61, []), (3.59, ["training.exact_ratio"]), (9.0, [])],
)
def test_only_a_fall_of_more_than_a_tenth_is_flagged(now, expected):
    path = Path(__file__).parents[1] / "benchmarks" / "run.py"
    spec = importlib.util.spec_from_file_location("benchmarks_run", path)
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    assert run.fallen({"training.exact_ratio": 4.0}, {"training.exact_ratio": now, "new": 0.1}) == expected
