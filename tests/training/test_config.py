from dataclasses import replace

import pytest

from motionary.datasets.augmentation import Augmentation
from motionary.training import PRESETS, TrainConfig, with_settings


def test_the_paper_s_preset_is_the_paper_s():
    paper = PRESETS["paper"]
    assert (paper.num_frames, paper.batch_size, paper.learning_rate, paper.epochs) == (60, 20, 1e-4, 2000)
    assert (paper.loss.features, paper.loss.points, paper.loss.kl, paper.points) == (1, 1, 1e-5, "vertices")
    assert (paper.num_layers, paper.latent_dim, paper.ff_dim, paper.num_heads, paper.dropout) == (
        8,
        256,
        1024,
        4,
        0.1,
    )
    assert (paper.average_decay, paper.clip_norm, paper.warmup_epochs, paper.schedule) == (
        0,
        0,
        0,
        "constant",
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_configs_survive_their_dictionary(preset):
    config = PRESETS[preset]
    assert TrainConfig.from_dict(config.to_dict()) == config


def test_settings_change_what_they_name():
    changed = with_settings(
        PRESETS["paper"],
        ["learning_rate=3e-4", "epochs=7", "points_travel=true", "facing=forward", "loss.kl=0.1"],
    )
    expected = replace(PRESETS["paper"], learning_rate=3e-4, epochs=7, points_travel=True, facing="forward")
    assert changed == replace(expected, loss=replace(expected.loss, kl=0.1))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("learning_rat=1", "did you mean learning_rate"),
        ("loss.points_=1", r"did you mean loss\.points"),
        ("loss=1", "No setting 'loss'"),
        ("epochs", "NAME=VALUE"),
        ("epochs=1.5", "whole number"),
        ("points_travel=1", "true or false"),
        ("learning_rate=fast", "a number"),
        ("learning_rate=nan", "positive"),
        ("schedule=linear", "constant or cosine"),
        ("epochs=0", "at least 1"),
        ("seed=-1", "negative"),
        ("fps=0", "fps must be positive"),
        ("fps=nan", "fps must be positive"),
        ("learning_rate=inf", "learning_rate must be positive"),
        ("save_minutes=nan", "save_minutes must not be negative"),
        (f"seed={2**63}", "seed must not be negative, nor"),
    ],
)
def test_wrong_settings_say_what_would_be_right(setting, message):
    with pytest.raises(ValueError, match=message):
        with_settings(PRESETS["small"], [setting])


def test_windows_are_varied_only_where_that_is_asked_for():
    assert {preset.augment for preset in PRESETS.values()} == {Augmentation()}
    varied = with_settings(PRESETS["small"], ["augment.mirror=true", "augment.speed=0.2"])
    assert varied.augment == Augmentation(mirror=True, speed=0.2)
    assert TrainConfig.from_dict(varied.to_dict()) == varied
    with pytest.raises(ValueError, match=r"did you mean augment\.mirror"):
        with_settings(varied, ["augment.miror=true"])
    with pytest.raises(ValueError, match=r"augment\.yaw_deg must be from 0 to 180"):
        with_settings(varied, ["augment.yaw_deg=-5"])


def test_settings_of_runs_before_windows_were_varied_are_read():
    saved = PRESETS["small"].to_dict()
    del saved["augment"], saved["loader_workers"]
    assert TrainConfig.from_dict(saved) == PRESETS["small"]
