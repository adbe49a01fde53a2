"""AMASS files: SMPL, SMPL-H or SMPL-X parameters in .npz, z up (Mahmood et al. 2019, arXiv:1904.03278)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from motionary.array_files import read_npz
from motionary.body.smpl import BodyModel
from motionary.mocap.placement import TURN_TO_Y_UP, Axis
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle


def read_amass(path: Path, body: BodyModel, up: Axis = "auto") -> Motion:
    """Read SMPL-family parameters into a y-up motion at the file's frame rate.

    Args:
        path: The .npz file. One that `Motion.save` wrote says that it is y up and stays as it is; AMASS
            files say nothing, are z up, and are put on the ground.
        body: Whose rest pelvis the turn goes around.
        up: The file's vertical axis, to overrule that.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a readable motion.
    """
    motion = Motion.load(path)
    axis = _told_axis(path) if up == "auto" else up
    if axis not in TURN_TO_Y_UP:
        raise ValueError(f"{path}: up_axis must be one of {', '.join(TURN_TO_Y_UP)}; got {axis}.")
    return motion if axis == "y" else turned(motion, TURN_TO_Y_UP[axis], body).on_ground(body)


def _told_axis(path: Path) -> str:
    arrays = read_npz(path, ("up_axis",))
    return str(arrays["up_axis"]).lower() if "up_axis" in arrays else "z"


def turned(motion: Motion, turn: Float[np.ndarray, "3 3"], body: BodyModel) -> Motion:
    """The motion in turned world axes; the pelvis, which is at translation + rest pelvis, turns with them."""
    R_turn = torch.from_numpy(turn).float()
    pose = torch.from_numpy(motion.pose).clone()
    pose[:, 0] = matrix_to_axis_angle(R_turn @ axis_angle_to_matrix(pose[:, 0]))
    rest_pelvis = body.shape(torch.from_numpy(motion.betas)).joints[0]
    translation = (torch.from_numpy(motion.translation) + rest_pelvis) @ R_turn.T - rest_pelvis
    return replace(motion, pose=pose.numpy(), translation=translation.numpy())
