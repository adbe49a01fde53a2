"""A made-up folder, model and data set, and studios that show them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from motionary.motion import Motion


def motion(num_frames: int, bend: float, action: str = "kneel") -> Motion:
    """Somebody who bends the left knee by so many radians a frame, at 10 frames/s."""
    pose = np.zeros((num_frames, 24, 3), np.float32)
    pose[:, 4, 0] = bend * np.arange(num_frames)
    return Motion(pose, np.full((num_frames, 3), [2.0, 1.0, 3.0], np.float32), fps=10.0, action=action)


@pytest.fixture(scope="session")
def make_motion():
    """`motion` of this file."""
    return motion


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two motions, one of them deeper, and two files that are none."""
    root = tmp_path_factory.mktemp("motions")
    (root / "deeper").mkdir()
    motion(5, 0.1).save(root / "one.npz")
    motion(8, 0.2).save(root / "deeper" / "two.npz")
    np.savez(root / "other.npz", losses=np.zeros(3))
    (root / "broken.npz").write_bytes(b"PK")
    return root


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Real clips of two actions: walk bends slowly or fast, jump not at all."""
    from motionary.datasets.folder import Dataset

    root = tmp_path_factory.mktemp("real")
    for number, bend in enumerate((0.02, 0.1, 0.3)):
        motion(10, bend, "walk").save(root / f"walk_{number}.npz")
    motion(10, 0.0, "jump").save(root / "jump.npz")
    return Dataset.load(root)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """An untrained model of two actions, 12 frames at 25 frames/s."""
    from motionary.models import Model
    from motionary.models.actor import Actor, ActorConfig

    torch.manual_seed(0)
    network = Actor(ActorConfig(num_actions=2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)).eval()
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    Model(network, ("walk", "jump"), 25.0, 12, "forward", provenance={}, licence="CC0").save(path)
    return path


@pytest.fixture
def start():
    """`Studio.start` whose studios end with the test."""
    from motionary.studio import Studio

    studios = []

    def started(*args, **options):
        studios.append(Studio.start(*args, **options))
        return studios[-1]

    yield started
    for studio in studios:
        studio.stop()
