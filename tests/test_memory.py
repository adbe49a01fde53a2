"""Peak memory does not grow with how much is asked for: measured in processes of their own."""

import json
import subprocess
import sys
from typing import Any

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
TRAIN = """
import json, os, re, sys, threading, time
from pathlib import Path
import numpy as np
from motionary.datasets import loading, write_dataset
from motionary.datasets.folder import clip_record
from motionary.motion import Motion
from motionary.training import TrainConfig, train

def own_bytes():  # not the pages of files, which the system takes back as it likes
    return 1024 * int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, own_bytes())
        time.sleep(0.002)

root, records = Path(sys.argv[3]), []
motion = Motion(np.random.default_rng(0).normal(0, 0.3, (300, 24, 3)), np.zeros((300, 3)), 30.0)
motion.save(root / "0.npz")
for number in range(int(sys.argv[1])):
    if number:
        os.link(root / "0.npz", root / f"{number}.npz")
    records.append(clip_record(motion, f"{number}.npz", "walk"))
dataset = write_dataset(root, records, fps=30.0)
loading.MOST_IN_MEMORY_BYTES = 1 << 20
small = dict(num_frames=10, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2, points="joints")
threading.Thread(target=watch, daemon=True).start()
train(dataset, root / "run", TrainConfig(epochs=int(sys.argv[2]), batch_size=20, **small))
print(json.dumps(peak))
"""
SLACK_BYTES = 16 << 20
"""For what allocators do; 120 more motions of 300 frames are 32 MB of poses and features."""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def said(program: str, *words: object) -> Any:
    """What a program prints last, in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, words)]
    return json.loads(
        subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]
    )


def test_generating_four_times_as_many_motions_takes_no_more_memory(tmp_path):
    peaks = {}
    for num in (40, 160):
        count, peaks[num] = said(PRODUCE, num, tmp_path / str(num))
        assert count == num
    assert peaks[160] < peaks[40] + SLACK_BYTES


def test_training_takes_no_more_memory_for_more_clips_nor_for_more_epochs(tmp_path):
    """Features wait in a file beyond a limit, which is lowered here: 300 more clips are 81 MB in all."""
    said(TRAIN, 2, 1, tmp_path / "first")  # it may compile loops, which takes memory once
    peak, of_more_clips, of_more_epochs = (
        said(TRAIN, clips, epochs, tmp_path / f"{clips}_{epochs}")
        for clips, epochs in ((50, 2), (350, 2), (50, 20))
    )
    assert peak < of_more_clips + SLACK_BYTES, "the first one's peak was seen too"
    assert of_more_clips < peak + SLACK_BYTES
    assert of_more_epochs < peak + SLACK_BYTES
