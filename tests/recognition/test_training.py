import csv
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from motionary.datasets import write_dataset
from motionary.datasets.folder import clip_record
from motionary.motion import Motion
from motionary.recognition import (
    TRAIN_CONFIGS,
    RecogniserTrainConfig,
    load_recogniser,
    recognise_windows,
    train_recogniser,
    training,
)
from motionary.recognition.state import STATE_FILE

QUICK = RecogniserTrainConfig(num_frames=20, epochs=20, patience=20, hidden_dim=32, learning_rate=1e-2)
QUICK_STGCN = replace(
    TRAIN_CONFIGS["stgcn"],
    num_frames=20,
    epochs=40,
    patience=40,
    batch_size=9,
    hidden_dim=8,
    learning_rate=1e-2,
)
KINDS = {"gru": QUICK, "stgcn": QUICK_STGCN}
LEAST_ACCURACY = {"gru": 0.9, "stgcn": 0.75}
"""ST-GCN normalises every channel, still ones too: from 18 clips it may misread one clip of six."""
FPS = 30.0


def performance(action, rng, frames):
    """Arms swinging or knees bending, at its own tempo, phase, posture and heading."""
    swing = np.sin(rng.uniform(0, 6) + rng.uniform(4, 8) * np.arange(frames) / FPS)
    pose = np.tile(rng.normal(0, 0.05, (24, 3)), (frames, 1, 1))
    pose[:, 0, 1] += rng.uniform(-3, 3)
    if action == "wave":
        pose[:, 16, 2] += swing
    else:
        pose[:, [1, 2], 0] -= 0.7 * (1 + swing[:, None])
        pose[:, [4, 5], 0] += 0.7 * (1 + swing[:, None])
    return Motion(pose, np.zeros((frames, 3)), FPS, action=action)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root, rng, clips = tmp_path_factory.mktemp("two_actions"), np.random.default_rng(0), []
    for index in range(24):
        action = ("squat", "wave")[index % 2]
        motion = performance(action, rng, frames=15 + 2 * index)
        motion.save(root / f"{index}.npz")
        split = "test" if index % 8 < 2 else "train"
        clips.append(replace(clip_record(motion, f"{index}.npz", action), split=split))
    return write_dataset(root, clips, fps=FPS, licence="CC0-1.0")


