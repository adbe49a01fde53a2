"""A step in half the width, and one recorded for replay, learn what the plain one does."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motionary.datasets import ClipBatch
from motionary.training import TrainConfig
from motionary.training.processes import Processes
from motionary.training.state import Run
from motionary.training.step import Input, Recorded, Step

TINY = TrainConfig(
    num_frames=6, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2, dropout=0.0, points="joints"
)


@pytest.fixture
def batch() -> ClipBatch:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(4, 6, 25, 6, generator=generator)
    return ClipBatch(
        features, torch.tensor([0, 1, 0, 1]), torch.ones(4, 6, dtype=torch.bool), torch.arange(4)
    )


def losses(dataset, config: TrainConfig, batch: ClipBatch, steps: int = 3) -> torch.Tensor:
    step = Step(Run.start(dataset, config), Processes())
    return torch.stack([step(batch, torch.ones(4, 16)) for _ in range(steps)])


def test_half_the_width_learns_nearly_the_same(dataset, batch):
    full = losses(dataset, TINY, batch)
    half = losses(dataset, replace(TINY, precision="bfloat16"), batch)
    assert half.dtype == torch.float32
    assert_close(half, full, rtol=0.03, atol=0.01)
    assert not torch.equal(half, full)


def test_losses_add_up_to_the_total(dataset, batch):
    weights = TINY.loss
    for features, points, kl, total in losses(dataset, TINY, batch).tolist():
        assert total == pytest.approx(features * weights.features + points * weights.points + kl * weights.kl)


def test_only_inputs_of_the_recorded_shapes_are_replayed(monkeypatch, batch):
    taken = []
    recorded = Recorded(lambda given: taken.append("now") or torch.zeros(4))
    monkeypatch.setattr(recorded, "_aside", lambda given: taken.append("aside") or torch.zeros(4))
    monkeypatch.setattr(recorded, "_record", lambda given: taken.append("record"))
    monkeypatch.setattr(recorded, "_replay", lambda given: taken.append("replay") or torch.zeros(4))
    whole = Input(batch.features, batch.action, None, torch.ones(4, 16), torch.tensor(1.0))
    rest = replace(whole, features=batch.features[:3], action=batch.action[:3], noise=torch.ones(3, 16))
    for given in (whole, rest, whole, whole, whole):
        recorded(given)
    assert taken == ["aside", "now", "aside", "aside", "record", "replay"]
