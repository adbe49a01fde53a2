"""SMPL-style bodies: shape -> pose -> skin, differentiable and batched (Loper et al. 2015, SIGGRAPH Asia).

V vertices, F faces. Every step takes any leading batch shape; the shape's batch broadcasts against the
pose's.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from motionary.body.kinematics import forward_kinematics
from motionary.body.skeleton import NUM_JOINTS
from motionary.rotations import axis_angle_to_matrix


@dataclass(frozen=True)
class BodyArrays:
    """What defines a body, as read from a model file. Metres; the rest pose faces +z, y up, arms out."""

    v_template: Float[Tensor, "V 3"]
    faces: Int[Tensor, "F 3"]
    weights: Float[Tensor, "V 24"]
    """Skinning weights; each row sums to one."""
    joints_template: Float[Tensor, "24 3"]
    joints_shapedirs: Float[Tensor, "24 3 10"]
    shapedirs: Float[Tensor, "V 3 10"]
    posedirs: Float[Tensor, "V 3 207"] | None = None
    """Pose-dependent corrections; None for a body without them."""


class BodyModel(nn.Module):
    """A body to be shaped, posed and skinned.

    `body.shape(betas).pose(rotations, translation).skin()` gives vertices; `.joints` are cheap.
    """

    v_template: Tensor
    faces: Tensor
    weights: Tensor
    joints_template: Tensor
    joints_shapedirs: Tensor
    shapedirs: Tensor
    posedirs: Tensor | None

    def __init__(self, arrays: BodyArrays) -> None:
        super().__init__()
        self.register_buffer("v_template", arrays.v_template)
        self.register_buffer("faces", arrays.faces)
        self.register_buffer("weights", arrays.weights)
        self.register_buffer("joints_template", arrays.joints_template)
        self.register_buffer("joints_shapedirs", arrays.joints_shapedirs)
        self.register_buffer("shapedirs", arrays.shapedirs)
        posedirs = arrays.posedirs
        if posedirs is not None:  # one axis after the other in memory, as skinning reads them
            posedirs = posedirs.transpose(0, 1).contiguous().transpose(0, 1)
        self.register_buffer("posedirs", posedirs)

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(self.v_template)

    def shape(self, betas: Float[Tensor, "*B 10"] | None = None) -> "ShapedBody":
        """The body in its rest pose with shape coefficients betas; the mean shape when None."""
        if betas is None:
            return ShapedBody(self, self.v_template, self.joints_template)
        vertices = self.v_template + torch.einsum("vck,...k->...vc", self.shapedirs, betas)
        joints = self.joints_template + torch.einsum("jck,...k->...jc", self.joints_shapedirs, betas)
        return ShapedBody(self, vertices, joints)

    def forward(
        self,
        pose: Float[Tensor, "*B 24 3"] | Float[Tensor, "*B 24 3 3"],
        translation: Float[Tensor, "*B 3"] | None = None,
        betas: Float[Tensor, "*S 10"] | None = None,
    ) -> "PosedBody":
        """Shape and pose in one call; skin the result for vertices."""
        return self.shape(betas).pose(pose, translation)


@dataclass(frozen=True)
class ShapedBody:
    """A body with its shape chosen, in the rest pose."""

    model: BodyModel
    vertices: Float[Tensor, "*S V 3"]
    joints: Float[Tensor, "*S 24 3"]

    def pose(
        self,
        pose: Float[Tensor, "*B 24 3"] | Float[Tensor, "*B 24 3 3"],
        translation: Float[Tensor, "*B 3"] | None = None,
    ) -> "PosedBody":
        """Bend the joints.

        Args:
            pose: Parent-relative rotations as axis-angle (..., 24, 3) in radians or matrices (..., 24, 3, 3).
            translation: SMPL's `transl`, metres, added to every point.
        """
        if pose.shape[-2:] == (NUM_JOINTS, 3):
            pose = axis_angle_to_matrix(pose)
        if pose.shape[-3:] != (NUM_JOINTS, 3, 3):
            raise ValueError(
                f"pose must be (..., 24, 3) axis-angle or (..., 24, 3, 3) matrices; got {tuple(pose.shape)}."
            )
        R_world_joint, joints = forward_kinematics(pose, self.joints)
        if translation is not None:
            joints = joints + translation[..., None, :]
        return PosedBody(self, pose, R_world_joint, joints)


@dataclass(frozen=True)
class PosedBody:
    """A posed body whose vertices are computed when asked for."""

    shaped: ShapedBody
    rotations: Float[Tensor, "*B 24 3 3"]
    """Parent-relative."""
    R_world_joint: Float[Tensor, "*B 24 3 3"]
    joints: Float[Tensor, "*B 24 3"]
    """World positions in metres."""

    @property
    def affine(self) -> Float[Tensor, "*B 24 3 4"]:
        """One affine map per joint, rest frame -> world."""
        offset = self.joints - (self.R_world_joint @ self.shaped.joints[..., None]).squeeze(-1)
        return torch.cat([self.R_world_joint, offset[..., None]], dim=-1)

    @property
    def bend(self) -> Float[Tensor, "*B 207"]:
        """What the pose correctives are proportional to: how far each joint but the root is from rest."""
        identity = torch.eye(3, dtype=self.rotations.dtype, device=self.rotations.device)
        return (self.rotations[..., 1:, :, :] - identity).flatten(-3)

    def skin(self, vertex_ids: Int[Tensor, "K"] | None = None) -> Float[Tensor, "*B K 3"]:
        """Vertices in metres by linear blend skinning; only those of vertex_ids where given."""
        model = self.shaped.model
        chosen = slice(None) if vertex_ids is None else vertex_ids
        rest = self.shaped.vertices[..., chosen, :].mT  # (*B, 3, K): long rows make quick work
        if model.posedirs is not None:
            directions = model.posedirs[chosen].transpose(0, 1)
            correction = self.bend @ directions.reshape(-1, directions.shape[-1]).T
            rest = rest + correction.unflatten(-1, (3, -1))
        columns = self.affine.movedim(-3, -1).transpose(-3, -2)  # (*B, 4, 3, 24)
        blended = columns.reshape(-1, NUM_JOINTS) @ model.weights[chosen].T  # one product for all frames
        *turns, points = blended.view(*columns.shape[:-1], -1).unbind(-3)  # each (*B, 3, K)
        for axis, turn in enumerate(turns):
            points = torch.addcmul(points, turn, rest[..., axis, None, :])
        return points.mT
