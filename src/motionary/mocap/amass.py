"""AMASS files: SMPL, SMPL-H or SMPL-X parameters in .npz, z up (Mahmood et al. 2019, arXiv:1904.03278)."""

from pathlib import Path

from motionary.body.smpl import BodyModel
from motionary.mocap.placement import Axis
from motionary.motion import TURN_TO_Y_UP, Motion, read_as_written, turned


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
    motion, told = read_as_written(path)
    axis = told if up == "auto" else up
    if axis not in TURN_TO_Y_UP:
        raise ValueError(f"{path}: up must be one of {', '.join(TURN_TO_Y_UP)}; got {axis}.")
    return motion if axis == "y" else turned(motion, TURN_TO_Y_UP[axis], body).on_ground(body)
