"""Fifty browsers come, press, read slowly or not at all, and vanish; the studio neither falls nor grows.

`python benchmarks/studio.py soak` does this for two hours; here it is seconds.
"""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_crowd_comes_and_vanishes(checkpoint):
    path = Path(__file__).parents[2] / "benchmarks" / "studio.py"
    spec = importlib.util.spec_from_file_location("benchmarks_studio", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    found = benchmark.soak(str(checkpoint), minutes=8 / 60, num_browsers=50)
    assert found["alive"]
    assert found["counts"]["visits"] >= 50
    assert found["after"]["files"] <= found["readings"][0]["files"] + 5
    assert found["after"]["Threads"] <= 64
    assert found["growth_MiB"] < 150  # warming up takes up to 100; a mesh kept from every visit would be more
