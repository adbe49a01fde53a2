"""The command line: what is right runs, what is wrong is one line and exit code 2."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from motionary.cli import COMMANDS, STEPS, main
from motionary.motion import Motion


def a_data_set(root, clips_per_action: int = 6) -> None:
    """Two actions that differ in which arm swings."""
    time_s = np.arange(40) / 30
    for joint, action in ((16, "wave"), (17, "salute")):
        for take in range(clips_per_action):
            pose = np.zeros((40, 24, 3))
            pose[:, joint, 2] = np.sin(time_s * (4 + 0.2 * take))
            motion = Motion(pose=pose, translation=np.zeros((40, 3)), fps=30.0, action=action)
            motion.save(root / action / f"{take}.npz")


def run(*words: object) -> None:
    main([str(word) for word in words])


def failing(capsys, *words: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        run(*words)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_help_names_every_command_on_one_screen(capsys):
    run("--help")
    lines = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        first, _, member = name.partition(" ")
        assert any(first in line.split() and (not member or member in line.split()) for line in lines), name
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(("words", "code"), [(["dataset"], 2), (["dataset", "--help"], 0)])
def test_a_family_lists_its_members(words, code, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(*words)
    assert stopped.value.code == code
    assert "motionary dataset inspect" in capsys.readouterr().out


def test_every_command_stands_on_the_path():
    named = {name for names in STEPS.values() for name in names}
    assert {name.split()[0] for name in COMMANDS} == named


def test_help_does_not_import_torch():
    code = "import sys; from motionary.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(*name.split(), "--help")
    assert stopped.value.code == 0
    assert f"motionary {name}" in capsys.readouterr().out


def test_recordings_to_scored_motion(tmp_path, capsys):
    a_data_set(tmp_path / "recordings")
    data, model, recogniser = tmp_path / "data", tmp_path / "model", tmp_path / "recogniser"
    run("import", tmp_path / "recordings", "--out", data, "--workers", 0, "--test-fraction", 0.34)
    capsys.readouterr()
    run("dataset", "inspect", data, "--json")
    assert [row["clips"] for row in json.loads(capsys.readouterr().out)["actions"]] == [6, 6]

    tiny = ["num_layers=1", "latent_dim=32", "ff_dim=32", "points=joints", "num_frames=30"]
    run("train", data, "--out", model, "--epochs", 2, "--set", *tiny)
    run("train", "--resume", model, "--epochs", 3)
    run("train-recogniser", data, "--out", recogniser, "--epochs", 2)
    run("generate", model, "--action", "all", "--num", 2, "--frames", 20, "--out", tmp_path / "made")
    made = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert made == ["salute_0.npz", "salute_1.npz", "wave_0.npz", "wave_1.npz"]
    assert len(Motion.load(tmp_path / "made" / "wave_0.npz")) == 20

    run("evaluate", model, data, "--recogniser", recogniser, "--seeds", 2, "--out", tmp_path / "scores")
    metrics = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    assert set(metrics["rows"]) == {"Real", "Generated"}
    run("export", tmp_path / "made" / "wave_0.npz", "--out", tmp_path / "wave.bvh")
    assert (tmp_path / "wave.bvh").read_text().startswith("HIERARCHY")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fly"], "unknown command 'fly'"),
        (["figur", "strip"], "did you mean figure"),
        (["train", "data", "--epoch", "3"], "Unrecognized options: --epoch"),
        (["train", "data", "--epochs", "many"], "--epochs"),
        (["generate", "hdm05"], "--action STR --out PATH"),
        (["asset", "list"], "did you mean"),
        (["estimate", "--out", "x"], "Expected a video file"),
        (["estimate", "nowhere.mp4", "--out", "x"], "nowhere.mp4"),
        (["import", "nowhere", "--out", "x"], "nowhere"),
        (["dataset", "inspect", "nowhere"], "nowhere"),
        (["train"], "needs DATASET"),
        (["train", "data", "--set", "epochs=1", "--set", "seed=1"], "--set is given twice"),
        (["generate", "nowhere", "--action", "walk", "--out", "x"], "nowhere"),
        (["generate", "nowhere", "--action", "walk", "--out", "x", "--formats", "fbx"], "fbx"),
        (["export", "nowhere.npz", "--out", "x.bvh"], "nowhere.npz"),
        (["assets", "get", "nothing"], "nothing"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = failing(capsys, *words)
    assert said in error
    assert len([line for line in error.splitlines() if line.startswith("motionary:")]) == 1
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stream_is_not_missed_and_no_file_takes_its_place(closed, tmp_path):
    Motion(np.zeros((9, 24, 3)), np.zeros((9, 3)), 30.0, action="walk").save(tmp_path / "a.npz")
    words = [sys.executable, "-m", "motionary", "export", tmp_path / "a.npz", "--out", tmp_path / "a.bvh"]
    done = subprocess.run(words, preexec_fn=lambda: os.close(closed), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.bvh").read_text().startswith("HIERARCHY")
    wrong = subprocess.run([*words[:3], "export", "none.npz"], preexec_fn=lambda: os.close(2), check=False)
    assert wrong.returncode == 2


def test_a_folder_that_is_gone_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert failing(capsys, "dataset", "list").startswith("motionary: the folder you are in is gone")


def test_videos_of_one_name_are_refused_before_any_work(capsys, tmp_path):
    error = failing(capsys, "estimate", "a/walk.mp4", "b/walk.mov", "--out", tmp_path / "out")
    assert "walk" in error
    assert "overwrite" in error


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("folder.bvh", "folder.bvh is a folder; name a file"),
        ("file/x.bvh", "file is there already and no folder"),
        ("file/deeper/x.bvh", "lies in what is no folder"),
        (f"{'x' * 300}.bvh", "is too long a name"),
    ],
)
def test_a_place_that_cannot_be_is_one_line(out, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Motion(np.zeros((3, 24, 3)), np.zeros((3, 3)), 30.0).save("a.npz")
    (tmp_path / "folder.bvh").mkdir()
    (tmp_path / "file").write_text("kept")
    error = failing(capsys, "export", "a.npz", "--out", out)
    assert said in error
    assert len(error.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "folder.bvh", "file"}
    assert (tmp_path / "file").read_text() == "kept"
