"""Every system's file gives the performance that it was made of, standing on the ground."""

import os
import struct
from typing import get_args

import joblib
import numpy as np
import pytest
import torch

from motionary.commands.dataset import Results
from motionary.estimators.external import RESULTS, find_results, read_results
from motionary.rotations import axis_angle_to_matrix, geodesic_distance, matrix_to_axis_angle

WITHOUT_FRAMES = ("gvhmr", "smplx")
"""Formats with a pose for every frame."""

FRAMES_SEEN = [(5, 15), (18, 31)]


def rows_of(format, performance, motion):
    """Rows of the motion that show the performance's frames."""
    return np.arange(len(performance)) if format in WITHOUT_FRAMES else performance.frames - 5


def angles(a, b):
    a, b = (axis_angle_to_matrix(torch.from_numpy(np.asarray(x, np.float32))) for x in (a, b))
    return geodesic_distance(a, b).numpy()


@pytest.mark.parametrize("asked", ["by name", "auto"])
@pytest.mark.parametrize("format", RESULTS)
def test_a_file_gives_the_performance_it_was_made_of(format, asked, save, performance, body):
    result = read_results(save(format), format if asked == "by name" else "auto", 25.0)
    assert result.format == format
    (clip,) = result.clips
    motion, rows = clip.motion, rows_of(format, performance, clip.motion)
    assert motion.fps == 25
    assert result.fps_told == (format == "smplx")
    joints = 22 if format in WITHOUT_FRAMES else 24
    turned = angles(motion.pose[rows, :joints], performance.vectors[:, :joints])
    # A camera that moves by float32 matrices turns the root by a rounding more.
    assert turned.max() < 2e-3
    np.testing.assert_allclose(motion.betas, performance.betas.mean(0), atol=1e-6)
    pelvis = motion.joint_positions(body)[rows, 0]
    way = performance.pelvis - performance.pelvis[0]
    # WHAM's hips are ours only nearly; depth in float32 is worth a millimetre at five metres.
    np.testing.assert_allclose(pelvis - pelvis[0], way, atol=0.03 if format == "wham" else 2e-3)


@pytest.mark.parametrize("format", RESULTS)
def test_people_stand_on_the_ground(format, save, body):
    (clip,) = read_results(save(format), format, 25.0).clips
    lowest = np.percentile(clip.motion.vertices(body)[..., 1].min(1), 5)
    assert abs(lowest) < 0.02


@pytest.mark.parametrize("format", [name for name in RESULTS if name not in WITHOUT_FRAMES])
def test_frames_that_nobody_was_seen_in_are_bridged_and_marked(format, save):
    (clip,) = read_results(save(format), format, 25.0).clips
    assert clip.start_frame == 5
    expected = np.zeros(31, bool)
    for start, stop in FRAMES_SEEN:
        expected[start:stop] = True
    np.testing.assert_array_equal(clip.motion.valid, expected[5:])
    steps = np.linalg.norm(np.diff(clip.motion.translation, axis=0), axis=1)
    assert steps.max() < 0.1


@pytest.mark.parametrize("form", ["72", "24x3", "24x3x3", "216", "24x6", "144", "root apart"])
def test_every_form_of_a_pose_is_told_by_its_shape(form, performance, made, tmp_path):
    person = made.vibe_person()
    matrices = performance.in_camera.rotations
    num = len(matrices)
    person["pose"] = {
        "72": person["pose"],
        "24x3": person["pose"].reshape(num, 24, 3),
        "24x3x3": matrices,
        "216": matrices.reshape(num, -1),
        "24x6": matrices[:, :, :2].reshape(num, 24, 6),
        "144": matrices[:, :, :2].reshape(num, 144).astype(np.float16).astype(np.float32),
        "root apart": person["pose"],
    }[form]
    joblib.dump({1: person}, tmp_path / "a.pkl")
    (clip,) = read_results(tmp_path / "a.pkl", "vibe", 25.0).clips
    shown = clip.motion.pose[performance.frames - 5]
    assert angles(shown, performance.vectors).max() < 2e-3


