import json
import re

import cv2
import numpy as np
import pytest

from motionary.cli import main
from motionary.evaluation.curves import run_panels, score_panels
from motionary.motion import Motion
from motionary.training.journal import Journal


@pytest.fixture
def run(tmp_path):
    """A run of three epochs whose last line is still being written."""
    out = tmp_path / "run"
    out.mkdir()
    with Journal(out, 0, 4) as journal:
        for epoch in (1, 2, 3):
            values = {"train/total": 3.0 / epoch, "train/learning_rate": 1e-4}
            journal.record(epoch, values | ({"validation/total": 2.0} if epoch > 1 else {}))
    with (out / "metrics.jsonl").open("a") as log:
        log.write('{"epoch": 4, "train/to')
    return out


@pytest.fixture
def scores(tmp_path):
    """What `evaluate` writes of a model, as far as it is drawn."""
    score = {"fid": {"mean": 20.0, "interval95": 2.0}, "accuracy": {"mean": 0.9, "interval95": None}}
    folder = tmp_path / "scores"
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"rows": {"Generated": score, "Real": score}}))
    return folder


def test_a_logs_parts_are_lines_of_one_panel(run):
    (panel,) = run_panels([run])
    assert panel.title == "loss"
    assert [(line.label, line.epochs) for line in panel.lines] == [
        ("training", (1.0, 2.0, 3.0)),
        ("held out", (2.0, 3.0)),
    ]
    np.testing.assert_allclose(panel.lines[0].values, [3.0, 1.5, 1.0])


def test_scores_stand_at_their_epochs_with_the_level_of_real_motion(scores):
    fid, accuracy = score_panels({20: scores, 10: scores / "metrics.json"})
    generated, real = accuracy.lines
    assert (generated.epochs, generated.values, generated.intervals) == ((10, 20), (90, 90), (0, 0))
    assert (real.level, real.values) == (True, (90,))
    assert fid.lines[0].intervals == (2, 2)


def test_curves_and_confusion_are_pictures(run, scores, tmp_path):
    main(["figure", "curves", str(run), "--out", str(tmp_path / "c.png"), "--scores", f"3={scores}"])
    assert cv2.imread(str(tmp_path / "c.png")).shape[1] > 2000
    still = Motion(
        np.zeros((60, 24, 3), np.float32), np.zeros((60, 3), np.float32), 30.0, action="squat1Reps"
    )
    (tmp_path / "new").mkdir()
    still.save(tmp_path / "new/squat.npz")
    main(["figure", "confusion", "hdm05", str(tmp_path / "new"), "--out", str(tmp_path / "m.pdf")])
    assert (tmp_path / "m.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["curves", "EMPTY", "--out", "f.png"], "No log of a training"),
        (["curves", "RUN", "--out", "f.svg"], r"written as \.png or \.pdf"),
        (
            ["curves", "RUN", "--out", "f.png", "--measures", "fid"],
            "The log has total, learning_rate; got fid",
        ),
        (["curves", "RUN", "--out", "f.png", "--scores", "RUN"], "EPOCH=FOLDER"),
        (["curves", "RUN", "--out", "f.png", "--scores", "3=nowhere"], "No scores at"),
        (["confusion", "hdm05", "OTHER", "--out", "f.png"], "has somersault"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_line(words, error, run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    zeros = np.zeros((4, 24, 3), np.float32)
    Motion(zeros, zeros[:, 0], 30.0, action="somersault").save(other / "a.npz")
    given = {"RUN": str(run), "EMPTY": str(tmp_path), "OTHER": str(other)}
    with pytest.raises(SystemExit) as stopped:
        main(["figure", *(given.get(word, word) for word in words)])
    assert stopped.value.code == 2
    assert re.search(error, capsys.readouterr().err)
    assert not list(tmp_path.glob("f.*"))
