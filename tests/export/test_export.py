import numpy as np
import pytest

from motionary.export import EXPORTERS, check_formats, export_motion
from motionary.motion import Motion


def test_npz_comes_back_as_it_was(motion, body, tmp_path):
    path = export_motion(motion, tmp_path / "deep" / "dance.npz", body)
    back = Motion.load(path)
    np.testing.assert_array_equal(back.pose, motion.pose)
    np.testing.assert_array_equal(back.translation, motion.translation)
    assert (back.fps, back.action) == (motion.fps, motion.action)


@pytest.mark.parametrize("name", ["dance.fbx", "dance"])
def test_an_unknown_suffix_lists_the_known_ones(name, motion, body, tmp_path):
    with pytest.raises(ValueError, match=r"\.npz, \.bvh, \.glb, \.mp4, \.png, \.html"):
        export_motion(motion, tmp_path / name, body)
    assert not list(tmp_path.iterdir())


def test_the_case_of_the_suffix_does_not_matter(motion, body, tmp_path):
    for suffix in (".NPZ", ".BVH"):
        path = export_motion(motion, tmp_path / f"dance{suffix}", body)
        assert path.is_file()
        assert path.suffix == suffix.lower()


def test_formats_are_named_with_or_without_their_dot():
    assert check_formats(["npz", " BVH", ".glb"]) == [".npz", ".bvh", ".glb"]
    with pytest.raises(ValueError, match="got 'fbx'"):
        check_formats(["npz", "fbx"])


@pytest.mark.parametrize("suffix", EXPORTERS)
def test_every_format_of_a_one_frame_motion(suffix, motion, body, tmp_path):
    path = export_motion(motion.crop(3, 4), tmp_path / f"still{suffix}", body)
    assert path.stat().st_size > 500
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", EXPORTERS)
def test_nothing_half_written_stays_when_writing_fails(suffix, motion, body, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    path = tmp_path / f"dance{suffix}"
    path.write_text("the old file")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        export_motion(motion.crop(0, 2), path, body)
    assert path.read_text() == "the old file"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
