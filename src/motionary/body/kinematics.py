"""Forward kinematics: from every joint's own rotation to where it is and how it is turned in the world.

A chain of 23 small products is a hundred operations of torch's, there and back; for float32 on a CPU it is
one compiled loop. N frames.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.native import compiled, fits

_PARENTS = np.array(PARENTS)


def forward_kinematics(
    rotations: Float[Tensor, "*B 24 3 3"], rest_joints: Float[Tensor, "*S 24 3"]
) -> tuple[Float[Tensor, "*B 24 3 3"], Float[Tensor, "*C 24 3"]]:
    """Rotations and positions of the joints in the world.

    Args:
        rotations: Parent-relative.
        rest_joints: In metres, of one body or of many.
    """
    if not fits(rotations, rest_joints) or rest_joints.dim() > 2 or rest_joints.requires_grad:
        return by_torch(rotations, rest_joints)
    R_world, joints = _Kinematics.apply(rotations.reshape(-1, NUM_JOINTS, 3, 3), rest_joints)
    return R_world.view(rotations.shape), joints.view(rotations.shape[:-1])


def by_torch(
    rotations: Float[Tensor, "*B 24 3 3"], rest_joints: Float[Tensor, "*S 24 3"]
) -> tuple[Float[Tensor, "*B 24 3 3"], Float[Tensor, "*C 24 3"]]:
    """The same for any precision and device, and for gradients by the body's shape."""
    R_world = [rotations[..., 0, :, :]]
    joints = [rest_joints[..., 0, :].expand(*rotations.shape[:-3], 3)]
    for joint in range(1, NUM_JOINTS):
        parent = PARENTS[joint]
        bone = rest_joints[..., joint, :] - rest_joints[..., parent, :]
        joints.append(joints[parent] + (R_world[parent] @ bone[..., None]).squeeze(-1))
        R_world.append(R_world[parent] @ rotations[..., joint, :, :])
    return torch.stack(R_world, dim=-3), torch.stack(joints, dim=-2)


class _Kinematics(torch.autograd.Function):
    """The loop, and the loop back."""

    @staticmethod
    def forward(ctx: Any, rotations: Tensor, rest_joints: Tensor) -> tuple[Tensor, Tensor]:
        """Keep both kinds of rotations."""
        rotations = rotations.contiguous()
        R_world, joints = torch.empty_like(rotations), rotations.new_empty(rotations.shape[:-1])
        ctx.bones = bones = (rest_joints - rest_joints[_PARENTS.clip(0)]).numpy()
        joints[:, 0] = rest_joints[0]
        _chain(rotations.numpy(), bones, _PARENTS, R_world.numpy(), joints.numpy())
        ctx.save_for_backward(rotations, R_world)
        return R_world, joints

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_world: Tensor, to_joints: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient by the rotations; what comes in gathers, from the ends to the root, in copies."""
        rotations, R_world = ctx.saved_tensors
        to_rotations = torch.empty_like(rotations)
        gathered = [t.clone(memory_format=torch.contiguous_format) for t in (to_world, to_joints)]
        there = (t.numpy() for t in (*gathered, to_rotations))
        _chain_back(rotations.numpy(), R_world.numpy(), ctx.bones, _PARENTS, *there)
        return to_rotations, None


@compiled
def _chain(rotations, bones, parents, R_world, joints):
    """Rotations (N, 24, 3, 3) and bones (24, 3) to those of the world; joints (N, 24, 3) hold the root's."""
    for frame in range(rotations.shape[0]):
        R_world[frame, 0] = rotations[frame, 0]
        for joint in range(1, rotations.shape[1]):
            parent = parents[joint]
            above, own = R_world[frame, parent], rotations[frame, joint]
            for row in range(3):
                a, b, c = above[row, 0], above[row, 1], above[row, 2]
                for column in range(3):
                    R_world[frame, joint, row, column] = (
                        a * own[0, column] + b * own[1, column] + c * own[2, column]
                    )
                along = a * bones[joint, 0] + b * bones[joint, 1] + c * bones[joint, 2]
                joints[frame, joint, row] = joints[frame, parent, row] + along


@compiled
def _chain_back(rotations, R_world, bones, parents, to_world, to_joints, to_rotations):
    """Gradients by what `_chain` made to those by rotations; the former are added up on the way."""
    for frame in range(rotations.shape[0]):
        for joint in range(rotations.shape[1] - 1, 0, -1):
            parent = parents[joint]
            above, own, given = R_world[frame, parent], rotations[frame, joint], to_world[frame, joint]
            for row in range(3):
                force = to_joints[frame, joint, row]
                to_joints[frame, parent, row] += force
                a, b, c = given[row, 0], given[row, 1], given[row, 2]
                for column in range(3):
                    turned = a * own[column, 0] + b * own[column, 1] + c * own[column, 2]
                    to_world[frame, parent, row, column] += turned + force * bones[joint, column]
                    to_rotations[frame, joint, row, column] = (
                        above[0, row] * given[0, column]
                        + above[1, row] * given[1, column]
                        + above[2, row] * given[2, column]
                    )
        to_rotations[frame, 0] = to_world[frame, 0]