def test_everybody_in_a_file_is_found_and_a_bad_one_is_named(made, tmp_path):
    good, bad = made.vibe_person(), made.vibe_person()
    bad["pose"] = bad["pose"].copy()
    bad["pose"][4, 3] = np.nan
    people = {1: good, 2: bad, 5: good}
    joblib.dump(people, tmp_path / "a.pkl")
    result = read_results(tmp_path / "a.pkl", fps=25.0)
    assert [clip.person for clip in result.clips] == ["1", "5"]
    assert result.dropped == ("person 2: pose holds NaN or infinity in row 4",)


def test_a_long_absence_or_a_cut_starts_a_new_motion(made, tmp_path):
    person = made.vibe_person()
    person["frame_ids"] = person["frame_ids"] + 30 * (np.arange(23) >= 10)
    joblib.dump({1: person}, tmp_path / "a.pkl")
    clips = read_results(tmp_path / "a.pkl", fps=25.0).clips
    assert [(clip.start_frame, len(clip.motion)) for clip in clips] == [(5, 10), (48, 13)]
    frames = made.phalp_frames()
    frames["_DEMO/video/img/000009.jpg"]["shot"] = 1
    joblib.dump(frames, tmp_path / "b.pkl")
    clips = read_results(tmp_path / "b.pkl", fps=25.0).clips
    assert [(clip.start_frame, len(clip.motion)) for clip in clips] == [(5, 4), (9, 22)]


def test_a_repeated_sighting_is_no_sighting(performance, made, tmp_path):
    frames = made.phalp_frames()
    joblib.dump(frames, tmp_path / "a.pkl")
    (clip,) = read_results(tmp_path / "a.pkl", fps=25.0).clips
    assert clip.motion.valid.sum() == len(performance)


def test_z_up_files_are_turned_and_cameras_recognised(performance, made, tmp_path):
    arrays = made.smplx_arrays()
    R_z = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    for R in (R_z, np.diag([1.0, -1, -1])):
        root = torch.from_numpy(R @ performance.rotations[:, 0])
        turned = {**arrays, "global_orient": matrix_to_axis_angle(root).numpy()}
        turned["transl"] = performance.pelvis @ R.T - [0.0031, -0.3514, 0.0120]
        np.savez(tmp_path / "a.npz", **turned)
        (clip,) = read_results(tmp_path / "a.npz").clips
        assert angles(clip.motion.pose[:, :22], performance.vectors[:, :22]).max() < 2e-3
        way = clip.motion.translation - clip.motion.translation[0]
        np.testing.assert_allclose(way, performance.pelvis - performance.pelvis[0], atol=1e-4)


def test_tram_without_its_camera_stays_in_the_pictures_axes(save, performance):
    path = save("tram")
    with_camera = read_results(path, fps=25.0).clips[0].motion
    (path.parents[1] / "camera.npy").unlink()
    without = read_results(path, fps=25.0).clips[0].motion
    np.testing.assert_array_equal(without.pose[:, 1:], with_camera.pose[:, 1:])
    assert angles(without.pose[:, 0], with_camera.pose[:, 0]).max() > 0.3


def broken(made, key, value):
    return {1: {**made.vibe_person(), key: value}}


BROKEN = {
    "no pose": (
        lambda made: {1: {"betas": np.zeros(10), "orig_cam": 1}},
        "lacks pose; it holds betas, orig_cam",
    ),
    "shape": (lambda made: broken(made, "pose", np.zeros((4, 71))), r"pose must be .* got \(4, 71\)"),
    "degrees": (lambda made: broken(made, "pose", np.full((23, 72), 90.0)), "expected radians"),
    "matrices": (lambda made: broken(made, "pose", np.ones((23, 24, 3, 3))), "no rotations"),
    "frame ids": (lambda made: broken(made, "frame_ids", np.arange(7)), "frame_ids must be 23 numbers"),
    "repeated": (lambda made: broken(made, "frame_ids", np.zeros(23)), "whole numbers that grow"),
    "camera": (lambda made: broken(made, "orig_cam", np.full((23, 4), np.inf)), "orig_cam must be finite"),
    "camera's shape": (
        lambda made: broken(made, "orig_cam", np.ones((23, 3))),
        r"orig_cam must be \(23, 4\)",
    ),
    "shape coefficients": (lambda made: broken(made, "betas", np.full(10, np.nan)), "betas must be finite"),
    "text": (lambda made: broken(made, "pose", "hello"), "pose must be"),
    "a list": (lambda made: [1, 2], "holds a list"),
    "nobody": (lambda made: {}, "holds nothing"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_file_is_said_in_one_line(case, made, tmp_path):
    make, message = BROKEN[case]
    joblib.dump(make(made), tmp_path / "a.pkl")
    with pytest.raises(ValueError, match=message) as error:
        read_results(tmp_path / "a.pkl", "vibe")
    assert "a.pkl" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("tid", 3), ("smpl", [None]), ("size", ["wide"]), ("time", {}), ("tracked_time", [None])],
)
def test_entries_of_a_strange_kind_are_no_crash(key, value, made, tmp_path):
    frames = made.phalp_frames()
    frames["_DEMO/video/img/000020.jpg"][key] = value
    joblib.dump(frames, tmp_path / "a.pkl")
    with pytest.raises(ValueError, match=r"a\.pkl") as error:
        read_results(tmp_path / "a.pkl", "4dhumans")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("format", RESULTS)