@pytest.fixture(scope="module", params=KINDS)
def run(request, dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return out, train_recogniser(dataset, out, KINDS[request.param])


def test_two_plain_actions_are_told_apart_on_held_out_clips(run):
    metrics = json.loads((run[0] / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] >= LEAST_ACCURACY[metrics["config"]["kind"]]
    assert metrics["test"]["clips"] == 6
    assert np.sum(metrics["test"]["confusion"]) == metrics["test"]["windows"]
    assert set(metrics["test"]["accuracy_per_action"]) == {"squat", "wave"}


def test_a_run_leaves_a_picture_and_a_log_row_per_epoch(run):
    out, checkpoint = run
    assert checkpoint == out / "model.safetensors"
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((out / "log.csv").open()))
    assert len(rows) == json.loads((out / "metrics.json").read_text())["epochs"]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_a_run_leaves_a_report_of_every_action(run):
    report = (run[0] / "report.md").read_text()
    accuracy = json.loads((run[0] / "metrics.json").read_text())["test"]["accuracy"]
    assert f"test accuracy {100 * accuracy:.1f} %" in report
    assert all(f"| {action} " in report for action in ("squat", "wave"))


def test_a_recogniser_is_loaded_by_folder_and_by_file(run):
    by_folder, by_file = (load_recogniser(path) for path in run)
    assert by_folder.digest == by_file.digest
    assert by_folder.actions == ("squat", "wave")
    assert (by_folder.fps, by_folder.num_frames, by_folder.facing) == (FPS, 20, "forward")
    assert by_folder.licence == "CC0-1.0"
    metrics = json.loads((run[0] / "metrics.json").read_text())
    assert by_folder.provenance["accuracy"]["test"] == metrics["test"]["accuracy"]


def test_what_training_measured_is_what_the_saved_recogniser_does(run, dataset):
    windows = recognise_windows(load_recogniser(run[1]), dataset.split("test"))
    metrics = json.loads((run[0] / "metrics.json").read_text())
    assert round(float((windows.labels == windows.predicted).mean()), 4) == metrics["test"]["accuracy"]
    num_features = {"gru": 30, "stgcn": 4 * QUICK_STGCN.hidden_dim}[metrics["config"]["kind"]]
    assert windows.features.shape == (metrics["test"]["windows"], num_features)
    assert (windows.lengths == 20).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_trains_the_same_recogniser(kind, dataset, tmp_path):
    config = replace(KINDS[kind], epochs=2)
    digests = [
        load_recogniser(train_recogniser(dataset, tmp_path / name, replace(config, seed=seed))).digest
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_training_leaves_the_global_generator_alone(dataset, tmp_path):
    before = torch.random.get_rng_state()
    train_recogniser(dataset, tmp_path, replace(QUICK, epochs=1))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("kind", KINDS)
def test_every_variation_and_whole_clips_train(kind, dataset, tmp_path):
    config = replace(
        KINDS[kind],
        epochs=2,
        num_frames=-1,
        facing="as_recorded",
        mirror=True,
        sampling="random_step",
        held_out=0.0,
    )
    recogniser = load_recogniser(train_recogniser(dataset, tmp_path, config))
    windows = recognise_windows(recogniser, dataset)
    np.testing.assert_array_equal(windows.lengths, [clip.num_frames for clip in dataset.clips])


def test_without_a_test_split_the_held_out_part_is_reported(dataset, tmp_path):
    train_recogniser(dataset.split("train"), tmp_path, replace(QUICK, epochs=1))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["test"] is None
    assert metrics["held_out"]["clips"] > 0
    assert (tmp_path / "confusion.png").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_training_stops_early_and_keeps_the_best_epoch(kind, dataset, tmp_path):
    config = replace(KINDS[kind], epochs=12, patience=1, learning_rate=0.3)  # too large to keep gaining
    train_recogniser(dataset, tmp_path, config)
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    losses = [float(row["held_out_loss"]) for row in rows]
    assert len(rows) < 12
    assert losses.index(min(losses)) == len(rows) - 2


def test_unusable_data_sets_are_refused_by_name(dataset, tmp_path):
    lonely = replace(dataset, actions=("wave",), clips=tuple(c for c in dataset.clips if c.action == "wave"))
    with pytest.raises(ValueError, match="at least two actions"):
        train_recogniser(lonely, tmp_path, QUICK)
    untrained = replace(dataset, actions=(*dataset.actions, "yawn"))
    with pytest.raises(ValueError, match=r"without a clip in the train split.*yawn"):
        train_recogniser(untrained, tmp_path, QUICK)
    with pytest.raises(ValueError, match="held_out"):
        train_recogniser(dataset, tmp_path, replace(QUICK, held_out=1.0))
    assert not list(tmp_path.iterdir())


def test_an_unknown_recogniser_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no_such_recogniser"):
        load_recogniser("no_such_recogniser")
    with pytest.raises(FileNotFoundError, match=r"holds no recogniser\.safetensors"):
        load_recogniser(tmp_path)


def test_a_loss_that_is_no_number_stops_training_names_the_clips_and_writes_nothing(
    dataset, tmp_path, monkeypatch
):
    real = training.cross_entropy
    monkeypatch.setattr(training, "cross_entropy", lambda *given, **options: real(*given, **options) / 0)
    with pytest.raises(ValueError, match=r"number: inf in epoch 1, on .*\.npz.* Nothing was written"):
        train_recogniser(dataset, tmp_path / "run", QUICK)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_training_goes_on_as_if_it_had_never_been(kind, dataset, tmp_path, monkeypatch):
    config = replace(KINDS[kind], epochs=4, dropout=0.3)
    whole = train_recogniser(dataset, tmp_path / "whole", config).parent
    taken, real_step = [], training._step

    def stopped(*arguments):
        taken.append(arguments)
        if len(taken) == 4:  # in the second or third epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return real_step(*arguments)

    monkeypatch.setattr(training, "_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_recogniser(dataset, tmp_path / "broken", config)
    assert [path.name for path in (tmp_path / "broken").iterdir()] == [STATE_FILE]
    with pytest.raises(ValueError, match="unfinished training with other settings"):
        train_recogniser(dataset, tmp_path / "broken", replace(config, seed=1))
    train_recogniser(dataset, tmp_path / "broken", config)
    assert {path.name: path.read_bytes() for path in whole.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "broken").iterdir()
    }
