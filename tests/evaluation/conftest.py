import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from motionary.datasets import write_dataset
from motionary.datasets.folder import clip_record
from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig
from motionary.models.recognisers import GruConfig, GruRecogniser, Recogniser
from motionary.motion import Motion

ACTIONS = ("bow", "sway", "yawn")
FPS = 30.0
CLIPS = {"bow": {"train": 6, "test": 4}, "sway": {"train": 5, "test": 3}, "yawn": {"train": 2, "test": 0}}
"""Small and uneven, with an action that the test split lacks."""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    root, rng, clips = tmp_path_factory.mktemp("small_set"), np.random.default_rng(0), []
    for action, counts in CLIPS.items():
        for split, count in counts.items():
            for number in range(count):
                pose = rng.normal(0, 0.1, (24, 3)) + np.zeros((20, 1, 1))
                pose[:, 6 + ACTIONS.index(action), 0] += np.linspace(0, 1.5, 20)
                motion = Motion(pose, rng.normal(0, 0.02, (20, 3)).cumsum(0), FPS, action=action)
                path = f"{action}_{split}_{number}.npz"
                motion.save(root / path)
                clips.append(replace(clip_record(motion, path, action), split=split))
    return write_dataset(root, clips, fps=FPS)


@pytest.fixture
def recogniser():
    torch.manual_seed(0)
    network = GruRecogniser(GruConfig(num_actions=3, hidden_dim=16)).eval().requires_grad_(False)
    rest_joints = torch.randn(24, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    return Recogniser(network, ACTIONS, FPS, 12, "forward", rest_joints)


def model_of(network):
    return Model(network.eval(), ACTIONS, FPS, 12, "forward", {}, "CC0-1.0")


@pytest.fixture
def model():
    torch.manual_seed(1)
    return model_of(Actor(ActorConfig(num_actions=3, latent_dim=16, ff_dim=16, num_layers=1, num_heads=2)))


@pytest.fixture(scope="session")
def golden_regressor(actor_golden):
    return torch.from_numpy(np.load(actor_golden / "smpl_model/J_regressor_extra.npy").astype(np.float32))


@pytest.fixture(scope="session")
def golden_state(golden_weight):
    """Function from a file of state-dict keys to the tensors that the folder's weight rule gives them."""

    def make(keys_file):
        lines = [line.split("\t") for line in keys_file.read_text().splitlines() if not line.startswith("#")]
        shapes = {
            key: tuple(map(int, re.findall(r"\d+", shape))) for key, shape, *_, how in lines if how == "rule"
        }
        return {key: golden_weight(key, shape) for key, shape in shapes.items()}

    return make
