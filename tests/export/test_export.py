import numpy as np
import pygltflib
import pytest

from motionary.export import EXPORTERS, ExportConfig, check_formats, export_motion, export_together
from motionary.mocap import read_motion
from motionary.motion import Motion


def test_npz_comes_back_as_it_was(motion, body, tmp_path):
    path = export_motion(motion, tmp_path / "deep" / "dance.npz", body)
    back = Motion.load(path)
    np.testing.assert_array_equal(back.pose, motion.pose)
    np.testing.assert_array_equal(back.translation, motion.translation)
    assert (back.fps, back.action) == (motion.fps, motion.action)


@pytest.mark.parametrize("name", ["dance.fbx", "dance"])
def test_an_unknown_suffix_lists_the_known_ones(name, motion, body, tmp_path):
    with pytest.raises(ValueError, match=r"\.npz, \.bvh, \.glb, \.mp4, \.png, \.html, \.trc, \.jsonl"):
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


@pytest.mark.parametrize(
    ("bones", "unit"), [("smpl", "cm"), ("smpl", "m"), ("mixamo", "cm"), ("unreal", "cm")]
)
def test_a_bvh_comes_back_as_the_motion_it_was(bones, unit, standing, body, tmp_path):
    pose = np.repeat(standing.pose[:1], 30, axis=0)
    pose[:, 4, 0] = np.linspace(0.0, 1.2, 30)
    pose[:, 18, 1] = np.linspace(0.0, -1.0, 30)
    way = np.linspace([0, standing.translation[0, 1], 0], [1, standing.translation[0, 1], 0.5], 30)
    motion = Motion(pose, way.astype(np.float32), fps=30.0)
    path = export_motion(motion, tmp_path / "walk.bvh", body, ExportConfig(bones=bones, unit=unit))
    back = read_motion(path)
    joints, expected = (m.joint_positions(body)[:, 1:22] for m in (back, motion))
    off = joints - expected
    assert np.abs(off - off.mean((0, 1))).max() < 0.03


def test_in_place_keeps_heights_and_pose(motion, body, tmp_path):
    path = export_motion(motion, tmp_path / "dance.npz", body, ExportConfig(root="in_place"))
    back = Motion.load(path)
    np.testing.assert_array_equal(back.pose, motion.pose)
    np.testing.assert_array_equal(back.translation[:, 1], motion.translation[:, 1])
    assert np.ptp(back.translation[:, [0, 2]], axis=0).max() == 0


def test_several_motions_go_into_one_glb_alone(motion, body, tmp_path):
    path = export_together([motion, motion.mirror()], tmp_path / "set.glb", body, ExportConfig(bones="vrm"))
    document = pygltflib.GLTF2().load(str(path))
    assert [animation.name for animation in document.animations] == ["dance 1", "dance 2"]
    assert document.nodes[0].name == "hips"
    with pytest.raises(ValueError, match=r"Only a \.glb or \.mp4 holds several"):
        export_together([motion, motion], tmp_path / "set.bvh", body)
