"""The folder of chosen clips is checked file by file."""

from fractions import Fraction

import av
import numpy as np
import pytest

from motionary.datasets.named import NamedImport, load_named
from motionary.finegym.named import FINEGYM


@pytest.fixture
def chosen(tmp_path):
    for action, name in (("jump", "a"), ("jump", "b"), ("flip", "c"), ("flip", "stray")):
        path = tmp_path / action / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(25))
            stream.width = stream.height = 32
            stream.pix_fmt = "yuv420p"
            picture = np.zeros((32, 32, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    lines = [
        "video,start,end,action",
        "jump/a.mp4,0,0.04,jump",
        "jump/b.mp4,0,0.04,jump",
        "flip/c.mp4,0,1,flip",
    ]
    (tmp_path / "listing.csv").write_text("\n".join(lines))
    return tmp_path


def test_missing_damaged_and_stray_clips_are_told(chosen):
    assert FINEGYM.check(chosen, 0, None).whole
    (chosen / "jump/a.mp4").unlink()
    (chosen / "jump/b.mp4").write_bytes(b"half")
    told = FINEGYM.check(chosen, 0, None)
    assert [(problem.file, problem.kind) for problem in told.problems] == [
        ("a.mp4", "missing"), ("b.mp4", "damaged"), ("flip/stray.mp4", "ignored"),
    ]  # fmt: skip
    assert (told.good, told.actions, told.whole) == (1, {"flip": 1}, False)


def test_videos_are_not_taken_for_motions(chosen, tmp_path):
    with pytest.raises(ValueError, match="motionary estimate"):
        load_named("finegym").import_(chosen, tmp_path / "out", NamedImport())
    with pytest.raises(FileNotFoundError, match="curate"):
        FINEGYM.check(tmp_path / "jump", 0, None)
