"""What is kept of compiled loops is used only where it would be made again alike."""

import os
import subprocess
import sys

OUTER = """
from motionary.native import compiled
from inner import SHIFT, step

@compiled
def walk(number):
    return step(number) + SHIFT
"""
INNER = """
from motionary.native import compiled

SHIFT = {shift}

@compiled
def step(number):
    return number * {factor}
"""
SAY = """
from outer import walk
print(walk(3), sum(walk.machine_code.stats.cache_hits.values()))
"""


def walked(folder, **inner):
    """What the loops say with such an inner file, and how often kept code was used."""
    (folder / "inner.py").write_text(INNER.format(**inner))
    os.utime(folder / "inner.py", (0, 0))  # as a package's files may all be dated
    command = [sys.executable, "-B", "-c", SAY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return tuple(map(int, done.stdout.split()))


def test_a_loop_is_compiled_anew_where_one_that_it_calls_or_a_number_has_changed(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)
    assert walked(tmp_path, shift=1, factor=2) == (7, 0)
    assert walked(tmp_path, shift=1, factor=2) == (7, 1)
    assert walked(tmp_path, shift=1, factor=5) == (16, 0)
    assert walked(tmp_path, shift=4, factor=5) == (19, 0)
