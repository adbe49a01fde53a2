"""Peak memory does not grow with how much is asked for: measured in processes of their own."""

import json
import subprocess
import sys

import pytest

PRODUCE = """
import json, sys
from pathlib import Path
from motionary import load_model
from motionary.producing import Wish, produce
from motionary.resources import peak_memory
model = load_model("hdm05")
wish = Wish(model.actions[:1], int(sys.argv[1]), 0, 300)
files = produce(model, wish, Path(sys.argv[2]))
print(json.dumps([len(files), peak_memory()]))
"""
SLACK_BYTES = 16 << 20
"""For what allocators do; 120 more motions of 300 frames are 32 MB of poses and features."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_generating_four_times_as_many_motions_takes_no_more_memory(tmp_path):
    peaks = {}
    for num in (40, 160):
        words = [sys.executable, "-c", PRODUCE, str(num), str(tmp_path / str(num))]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        count, peaks[num] = json.loads(told.splitlines()[-1])
        assert count == num
    assert peaks[160] < peaks[40] + SLACK_BYTES
