"""The data set commands, from a user's folder to a data set made of others."""

import json

import numpy as np
import pytest

from motionary.cli import main
from motionary.datasets import Dataset
from motionary.motion import Motion


def run(*words: object) -> None:
    main([str(word) for word in words])


@pytest.fixture
def data(tmp_path):
    """Two people kick with either leg, several times in a recording, at two frame rates."""
    lines = ["file,start,end,action,subject"]
    for take, (subject, fps) in enumerate([("ann", 30.0), ("bob", 60.0), ("ann", 30.0), ("bob", 60.0)]):
        frames = round(6 * fps)
        pose = np.zeros((frames, 24, 3))
        pose[:, 1, 0] = np.sin(np.arange(frames) / fps * (3 + take))
        Motion(pose, np.zeros((frames, 3)), fps).save(tmp_path / "takes" / f"{subject}_{take}.npz")
        for start, action in enumerate(["kickL", "kickR", "walk"]):
            lines.append(
                f"takes/{subject}_{take}.npz,{2 * start},{2 * start + 2 - 0.5 * take},{action},{subject}"
            )
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    run("import", tmp_path / "clips.csv", "--out", tmp_path / "data", "--workers", 0, "--licence", "CC0")
    return tmp_path / "data"


def test_a_list_becomes_a_data_set_that_can_be_looked_at(data, tmp_path, capsys):
    capsys.readouterr()
    run("dataset", "inspect", data, "--json", "--html", tmp_path / "page.html")
    summary = json.loads(capsys.readouterr().out)
    assert summary["clips"] == 12
    assert summary["frame_rates"] == {"30": 6, "60": 6}
    assert {row["action"]: row["mirror_image"] for row in summary["actions"]} == {
        "kickL": "kickR",
        "kickR": "kickL",
        "walk": "walk",
    }
    assert (tmp_path / "page.html").read_text().count("<img") == 12


def test_data_sets_are_made_from_others(data, tmp_path, capsys):
    run("dataset", "split", data, "--by", "subject", "--test", "bob", "--out", tmp_path / "split")
    assert {(clip.subject, clip.split) for clip in Dataset.load(tmp_path / "split").clips} == {
        ("ann", "train"),
        ("bob", "test"),
    }
    run("dataset", "filter", tmp_path / "split", "--min-s", 0.9, "--out", tmp_path / "long")
    run("dataset", "relabel", tmp_path / "long", "kickL=kick", "kickR=kick", "--out", tmp_path / "kick")
    run("dataset", "filter", data, "--action", "walk", "--max-s", 0.9, "--out", tmp_path / "short")
    run("dataset", "merge", tmp_path / "kick", tmp_path / "short", "--out", tmp_path / "all")
    merged = Dataset.load(tmp_path / "all")
    assert merged.actions == ("kick", "walk")
    assert len(merged) == 9 + 1
    steps = merged.provenance["from"][0]
    made_by = []
    while steps:
        made_by.append(steps["provenance"]["made_by"].split(" ", 2)[2])
        steps = next(iter(steps["provenance"].get("from", [])), None)
    assert made_by == ["dataset relabel", "dataset filter", "dataset split", "import"]
    assert "dropped" in capsys.readouterr().err


def test_in_place_or_elsewhere_must_be_said(data, tmp_path, capsys):
    for words in (["--min-s", "1"], ["--min-s", "1", "--in-place", "--out", str(tmp_path / "x")]):
        with pytest.raises(SystemExit) as stopped:
            run("dataset", "filter", data, *words)
        assert stopped.value.code == 2
        assert "--in-place" in capsys.readouterr().err
    assert len(Dataset.load(data)) == 12


def test_the_table_of_mirror_images_is_shown_and_changed(data, capsys):
    capsys.readouterr()
    run("dataset", "mirror", data)
    assert "kickL -> kickR" in capsys.readouterr().out
    run("dataset", "mirror", data, "kickL=kickL", "kickR=kickR")
    assert "kickL -> kickL" in capsys.readouterr().out
    assert Dataset.load(data).mirrored_actions()["kickR"] == "kickR"
