"""A step in half the width, and one recorded for replay, learn what the plain one does."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motionary.datasets import ClipBatch
from motionary.models.loss import LossWeights
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


@pytest.fixture
def threads():
    """Function to choose the number of torch's threads, which are given back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def padded(batch: ClipBatch) -> ClipBatch:
    """Three of the windows, of different lengths."""
    mask = torch.arange(6) < torch.tensor([6, 2, 5])[:, None]
    return ClipBatch(batch.features[:3] * mask[..., None, None], batch.action[:3], mask, torch.arange(3))


def one_step(dataset, config: TrainConfig, batch: ClipBatch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Losses and gradients."""
    torch.manual_seed(0)
    run = Run.start(dataset, config)
    found = Step(run, Processes())(batch, torch.ones(len(batch.clip), 16))
    return found, {name: parameter.grad for name, parameter in run.network.named_parameters()}


@pytest.mark.parametrize("num_frames", [6, -1])
@pytest.mark.parametrize("points", ["vertices", "joints"])
def test_parts_side_by_side_learn_what_the_whole_batch_would(points, num_frames, dataset, batch, threads):
    config = replace(TINY, points=points, num_frames=num_frames, loss=LossWeights(velocity=2.0))
    batch = padded(batch) if num_frames == -1 else batch
    threads(2)
    whole, expected = one_step(dataset, replace(config, step_parts=1), batch)
    parts, gradients = one_step(dataset, replace(config, step_parts=2), batch)
    assert_close(parts, whole, rtol=1e-6, atol=0)
    for name, gradient in expected.items():
        noise = 2e-5 * gradient.abs().max().item()  # sums in another order, in float32
        assert_close(gradients[name], gradient, rtol=1e-4, atol=noise, msg=name)


def test_two_threads_learn_to_the_bit_what_one_does_part_after_part(dataset, batch, threads):
    found = []
    for count in (1, 2, 2):
        threads(count)
        found.append(one_step(dataset, replace(TINY, dropout=0.3), batch))
    (first, expected), *others = found
    for again, gradients in others:
        assert torch.equal(again, first)
        assert all(torch.equal(gradients[name], gradient) for name, gradient in expected.items())


def test_every_part_of_a_batch_loses_other_entries(dataset, batch):
    step = Step(Run.start(dataset, replace(TINY, dropout=0.5)), Processes())
    parts = step._parts(Input(batch.features, batch.action, None, torch.ones(4, 16), torch.tensor(1.0)))
    assert [part.share.item() for part in parts] == [0.5, 0.5]
    assert parts[0].seed != parts[1].seed


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


def test_weights_are_changed_without_splitting_operations_over_threads(dataset, batch, threads, monkeypatch):
    threads(2)
    run = Run.start(dataset, replace(TINY, average_decay=0.5, clip_norm=1.0))
    seen = []
    change, follow = run.optimizer.step, run.average.update_parameters
    monkeypatch.setattr(run.optimizer, "step", lambda: seen.append(torch.get_num_threads()) or change())
    monkeypatch.setattr(
        run.average, "update_parameters", lambda net: seen.append(torch.get_num_threads()) or follow(net)
    )
    before = run.network.decoder.head.weight.detach().clone()
    Step(run, Processes())(batch, torch.ones(4, 16))
    assert seen == [1, 1]
    assert torch.get_num_threads() == 2
    assert not torch.equal(run.network.decoder.head.weight, before)
