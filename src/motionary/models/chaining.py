"""Motions longer than a network knows: performances of one window each, one after the other.

A network that makes windows of a fixed length has nothing to say of what comes after. The next window is one
of several new performances of the action: the one whose beginning is most like the end that it has to go on
from, moved and turned to where that is, and faded in over their common frames (motion graphs, Kovar et al.
2002, section 3).

K candidates, F frames of a window, O frames that two windows share.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.features import moving_joints
from motionary.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix

CANDIDATES = 8
SHARED = 6
"""Two windows share one frame in so many of theirs."""

Draw = Callable[[int], Float[Tensor, "K F 25 6"]]
"""More performances of the same action."""


def chain(
    first: Float[Tensor, "F 25 6"], num_frames: int, draw: Draw, rest_joints: Float[Tensor, "24 3"]
) -> Float[Tensor, "T 25 6"]:
    """A motion of so many frames that begins as the first window does.

    Args:
        first: At least two frames, y up.
        num_frames: T, of the whole.
        draw: Makes candidates for every next window, of F frames each.
        rest_joints: Of the body on which likeness is measured, in metres.
    """
    shared = max(1, len(first) // SHARED)
    whole = _on_ground(first[None], rest_joints)[0]
    while len(whole) < num_frames:
        candidates = _on_ground(draw(CANDIDATES), rest_joints)
        whole = _go_on(whole, candidates, shared, rest_joints)
    # heights are those above the first frame's again, not above the ground
    whole[:, NUM_JOINTS, 1] -= whole[0, NUM_JOINTS, 1].clone()
    return whole[:num_frames]


def _go_on(
    whole: Float[Tensor, "T 25 6"],
    candidates: Float[Tensor, "K F 25 6"],
    shared: int,
    rest_joints: Float[Tensor, "24 3"],
) -> Float[Tensor, "U 25 6"]:
    """The motion, and the candidate that fits its end best."""
    end = moving_joints(whole[None, -shared:], rest_joints)
    begins = moving_joints(candidates[:, :shared], rest_joints)
    R_turn, moved = _onto(begins, end)
    apart = (begins @ R_turn[:, None].mT + moved[:, None, None] - end).square().mean((1, 2, 3))
    best = int(apart.argmin())
    next_window = _placed(candidates[best], R_turn[best], moved[best], rest_joints[0])
    weight = torch.linspace(0, 1, shared + 2, device=whole.device)[1:-1, None, None]
    weight = weight * weight * (3 - 2 * weight)
    faded = whole[-shared:] * (1 - weight) + next_window[:shared] * weight
    rotations = matrix_to_rotation_6d(rotation_6d_to_matrix(faded[:, :NUM_JOINTS]))
    faded = torch.cat([rotations, faded[:, NUM_JOINTS:]], dim=1)
    return torch.cat([whole[:-shared], faded, next_window[shared:]])


def _onto(
    begins: Float[Tensor, "K O 24 3"], end: Float[Tensor, "1 O 24 3"]
) -> tuple[Float[Tensor, "K 3 3"], Float[Tensor, "K 3"]]:
    """The turn about the vertical, and the level way after it, that bring beginnings nearest to the end.

    Source: Kovar et al. 2002, equations 2 to 4.
    """
    mean, goal = begins.mean((1, 2)), end.mean((1, 2))
    here, there = begins - mean[:, None, None], end - goal[:, None, None]
    sine = (here[..., 2] * there[..., 0] - here[..., 0] * there[..., 2]).sum((1, 2))
    cosine = (here[..., 0] * there[..., 0] + here[..., 2] * there[..., 2]).sum((1, 2))
    angle = torch.atan2(sine, cosine)
    zero, one, c, s = torch.zeros_like(angle), torch.ones_like(angle), angle.cos(), angle.sin()
    R_turn = torch.stack([c, zero, s, zero, one, zero, -s, zero, c], dim=-1).unflatten(-1, (3, 3))
    moved = goal - (R_turn @ mean[..., None])[..., 0]
    return R_turn, moved * torch.tensor([1.0, 0.0, 1.0], device=moved.device)


def _placed(
    window: Float[Tensor, "F 25 6"], R_turn: Float[Tensor, "3 3"], moved_m: Float[Tensor, "3"], pelvis: Tensor
) -> Float[Tensor, "F 25 6"]:
    """A window turned and moved as its joints are."""
    placed = window.clone()
    placed[:, 0] = matrix_to_rotation_6d(R_turn @ rotation_6d_to_matrix(window[:, 0]))
    path = window[:, NUM_JOINTS, :3] + pelvis
    placed[:, NUM_JOINTS, :3] = path @ R_turn.mT + moved_m - pelvis
    return placed


def _on_ground(
    windows: Float[Tensor, "K F 25 6"], rest_joints: Float[Tensor, "24 3"]
) -> Float[Tensor, "K F 25 6"]:
    """Their lowest joints at height zero: how high a window begins is not told."""
    low = moving_joints(windows, rest_joints)[..., 1].flatten(1).amin(1)
    moved = windows.clone()
    moved[:, :, NUM_JOINTS, 1] -= low[:, None]
    return moved
