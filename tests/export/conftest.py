"""A body and a short motion with large rotations everywhere and a way through the room."""

import numpy as np
import pytest

from motionary.body.assets import load_body
from motionary.body.smpl import BodyModel
from motionary.motion import Motion


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return load_body()


@pytest.fixture(scope="session")
def motion() -> Motion:
    rng = np.random.default_rng(7)
    time = np.arange(12)[:, None, None] / 25
    swing = rng.normal(size=(24, 3)) * 0.6
    pose = swing * np.sin(2 * np.pi * (time + rng.random((24, 3))))
    way = np.stack([0.8 * time[:, 0, 0], np.full(12, 1.2), 0.5 * time[:, 0, 0]], axis=1)
    return Motion(pose.astype(np.float32), way.astype(np.float32), fps=25.0, action="dance")


@pytest.fixture(scope="session")
def standing() -> Motion:
    """Arms down, on the ground."""
    pose = np.zeros((2, 24, 3), np.float32)
    pose[:, 16, 2], pose[:, 17, 2] = -1.2, 1.2
    return Motion(pose, np.zeros((2, 3), np.float32), fps=30.0).on_ground(load_body())
