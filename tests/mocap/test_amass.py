from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from motionary.mocap import read_motion
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle

Z_UP = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def as_amass(motion: Motion, body, path, width=156):
    """The motion as AMASS has it: z up, body and fingers, no word about axes."""
    pose = torch.from_numpy(motion.pose.copy())
    pose[:, 0] = matrix_to_axis_angle(Z_UP @ axis_angle_to_matrix(pose[:, 0]))
    pelvis = body.shape().joints[0]
    translation = (torch.from_numpy(motion.translation) + pelvis) @ Z_UP.T - pelvis
    poses = np.zeros((len(motion), width))
    shared = 72 if width == 72 else 66
    poses[:, :shared] = pose.reshape(len(motion), -1)[:, :shared]
    np.savez(
        path, poses=poses, trans=translation, betas=np.zeros(16), mocap_framerate=motion.fps, gender="male"
    )


@pytest.mark.parametrize("width", [72, 156, 165])
def test_an_amass_file_stands_up(tmp_path, walk, body, width):
    as_amass(walk, body, tmp_path / "walk.npz", width)
    back = read_motion(tmp_path / "walk.npz")
    expected = walk.on_ground(body)
    assert_allclose(back.joint_positions(body)[:, :22], expected.joint_positions(body)[:, :22], atol=2e-3)


def test_our_own_files_come_back_as_they_were(tmp_path, walk):
    raised = replace(walk, translation=walk.translation + np.array([0, 3, 0], np.float32), action="walk")
    raised.save(tmp_path / "walk.npz")
    back = read_motion(tmp_path / "walk.npz")
    assert_allclose(back.translation, raised.translation)
    assert_allclose(back.pose, raised.pose)
    assert back.action == "walk"


def test_a_file_that_is_no_motion_gives_one_clear_line(tmp_path):
    np.savez(tmp_path / "shape.npz", betas=np.zeros(16))
    with pytest.raises(ValueError, match=r"shape\.npz lacks"):
        read_motion(tmp_path / "shape.npz")
