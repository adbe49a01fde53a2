"""Benchmarks are scripts that import one another; these tests see them as they see themselves."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture(scope="session")
def body():
    from motionary.body.assets import load_body

    return load_body()


@pytest.fixture
def kick(body):
    """Half a second of somebody who lifts the left leg, at 30 frames/s."""
    from motionary.motion import Motion

    pose = np.zeros((15, 24, 3), np.float32)
    pose[:, 1, 0] = -np.linspace(0, 1.5, 15)
    pose[:, [16, 17], 2] = [-1.2, 1.2]
    return Motion(pose, np.zeros((15, 3), np.float32), fps=30.0, action="kick").on_ground(body)


@pytest.fixture
def dataset(tmp_path, kick):
    """Two actions, of each four clips to learn from and one held out."""
    from motionary.datasets import write_dataset
    from motionary.datasets.folder import clip_record

    records = []
    for action, motion in (("kick", kick), ("mirrored", kick.mirror())):
        for number in range(5):
            path = f"{action}/{number}.npz"
            moved = replace(motion, pose=motion.pose * (1 + 0.1 * number), action=action)
            moved.save(tmp_path / "data" / path)
            split = "test" if number == 4 else "train"
            records.append(replace(clip_record(moved, path, action), split=split))
    return write_dataset(tmp_path / "data", records, fps=30.0)
