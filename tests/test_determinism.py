"""The same seed on the same machine gives the same bytes, in another process too."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from motionary.datasets.packed import PACKED_NAME
from motionary.motion import Motion

CHAIN = """
import json, sys
from motionary.cli import main
for words in json.loads(sys.argv[1]):
    main(words)
"""
TINY = ("num_frames=10", "latent_dim=16", "ff_dim=32", "num_layers=1", "num_heads=2", "sample_every=1")
FORMATS = "npz,bvh,glb,mp4,png,trc,jsonl"


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Folders of two runs of the whole chain, each in a process of its own; both are called `work`."""
    base, rng = tmp_path_factory.mktemp("twice"), np.random.default_rng(0)
    for index in range(8):
        action, steps = ("walk", "jump")[index % 2], rng.normal(0, 0.02, (20, 24, 3)).cumsum(0)
        motion = Motion(steps, steps[:, 0], 30.0, action=action)
        motion.save(base / "recordings" / action / f"{index}.npz")
    chain = [
        ["import", "../../recordings", "--out", "data", "--workers", "0"],
        ["train", "data", "--out", "run", "--epochs", "2", "--set", *TINY],
        ["train-recogniser", "data", "--out", "judge", "--epochs", "2"],
        [
            "generate",
            "run",
            "--action",
            "all",
            "--num",
            "1",
            "--frames",
            "8",
            "--formats",
            FORMATS,
            "--out",
            "new",
        ],
        ["evaluate", "run", "data", "--recogniser", "judge", "--seeds", "2", "--out", "scores"],
        ["figure", "sheet", "new", "--out", "sheet.png"],
    ]
    folders = [base / name / "work" for name in ("first", "other")]
    started = []
    for folder in folders:
        folder.mkdir(parents=True)
        environment = {**os.environ, "PYTHONHASHSEED": str(len(started))}
        words = [sys.executable, "-c", CHAIN, json.dumps(chain)]
        started.append(
            subprocess.Popen(
                words, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
        )
    for process in started:
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said.decode()
    return folders


@pytest.mark.parametrize("made", ["data", "run", "judge", "new", "scores", "sheet.png"])
def test_two_processes_write_the_same_bytes(made, twice):
    first, second = (_files(folder, made) for folder in twice)
    assert first
    assert [name for name in first | second if first.get(name) != second.get(name)] == []


def _files(folder, made):
    found = [folder / made, *(folder / made).rglob("*")]
    # TensorBoard's events tell the time, the packed copy of a data set when its files were written, and the
    # state of training where the data set lies.
    timeless = (path for path in found if path.is_file() and not {"tensorboard", PACKED_NAME} & {*path.parts})
    content = {str(path.relative_to(folder)): path.read_bytes() for path in timeless}
    return {name: what.replace(b"/first/work/", b"/other/work/") for name, what in content.items()}
