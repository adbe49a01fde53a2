"""Every clip on the list of what was cut is there, whole, or named."""

from fractions import Fraction

import av
import numpy as np
import pytest

from motionary.datasets.named import NamedImport, load_named
from motionary.finegym.cut import CLIPS_NAME, LOST_NAME, CutClip, Lost
from motionary.finegym.plan import write_rows


def write_clip(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", Fraction(25))
        stream.width = stream.height = 32
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 10 * number, np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def row(clip, frames=6):
    return CutClip(
        clip,
        f"{clip}.mp4",
        "v.mp4",
        43,
        "split_jump",
        "train",
        1.0,
        0.24,
        0.0,
        0.2,
        "exact",
        frames,
        25.0,
        32,
        32,
    )


def test_missing_damaged_and_lost_clips_are_named(tmp_path):
    for clip in ("whole", "short", "broken"):
        write_clip(tmp_path / f"{clip}.mp4", 6)
    (tmp_path / "broken.mp4").write_bytes((tmp_path / "broken.mp4").read_bytes()[:200])
    rows = [row("whole"), row("short", frames=9), row("broken"), row("absent")]
    write_rows(tmp_path / CLIPS_NAME, rows, CutClip)
    write_rows(tmp_path / LOST_NAME, [Lost("lost", "there is no video v2")], Lost)
    check = load_named("finegym").check(tmp_path, 0, None)
    assert [(problem.file, problem.kind) for problem in check.problems] == [
        ("absent.mp4", "missing"),
        ("lost", "missing"),
        ("broken.mp4", "damaged"),
        ("short.mp4", "damaged"),
    ]
    assert check.actions == {"split_jump": 1}
    assert not check.whole


def test_a_folder_without_clips_says_how_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="motionary finegym"):
        load_named("finegym").check(tmp_path, 0, None)
    with pytest.raises(ValueError, match="motionary estimate"):
        load_named("finegym").import_(tmp_path, tmp_path / "out", NamedImport())
