"""A run goes on as if it had never stopped, learns, and stops when it cannot."""

import json
import os
import signal
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from motionary import load_model
from motionary.datasets import Clips, Dataset
from motionary.locks import alone_in
from motionary.models.loss import LossWeights
from motionary.motion import Motion
from motionary.training import TrainConfig, loop, resume, step, train
from motionary.training.loop import learning_rate
from motionary.training.state import STATE_FILE
from motionary.training.windows import WINDOWS_PER_CLIP, standing_windows

TINY = TrainConfig(
    epochs=4,
    batch_size=4,
    learning_rate=1e-3,
    schedule="cosine",
    average_decay=0.9,
    clip_norm=1.0,
    num_frames=10,
    latent_dim=16,
    ff_dim=32,
    num_layers=1,
    num_heads=2,
    validate_every=2,
    sample_every=4,
)


def losses(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("config", [TINY, replace(TINY, spectrum=True, latents="posteriors")])
def test_a_resumed_run_repeats_the_unbroken_one(config, dataset, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(dataset, whole, config)
    train(dataset, broken, config, stop_after=2)
    assert [entry["epoch"] for entry in losses(broken)] == [1, 2]
    resume(broken)
    assert losses(broken) == losses(whole)
    for file in ("model.safetensors", STATE_FILE):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()


def test_a_fitted_prior_is_that_of_the_training_clips(dataset, tmp_path):
    config = replace(TINY, latents="fitted", loss=LossWeights(velocity=1.0))
    model = load_model(train(dataset, tmp_path / "run", config))
    assert model.prior is not None
    clips = Clips(dataset.split("train"), config.clips())
    batch = clips.batch(np.arange(len(clips)).repeat(20), np.random.default_rng(9))
    posterior = model.network.encode(batch.features, batch.action, batch.mask)
    for label in range(2):
        expected = posterior.mean[batch.action == label].mean(0)
        assert (model.prior.mean[label] - expected).abs().max() < 0.1 * posterior.mean.std()


def test_a_spectrum_keeps_motions_from_the_first_epoch_on(dataset, tmp_path):
    """The same network without it has everything to learn."""
    errors = {}
    for spectrum in (False, True):
        config = replace(TINY, epochs=1, validate_every=1, spectrum=spectrum, loss=LossWeights(kl=1e-9))
        train(dataset, tmp_path / str(spectrum), config)
        errors[spectrum] = losses(tmp_path / str(spectrum))[-1]["validation/features"]
    assert errors[True] < 0.5 * errors[False]


@pytest.mark.parametrize(("number", "at_step"), [(signal.SIGTERM, 2), (signal.SIGINT, 3), (signal.SIGHUP, 4)])
@pytest.mark.usefixtures("hearing_signals")
def test_a_run_stopped_at_any_step_is_saved_there_and_goes_on(
    number, at_step, dataset, tmp_path, monkeypatch
):
    """Two steps an epoch: the first of the second epoch, its last one, and so on."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    config = replace(TINY, save_minutes=60.0)
    train(dataset, whole, config)
    taken, real_step = [], step.Step.__call__

    def stopped(self, *arguments):
        taken.append(arguments)
        if len(taken) == at_step:
            os.kill(os.getpid(), number)
        return real_step(self, *arguments)

    monkeypatch.setattr(step.Step, "__call__", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, broken, config)
    assert len(taken) == at_step
    assert load_model(broken).actions == ("jump", "walk")
    resume(broken)
    assert len(taken) == 8, "no step is taken twice"
    assert losses(broken) == losses(whole)
    for file in ("model.safetensors", STATE_FILE, "samples/epoch_00004/walk.npz"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()


def test_a_run_killed_between_its_state_and_its_model_gets_its_model(dataset, tmp_path):
    run = tmp_path / "run"
    model = train(dataset, run, TINY).read_bytes()
    (run / "model.safetensors").write_bytes(b"of an earlier epoch")
    assert resume(run).read_bytes() == model


def test_a_run_belongs_to_one_process(dataset, tmp_path):
    run = tmp_path / "run"
    train(dataset, run, TINY, stop_after=1)
    said = rf"Another run is working on .*run: process {os.getpid()} on"
    with alone_in(run), pytest.raises(ValueError, match=said):
        resume(run)
    with alone_in(tmp_path / "new"), pytest.raises(ValueError, match="Another run"):
        train(dataset, tmp_path / "new", TINY)


def test_epochs_after_the_last_save_are_forgotten_on_resuming(dataset, tmp_path):
    run = tmp_path / "run"
    train(dataset, run, TINY, stop_after=2)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "train/total": 99.0}\n{"epoch": 4, "trai')
    resume(run, stop_after=3)
    assert [entry["epoch"] for entry in losses(run)] == [1, 2, 3]
    assert losses(run)[-1]["train/total"] < 99


def test_a_run_leaves_model_samples_and_logs(dataset, tmp_path):
    run = tmp_path / "run"
    model = load_model(train(dataset, run, TINY))
    assert (model.actions, model.fps, model.licence) == (("jump", "walk"), 30.0, "made up")
    assert model.provenance["training_clips"] == 6
    sample = Motion.load(run / "samples" / "epoch_00004" / "walk.npz")
    assert (len(sample), sample.action) == (10, "walk")
    assert list((run / "tensorboard").iterdir())
    assert "validation/points_mm" in losses(run)[1]
    assert "validation/total" not in losses(run)[0]


def test_training_lowers_the_loss(dataset, tmp_path):
    train(dataset, tmp_path / "run", replace(TINY, epochs=30, average_decay=0.0, sample_every=100))
    curve = [entry["train/total"] for entry in losses(tmp_path / "run")]
    assert curve[-1] < 0.6 * curve[0]


def test_training_leaves_the_caller_s_randomness_alone(dataset, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(dataset, tmp_path / "run", replace(TINY, epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_a_run_can_be_made_longer(dataset, tmp_path):
    train(dataset, tmp_path / "run", TINY)
    resume(tmp_path / "run", epochs=6)
    assert [entry["epoch"] for entry in losses(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]


def test_whole_motions_can_be_learned(dataset, tmp_path):
    path = train(dataset, tmp_path / "run", replace(TINY, num_frames=-1, epochs=1, points="joints"))
    assert load_model(path).num_frames == -1


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_clips(dataset, tmp_path, monkeypatch):
    real_loss = step.actor_loss

    def spoiled(*arguments):
        loss = real_loss(*arguments)
        return replace(loss, points=loss.points * float("nan"))

    monkeypatch.setattr(step, "actor_loss", spoiled)
    with pytest.raises(ValueError, match=r"no finite number: nan in epoch 1, on .*(walk|jump)/\d\.npz"):
        train(dataset, tmp_path / "run", TINY)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_folder_with_a_run_is_not_overwritten(dataset, tmp_path):
    train(dataset, tmp_path / "run", TINY, stop_after=1)
    with pytest.raises(ValueError, match=r"train --resume .*run"):
        train(dataset, tmp_path / "run", TINY)


def test_no_run_is_made_where_its_files_could_replace_clips_or_become_some(dataset, tmp_path):
    before = {path: path.read_bytes() for path in dataset.root.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="is a data set"):
        train(dataset, dataset.root, TINY)
    (dataset.root / "dataset.json").unlink()  # now every motion file below it is a clip
    for out in (dataset.root, dataset.root / "runs" / "first"):
        with pytest.raises(ValueError, match="part of the data set"):
            train(Dataset.load(dataset.root), out, TINY)
    assert {path: path.read_bytes() for path in dataset.root.rglob("*") if path.is_file()} == {
        path: content for path, content in before.items() if path.name != "dataset.json"
    }


def test_a_spectrum_is_begun_with_no_more_windows_than_fit_in_memory(dataset):
    clips = Clips(dataset.split("train"), TINY.clips())
    every = torch.cat([batch.clip for batch in standing_windows(clips, 0)])
    some = [batch.clip for batch in standing_windows(clips, 0, most_clips=4)]
    assert every.unique().tolist() == list(range(6))
    assert len(torch.cat(some).unique()) == 4
    assert torch.cat(some).bincount().max() == WINDOWS_PER_CLIP
    enough = [batch.features for batch in standing_windows(clips, 0, most_clips=6)]
    assert torch.equal(torch.cat(enough), torch.cat([batch.features for batch in standing_windows(clips, 0)]))


def test_an_action_without_training_clips_is_refused(dataset, tmp_path):
    clips = tuple(replace(clip, split="test" if clip.action == "walk" else "train") for clip in dataset.clips)
    with pytest.raises(ValueError, match="shows walk"):
        train(replace(dataset, clips=clips), tmp_path / "run", TINY)


def test_only_a_run_can_be_resumed(tmp_path):
    with pytest.raises(FileNotFoundError, match="no training run"):
        resume(tmp_path)


def test_a_changed_data_set_or_damaged_state_is_refused(dataset, tmp_path):
    run = tmp_path / "run"
    train(dataset, run, TINY, stop_after=1)
    state = (run / STATE_FILE).read_bytes()
    (run / STATE_FILE).write_bytes(state[: len(state) // 2])
    with pytest.raises(ValueError, match="damaged"):
        resume(run)
    (run / STATE_FILE).write_bytes(state)
    (dataset.root / "dataset.json").unlink()  # read file by file, every clip is a training clip
    with pytest.raises(ValueError, match="other clips"):
        resume(run)


def test_the_learning_rate_rises_and_falls():
    config = replace(TINY, epochs=100, warmup_epochs=9, learning_rate=1.0)
    rates = [learning_rate(config, epoch) for epoch in range(100)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == rates[9]
    assert all(later < earlier for earlier, later in pairwise(rates[9:]))
    assert rates[-1] == pytest.approx(0.01, rel=0.05)
    assert learning_rate(replace(config, schedule="constant"), 99) == 1.0


def spoil(dataset, place: int, factor: float) -> str:
    """One clip's way through the room made absurd, as when its unit was taken wrongly; its name."""
    record = dataset.clips[place]
    motion = Motion.load(dataset.root / record.path)
    replace(motion, translation=motion.translation * np.float32(factor)).save(dataset.root / record.path)
    return record.path


@pytest.mark.parametrize(("factor", "what"), [(1e30, "is no finite number"), (1e5, "exploded from")])
def test_a_clip_that_spoils_the_loss_stops_the_run_and_is_named(factor, what, dataset, tmp_path):
    name = spoil(dataset, 3, factor)
    with pytest.raises(ValueError, match=what) as error:
        train(dataset, tmp_path / "run", replace(TINY, batch_size=2, points="joints"))
    assert f"on {name} (it goes" in str(error.value)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_weights_that_spoil_stop_the_run_and_the_last_good_state_goes_on(dataset, tmp_path, monkeypatch):
    out = tmp_path / "run"
    train(dataset, out, replace(TINY, epochs=4), stop_after=2)
    before = {path.name: path.read_bytes() for path in out.glob("*.safetensors")}
    real_rate = loop.learning_rate
    monkeypatch.setattr(loop, "learning_rate", lambda config, epoch: 1e3)
    with pytest.raises(ValueError, match=r"no finite number.*epoch \d, on .*run, if any, is kept"):
        resume(out, epochs=40)
    assert before == {path.name: path.read_bytes() for path in out.glob("*.safetensors")}
    monkeypatch.setattr(loop, "learning_rate", real_rate)
    resume(out)
    unbroken = train(dataset, tmp_path / "unbroken", replace(TINY, epochs=4))
    assert (out / "model.safetensors").read_bytes() == unbroken.read_bytes()
