import re

import cv2
import numpy as np
import pytest

from motionary.cli import main
from motionary.motion import Motion


@pytest.fixture
def painter(monkeypatch):
    """Draw on the CPU, everywhere alike."""
    from motionary.export.render import load_renderer

    drawing = load_renderer("painter")
    monkeypatch.setattr("motionary.export.figure.load_renderer", lambda: drawing)


@pytest.fixture
def motions(tmp_path):
    """Two short waves and a longer bow."""
    paths = []
    for k, (action, frames) in enumerate([("wave", 6), ("wave", 6), ("bow", 12)]):
        pose = np.zeros((frames, 24, 3), np.float32)
        pose[:, 16, 2] = np.linspace(0, 0.5 + k, frames)
        path = tmp_path / "motions" / f"{action}_{k}.npz"
        path.parent.mkdir(exist_ok=True)
        Motion(pose, np.zeros((frames, 3), np.float32), fps=30.0, action=action).save(path)
        paths.append(path)
    return paths


def size_of(path):
    return cv2.imread(str(path)).shape[:2]


def test_a_strip_has_a_body_for_every_few_frames(motions, painter, tmp_path):
    for every in (2, 4):
        out = tmp_path / f"{every}.png"
        main(
            [
                "figure",
                "strip",
                str(motions[2]),
                "--out",
                str(out),
                "--every",
                str(every),
                "--height-px",
                "60",
            ]
        )
    assert size_of(tmp_path / "2.png")[0] == 60
    assert size_of(tmp_path / "2.png")[1] > 1.5 * size_of(tmp_path / "4.png")[1]


def test_compared_motions_are_strips_one_above_the_other(motions, painter, tmp_path):
    out = tmp_path / "compared.png"
    options = ["--every", "3", "--height-px", "60", "--captions", "VIBE", "PARE"]
    main(["figure", "compare", str(motions[0]), str(motions[2]), "--out", str(out), *options])
    assert 120 < size_of(out)[0] < 240
    top, bottom = (cv2.imread(str(out), 0)[rows] for rows in (slice(0, 60), slice(-80, -22)))
    drawn = [np.flatnonzero((part < 120).any(0)).max() for part in (top, bottom)]
    assert drawn[1] > 1.3 * drawn[0]  # twice as many frames, the same step


def test_performances_are_told_apart_and_sheets_have_a_row_an_action(motions, painter, tmp_path):
    paths = [str(path) for path in motions]
    main(["figure", "diversity", *paths, "--out", str(tmp_path / "d.png"), "--cell-height-px", "60"])
    assert size_of(tmp_path / "d.png")[1] == 2 * 75
    sheet = ["figure", "sheet", str(motions[0].parent), "--samples", "2", "--cell-height-px", "60"]
    main([*sheet, "--out", str(tmp_path / "s.png")])
    assert size_of(tmp_path / "s.png")[0] == 2 * 60


def test_a_pdf_is_one_page(motions, painter, tmp_path):
    main(["figure", "strip", str(motions[0]), "--out", str(tmp_path / "s.pdf"), "--height-px", "60"])
    content = (tmp_path / "s.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["strip", "MOTION", "--out", "f.gif"], r"written as \.png or \.pdf"),
        (["compare", "MOTION", "--out", "f.png", "--captions", "a", "b"], "a caption for each of 1"),
        (["diversity", "MOTION", "--out", "f.png", "--columns", "0"], "at least one column"),
        (["sheet", "MOTION", "--out", "f.png"], "No folder of motions"),
        (["sheet", "EMPTY", "--out", "f.png"], "holds no .npz motion"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_line(words, error, motions, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    given = {"MOTION": str(motions[0]), "EMPTY": str(tmp_path / "empty")}
    with pytest.raises(SystemExit) as stopped:
        main(["figure", *(given.get(word, word) for word in words)])
    assert stopped.value.code == 2
    assert re.search(error, capsys.readouterr().err)
    assert not list(tmp_path.glob("f.*"))
