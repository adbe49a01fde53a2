from dataclasses import replace

import numpy as np
import pytest

from motionary.datasets import Dataset, write_dataset
from motionary.datasets.folder import clip_record
from motionary.motion import Motion


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    """Two actions, three training clips each and one held out."""
    root, clips = tmp_path / "dataset", []
    for index in range(8):
        action, rng = ("walk", "jump")[index % 2], np.random.default_rng(index)
        steps = rng.normal(0, 0.02, (12 + index, 24, 3)).cumsum(0)
        motion = Motion(
            pose=steps + rng.normal(0, 0.3, (24, 3)), translation=steps[:, 0], fps=30.0, action=action
        )
        motion.save(root / action / f"{index}.npz")
        record = clip_record(motion, f"{action}/{index}.npz", action)
        clips.append(replace(record, split="test" if index > 5 else "train"))
    return write_dataset(root, clips, fps=30.0, licence="made up")
