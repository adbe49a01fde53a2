"""The body's points that a reconstruction is compared at."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from motionary.body.assets import cache_folder
from motionary.body.joint_sets import JOINT_SETS, set_points
from motionary.body.quadrature import load_quadrature
from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel, PosedBody
from motionary.body.vertex_error import VertexError
from motionary.rotations import rotation_6d_to_matrix

PointSet = Literal["vertices", "few_vertices", "joints", "a2m", "a2mpl", "vibe"]


class BodyPoints(nn.Module):
    """Points of the mean-shaped body, posed by features.

    `vertices` gives points whose mean squared distance between any two poses is that over ALL the body's
    vertices. On a body with pose correctives they are the vertices themselves. On one without, a vertex is a
    linear function of the joints' 24 affine maps, so the vertices' distances are a quadratic form in 96
    numbers per coordinate, and at most 96 points that carry the same form do: the loss on 24,000 vertices
    then costs no more than one on the joints.

    `few_vertices` stands for `vertices` with a few hundred weighted ones: an error within a percent
    (`body.quadrature`) for a thirtieth of the work. Where the distances come exactly from 96 points, it takes
    those.

    `joints` gives the 24 joints relative to the resting pelvis. `a2m`, `a2mpl` and `vibe` give those sets of
    `body.joint_sets` relative to their root, on a SMPL body alone; the published code trains on any of them.
    """

    extra_regressor: Tensor | None
    form: Tensor | None
    """S of `_vertex_form`, where it can be had."""

    def __init__(
        self,
        body: BodyModel,
        kind: PointSet = "vertices",
        *,
        travel: bool = False,
        extra_regressor: Float[Tensor, "9 V"] | None = None,
    ) -> None:
        """Prepare the points.

        Args:
            body: Body in metres; its parameters are not trained.
            kind: Which points.
            travel: Whether they move with the root's translation since the first frame (the paper's do not).
            extra_regressor: For the sets with points beyond SMPL's own, as `joint_sets.set_points` wants it.
        """
        super().__init__()
        self.body = body
        self.kind = kind
        self.travel = travel
        on_skin = kind in ("vertices", "few_vertices")
        self.register_buffer("extra_regressor", extra_regressor, persistent=False)
        compressible = on_skin and body.posedirs is None
        self.register_buffer("form", _vertex_form(body) if compressible else None, persistent=False)
        self.vertex_error = _vertex_error(body, kind) if on_skin and not compressible else None

    def forward(
        self, features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None
    ) -> Float[Tensor, "N K 3"]:
        """Points in metres at the N real frames."""
        posed = self._posed(features, mask)
        if self.kind in JOINT_SETS:
            points = set_points(posed, self.kind, self.extra_regressor)
            way = posed.joints[:, 0] - posed.shaped.joints[0]  # zero unless points travel
            return points - points[:, JOINT_SETS[self.kind].root, None] + way[:, None]
        return self._points(posed)

    def error(
        self,
        output: Float[Tensor, "B T 25 6"],
        target: Float[Tensor, "B T 25 6"],
        mask: Bool[Tensor, "B T"] | None,
    ) -> Float[Tensor, ""]:
        """Mean squared error of the points over real frames, per coordinate, in square metres."""
        if self.vertex_error is None:
            return functional.mse_loss(self(output, mask), self(target, mask))
        with torch.no_grad():
            aim = self._posed(target, mask)
        return self.vertex_error(self._posed(output, mask), aim)

    def velocity_error(
        self,
        output: Float[Tensor, "B T 25 6"],
        target: Float[Tensor, "B T 25 6"],
        mask: Bool[Tensor, "B T"] | None,
    ) -> Float[Tensor, ""]:
        """Squared error of the joints' steps to the next frame, travel included, in square metres.

        Summed over steps within a motion, divided by the number of real frames and of coordinates.
        """
        off = self._joints(output, mask) - self._joints(target, mask)  # (N, 24, 3)
        lengths = off.new_full((len(output),), output.shape[1]) if mask is None else mask.sum(1)
        motion = torch.arange(len(output), device=off.device).repeat_interleave(lengths.long())
        within = motion[1:] == motion[:-1]
        return (off.diff(dim=0).square() * within[:, None, None]).sum() / off.numel()

    def _joints(
        self, features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None
    ) -> Float[Tensor, "N 24 3"]:
        rows = real_frames(features, mask)
        rotations = rotation_6d_to_matrix(rows[:, :NUM_JOINTS])
        return self.body.shape().pose(rotations, rows[:, NUM_JOINTS, :3]).joints

    def _posed(self, features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None) -> PosedBody:
        """The body at the real frames, one after the other."""
        rotations = rotation_6d_to_matrix(real_frames(features, mask)[:, :NUM_JOINTS])
        way = None
        if self.travel:
            path = features[:, :, NUM_JOINTS, :3]
            way = real_frames(path - path[:, :1], mask)
        return self.body.shape().pose(rotations, way)

    def _points(self, posed: PosedBody) -> Float[Tensor, "N K 3"]:
        if self.kind == "joints":
            return posed.joints - posed.shaped.joints[0]
        if self.form is None:
            return posed.skin()
        stacked = posed.affine.permute(0, 2, 1, 3).flatten(2)  # (N, 3, 96)
        return (stacked @ self.form.T).mT  # one product of matrices over all frames


def _vertex_error(body: BodyModel, kind: PointSet) -> VertexError:
    """Error over all vertices, or over the few that stand for them."""
    if kind == "vertices":
        return VertexError(body)
    rule = load_quadrature(body, cache_folder())
    return VertexError(body, rule.vertex_ids, rule.counts)


def real_frames(rows: Float[Tensor, "B T *F"], mask: Bool[Tensor, "B T"] | None) -> Float[Tensor, "N *F"]:
    """What belongs to the real frames, one after the other; all frames where mask is None."""
    return rows.flatten(0, 1) if mask is None else rows[mask]


def _vertex_form(body: BodyModel) -> Float[Tensor, "K 96"]:
    """Matrix S with S'S / K equal to M'M / V, where M (V, 96) maps the joints' affine maps to vertices."""
    weights, vertices = body.get_buffer("weights").double(), body.get_buffer("v_template")
    rest = torch.cat([vertices, vertices.new_ones(len(vertices), 1)], dim=1).double()
    to_vertices = (weights[:, :, None] * rest[:, None]).flatten(1)  # (V, 96)
    values, vectors = torch.linalg.eigh(to_vertices.T @ to_vertices / len(vertices))
    kept = values > 1e-12 * values.max()
    scale = (values[kept] * kept.sum()).sqrt()
    return (scale[:, None] * vectors[:, kept].T).to(vertices.dtype)
