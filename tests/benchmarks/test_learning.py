"""Runs scored on the way, and over KL weights: end to end on clips of half a second."""

import json
from dataclasses import replace

import kl_ablation
import learning_curve
import pytest

from motionary.recognition import TRAIN_CONFIGS, train_recogniser

TINY = (
    *("num_frames=10", "latent_dim=16", "ff_dim=32", "num_layers=1", "num_heads=2"),
    *("batch_size=4", "loader_workers=0", "points=joints", "warmup_epochs=0"),
)


@pytest.fixture
def judge(dataset, tmp_path):
    config = replace(TRAIN_CONFIGS["gru"], num_frames=10, epochs=2, hidden_dim=8, held_out=0.0)
    return train_recogniser(dataset, tmp_path / "judge", config).parent


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(module, monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["benchmark", *map(str, words)])
    module.main()


def test_stages_trained_without_a_recogniser_are_scored_later(dataset, judge, tmp_path, monkeypatch):
    out = tmp_path / "run"
    train = (dataset.root, "--out", out, "--epochs", 4, "--every", 2, "--seeds", 2, "--set", *TINY)
    run(learning_curve, monkeypatch, *train)
    assert not (out / "curve.jsonl").exists()
    run(learning_curve, monkeypatch, *train, "--recogniser", judge)
    curve = lines(out / "curve.jsonl")
    assert [line["epoch"] for line in curve] == [0, 2, 4]
    assert curve[1]["minutes"] <= curve[2]["minutes"]
    assert all(0 <= line["accuracy"][0] <= 1 for line in curve)
    assert (out / "curve.png").stat().st_size > 1000


def test_each_kl_weight_has_a_row_beside_real_motion(dataset, judge, tmp_path, monkeypatch, capsys):
    out = tmp_path / "kl"
    run(
        kl_ablation, monkeypatch, dataset.root, judge, "--out", out, "--kl", "0", "1e-2",
        "--epochs", 2, "--seeds", 2, "--set", *TINY,
    )  # fmt: skip
    rows = lines(out / "kl.jsonl")
    assert [row["kl"] for row in rows] == ["real", "0", "1e-2"]
    assert (out / "strips.png").stat().st_size > 1000
    assert "| real |" in capsys.readouterr().out
