"""A few damaged files for every reader at each run; `benchmarks/fuzz.py` tries them by the thousand."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from fuzz import laid_out, tried
from fuzzing.mutation import mutated
from fuzzing.readers import readers

READERS = readers()
SLOW = {"bvh", "amc", "asf", "model.safetensors", "video.mp4", "video.mkv"}


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_give_a_result_or_one_clear_error(name, tmp_path, monkeypatch):
    reader = READERS[name]
    path = laid_out(reader, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)  # as users run it
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("a file made its reader run something"))
    for seed in reader.seeds[:2]:
        assert tried(reader, path, seed) in ("", None)

    @settings(
        max_examples=3 if name in SLOW else 8,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def every_damage(number: int) -> None:
        content = mutated(reader.seeds, np.random.default_rng(number))
        assert tried(reader, path, content) in ("", None)

    every_damage()