def test_a_file_of_another_system_is_an_error(format, save, tmp_path):
    other = save("gvhmr" if format not in ("gvhmr", "smplx") else "vibe")
    with pytest.raises(ValueError, match=r"hmr4d_results\.pt|vibe_output\.pkl"):
        read_results(other, format)


@pytest.mark.parametrize("format", RESULTS)
def test_a_cut_file_is_named(format, save):
    path = save(format)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=path.name) as error:
        read_results(path, format)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["pkl", "pt", "npz"])
def test_an_archive_over_two_disks_is_named(suffix, tmp_path):
    """At whose end zipfile raises where it is only asked what it is."""
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"PK\6\7" + struct.pack("<LQL", 0, 0, 2) + b"PK\5\6" + bytes(18))
    with pytest.raises(ValueError, match=path.name):
        read_results(path)


def test_a_sighting_of_another_kind_is_no_riddle(save):
    path = save("4dhumans")
    content = joblib.load(path)
    for frame in content.values():
        frame["tracked_time"] = ["soon"] * len(frame["tid"])
    joblib.dump(content, path)
    with pytest.raises(ValueError, match=rf"{path.name} is not laid out as 4D-Humans"):
        read_results(path)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch stolen",)


def test_a_file_that_asks_to_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    joblib.dump({1: Malicious()}, "a.pkl")
    torch.save({"smpl_params_global": Malicious()}, "a.pt")
    np.save("a.npy", {"pred_trans": Malicious()})
    for name in ("a.pkl", "a.pt", "a.npy"):
        with pytest.raises(ValueError, match=name):
            read_results(tmp_path / name)
    assert not (tmp_path / "stolen").exists()


def test_missing_files_wrong_names_and_wrong_rates_are_errors(save, tmp_path):
    with pytest.raises(FileNotFoundError, match="No result file"):
        read_results(tmp_path / "none.pkl")
    with pytest.raises(ValueError, match="vibe, 4dhumans"):
        read_results(save("vibe"), "vibes")
    with pytest.raises(ValueError, match="fps must be"):
        read_results(save("vibe"), fps=0.0)
    joblib.dump({"a": 1}, tmp_path / "a.pkl")
    with pytest.raises(ValueError, match="no result that is known"):
        read_results(tmp_path / "a.pkl")


def test_a_folder_is_searched_for_the_names_that_systems_use(save, tmp_path):
    track, vibe = save("tram"), save("vibe")
    assert find_results(tmp_path, "tram") == [track]
    assert find_results(tmp_path, "vibe") == [vibe]
    assert set(find_results(tmp_path, "auto")) == {track, vibe}
    with pytest.raises(FileNotFoundError, match=r"\*\.pt"):
        find_results(tmp_path, "gvhmr")


def test_the_names_that_the_command_offers_are_the_formats_known():
    assert set(get_args(Results)) == set(RESULTS)


def test_gvhmr_without_a_world_is_read_before_the_camera(performance, made, tmp_path):
    content = made.gvhmr_content()
    del content["smpl_params_global"]
    torch.save(content, tmp_path / "a.pt")
    (clip,) = read_results(tmp_path / "a.pt").clips
    assert angles(clip.motion.pose[:, :22], performance.vectors[:, :22]).max() < 2e-3
