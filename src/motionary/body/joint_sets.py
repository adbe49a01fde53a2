"""Sets of body points that published models and data sets use, over one extended list of 54 points.

0..23 are SMPL's joints, 24..44 vertices of the posed SMPL mesh (face, feet, finger tips), 45..53 points
regressed from the posed mesh by the nine extra rows that SPIN and its successors add. Points past 23 only
mean something on a body with SMPL's 6,890 vertices.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import PosedBody

SMPL_VERTICES = 6890

POINT_VERTICES = (
    *(332, 6260, 2800, 4071, 583),  # nose, right eye, left eye, right ear, left ear
    *(3216, 3226, 3387, 6617, 6624, 6787),  # big toe, small toe, heel: left, then right
    *(2746, 2319, 2445, 2556, 2673),  # left finger tips, thumb to little finger
    *(6191, 5782, 5905, 6016, 6133),  # right finger tips
)
"""Vertex ids of points 24..44."""

NUM_EXTRA = 9
"""Points 45..53."""

FIRST_EXTRA = NUM_JOINTS + len(POINT_VERTICES)


@dataclass(frozen=True)
class JointSet:
    """A named choice from the 54 points."""

    points: tuple[int, ...]
    root: int
    """Position in `points` of the point that the others are measured from."""


_VIBE = (
    # OpenPose's 25, then SPIN's 24.
    *(24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34),
    *(8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27),
)
_A2M = (0, 12, 17, 19, 21, 16, 18, 20, 24, 2, 5, 8, 1, 4, 7, 31, 34, 48)

JOINT_SETS = {
    "smpl": JointSet(tuple(range(NUM_JOINTS)), root=0),
    "vibe": JointSet(_VIBE, root=8),
    "a2m": JointSet(_A2M, root=0),
    "a2mpl": JointSet(tuple(sorted({*range(NUM_JOINTS), *_A2M})), root=0),
}
"""SMPL's own joints; the 49 of VIBE; the 18 of Action2Motion; the last two's union ("a2m plus")."""


EVALUATION_ROWS = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""The 14 rows of `J_regressor_h36m.npy` that 3D pose papers evaluate on, in LSP's order."""


def set_points(
    posed: PosedBody, name: str, extra_regressor: Float[Tensor, "9 V"] | None = None
) -> Float[Tensor, "*B K 3"]:
    """World positions in metres of a joint set's points on a posed body.

    Args:
        posed: A body in some pose; a SMPL one for every set but "smpl".
        name: Key of `JOINT_SETS`.
        extra_regressor: Rows that make points 45..53 from the vertices, for the sets that hold some of them.

    Raises:
        ValueError: If there is no such set, or the body or the regressor do not fit it.
    """
    if name not in JOINT_SETS:
        raise ValueError(f"There is no joint set {name!r}; the sets are {', '.join(JOINT_SETS)}.")
    wanted = JOINT_SETS[name].points
    found = [posed.joints]
    if max(wanted) >= NUM_JOINTS:
        _check_is_smpl(posed, name)
        found.append(posed.skin(torch.tensor(POINT_VERTICES, device=posed.joints.device)))
    if max(wanted) >= FIRST_EXTRA:
        if extra_regressor is None:
            raise ValueError(f"The joint set {name!r} needs the {NUM_EXTRA} rows of extra_regressor.")
        found.append(regressed_points(posed, extra_regressor))
    return torch.cat(found, dim=-2)[..., list(wanted), :]


def regressed_points(posed: PosedBody, regressor: Float[Tensor, "J V"]) -> Float[Tensor, "*B J 3"]:
    """Weighted means of vertices; only those with some weight are skinned."""
    used = regressor.abs().sum(0).nonzero().squeeze(-1)
    return regressor[:, used] @ posed.skin(used)


def _check_is_smpl(posed: PosedBody, name: str) -> None:
    if (num_vertices := posed.shaped.model.num_vertices) != SMPL_VERTICES:
        raise ValueError(
            f"The joint set {name!r} needs SMPL's {SMPL_VERTICES} vertices; this body has {num_vertices}."
        )
