import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from motionary.cli import main
from motionary.datasets import write_dataset
from motionary.datasets.folder import clip_record
from motionary.models import Model
from motionary.models.actor import Actor, ActorConfig
from motionary.models.recognisers import GruConfig, GruRecogniser, Recogniser
from motionary.motion import Motion

ACTIONS = ("bow", "sway")
FPS = 30.0


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Folder with a data set, a model and a recogniser."""
    root, rng, clips = tmp_path_factory.mktemp("given"), np.random.default_rng(0), []
    for number in range(12):
        action, pose = ACTIONS[number % 2], rng.normal(0, 0.1, (24, 3)) + np.zeros((70, 1, 1))
        pose[:, 6 + number % 2, 0] += np.linspace(0, 1.5, 70)
        motion = Motion(pose, np.zeros((70, 3)), FPS, action=action)
        motion.save(root / f"data/{number}.npz")
        split = "test" if number % 3 == 0 else "train"
        clips.append(replace(clip_record(motion, f"{number}.npz", action), split=split))
    write_dataset(root / "data", clips, fps=FPS)
    torch.manual_seed(0)
    network = Actor(ActorConfig(num_actions=2, latent_dim=16, ff_dim=16, num_layers=1, num_heads=2))
    Model(network.eval(), ACTIONS, FPS, 60, "forward", {}, "CC0-1.0").save(root / "model.safetensors")
    gru = GruRecogniser(GruConfig(num_actions=2, hidden_dim=16)).eval().requires_grad_(False)
    Recogniser(gru, ACTIONS, FPS, 60, "forward", torch.randn(24, 3) * 0.3).save(root / "gru.safetensors")
    return root


def run(given, out, *more):
    words = [given / "model.safetensors", given / "data", "--recogniser", given / "gru.safetensors"]
    main([str(word) for word in ["evaluate", *words, "--out", out, "--seeds", 2, *more]])


@pytest.mark.parametrize("protocol", ["motionary", "action2motion", "actor"])
def test_every_protocol_prints_and_writes_its_tables(given, tmp_path, capsys, protocol):
    run(given, tmp_path, "--protocol", protocol, "--most-motions", 20)
    printed = capsys.readouterr().out
    for word in ("FID", "Acc", "Div", "Multimod", "±"):
        assert word in printed
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert (content["protocol"], content["num_seeds"]) == (protocol, 2)
    assert "FID" in (tmp_path / "table.md").read_text()
    assert "&" in (tmp_path / "table.tex").read_text()
    assert (tmp_path / "evaluation_metrics_all.yaml").exists() == (protocol == "actor")


@pytest.mark.parametrize("protocol", ["motionary", "actor"])
def test_a_closed_pipe_loses_nothing(given, tmp_path, monkeypatch, protocol):
    real_print = Console.print

    def closed(console, *what, **how):
        if not console.stderr:  # bars go there
            raise BrokenPipeError
        real_print(console, *what, **how)

    monkeypatch.setattr(Console, "print", closed)
    with pytest.raises((BrokenPipeError, SystemExit)):
        run(given, tmp_path, "--protocol", protocol, "--most-motions", 20)
    assert {"metrics.json", "table.md", "table.tex"} <= {path.name for path in tmp_path.iterdir()}


def test_a_missing_recogniser_is_one_line(given, tmp_path, capsys):
    words = ["evaluate", given / "model.safetensors", given / "data", "--out", tmp_path / "out"]
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in [*words, "--recogniser", "nowhere.tar", "--protocol", "actor"]])
    assert stopped.value.code == 2
    assert "No recogniser file at nowhere.tar" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("protocol", ["motionary", "action2motion"])
def test_published_recognisers_are_for_the_published_protocol(given, tmp_path, capsys, protocol):
    words = ["evaluate", given / "model.safetensors", given / "data", "--out", tmp_path / "out"]
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in [*words, "--recogniser", "theirs.tar", "--protocol", protocol]])
    assert stopped.value.code == 2
    assert "motionary train-recogniser" in capsys.readouterr().err
