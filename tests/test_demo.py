"""The demo's parts; the whole of it is a slow test."""

import json

import pytest

from motionary import demo
from motionary.body.assets import load_body
from motionary.models.checkpoint import BUNDLED, bundled_names


def test_offline_the_estimate_is_left_out_and_says_why(tmp_path, monkeypatch, capsys):
    def offline(name: str):
        raise FileNotFoundError("no network")

    monkeypatch.setattr(demo, "get_asset", offline)
    section = demo._estimate(tmp_path / "estimate", load_body())
    assert "no network" in section.text
    assert "no network" in capsys.readouterr().err
    assert not (tmp_path / "estimate").exists()


def test_the_bundled_model_is_there_with_its_card():
    assert demo.MODEL_NAME in bundled_names()
    card = (BUNDLED / demo.MODEL_NAME / "README.md").read_text()
    assert "CC BY-SA 3.0" in card
    assert "HDM05" in card


@pytest.mark.slow
def test_the_demo_makes_a_report_with_every_part(tmp_path):
    page = demo.run_demo(tmp_path).read_text()
    for title in ("Motion from a video", "Watch it perform", "Scores", "to take away"):
        assert title in page
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["num_seeds"] == demo.SEEDS
    assert {path.suffix for path in (tmp_path / "export").iterdir()} >= {".npz", ".bvh", ".glb", ".mp4"}
