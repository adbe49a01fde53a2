import numpy as np
import pytest

from motionary.export import ExportConfig, export_motion
from motionary.mocap.amass import read_amass
from motionary.motion import Motion, read_as_written

ADD_ON_FIELDS = {"trans", "gender", "mocap_framerate", "betas", "poses"}
"""What meshcapade_addon/operators.py (github.com/Meshcapade/SMPL_blender_addon) refuses a file without."""
ADD_ON_JOINTS = 55


@pytest.fixture
def written(motion, body, tmp_path):
    return export_motion(motion, tmp_path / "dance.npz", body, ExportConfig(npz="amass"))


def test_the_add_ons_find_what_they_ask_for(written):
    with np.load(written, allow_pickle=False) as data:
        assert set(data.files) >= ADD_ON_FIELDS
        assert data["poses"].shape[1] == 3 * ADD_ON_JOINTS
        assert data["trans"].shape == (len(data["poses"]), 3)
        assert str(data["gender"]) in ("female", "male", "neutral")
        assert data["betas"].ndim == 1
        assert not data["poses"][:, 66:].any()  # face and fingers


@pytest.mark.parametrize(
    ("fps", "expected"), [(20.0, 30), (29.97, 30), (30.0, 30), (50.0, 60), (60.0, 60), (120.0, 120)]
)
def test_the_add_ons_play_it_at_its_speed(fps, expected, motion, body, tmp_path):
    filmed = Motion(motion.pose, motion.translation, fps)
    path = export_motion(filmed, tmp_path / "dance.npz", body, ExportConfig(npz="amass"))
    with np.load(path) as data:
        rate = int(data["mocap_framerate"])
        assert rate == expected
        # They keep every int(rate / 30)-th frame and play them at 30.
        seconds = len(data["poses"][:: rate // 30]) / 30
    assert seconds == pytest.approx(filmed.duration_s, abs=2 / fps)


def test_people_stand_along_z_as_in_amass(written, standing, body, tmp_path):
    path = export_motion(standing, tmp_path / "stands.npz", body, ExportConfig(npz="amass"))
    as_written, axis = read_as_written(path)
    joints = as_written.joint_positions(body)[0]
    assert axis == "z"
    assert joints[15, 2] - joints[0, 2] > 0.5  # the head is above the pelvis along z
    np.testing.assert_allclose(joints[:, 2], standing.joint_positions(body)[0, :, 1], atol=1e-5)


def test_a_round_trip_through_amass_returns_the_motion(motion, body, tmp_path):
    original = motion.resample(30.0).on_ground(body)
    path = export_motion(original, tmp_path / "dance.npz", body, ExportConfig(npz="amass"))
    back = read_amass(path, body)
    np.testing.assert_allclose(
        back.joint_positions(body)[:, :22], original.joint_positions(body)[:, :22], atol=5e-3
    )
    np.testing.assert_allclose(back.pose[:, 1:22], original.pose[:, 1:22], atol=1e-6)
    assert (back.fps, back.action) == (30.0, original.action)
