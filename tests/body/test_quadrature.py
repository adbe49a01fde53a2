"""A few weighted vertices give the error of all, and its gradient."""

import pytest
import torch
from torch.testing import assert_close

from motionary import generate, load_model
from motionary.body.quadrature import NUM_VERTICES, fit_quadrature, load_quadrature
from motionary.body.smpl import BodyArrays, BodyModel
from motionary.body.vertex_error import VertexError
from motionary.rotations import axis_angle_to_matrix, axis_angle_to_rotation_6d, rotation_6d_to_matrix


@pytest.fixture(scope="module")
def fine_body() -> BodyModel:
    """Two thousand vertices around made-up bones, with correctives that vary over the skin."""
    generator = torch.Generator().manual_seed(0)
    joints = torch.randn(24, 3, generator=generator) * 0.4
    owner = torch.arange(2000) % 24
    template = joints[owner] + 0.1 * torch.randn(2000, 3, generator=generator)
    near = (-((template[:, None] - joints) ** 2).sum(-1) / 0.01).softmax(-1)
    waves = (template @ torch.randn(3, 3 * 207, generator=generator) * 3).sin() * 0.003
    return BodyModel(
        BodyArrays(
            v_template=template,
            faces=torch.zeros(1, 3, dtype=torch.long),
            weights=near,
            joints_template=joints,
            joints_shapedirs=torch.zeros(24, 3, 10),
            shapedirs=torch.zeros(2000, 3, 10),
            posedirs=waves.view(2000, 3, 207),
        )
    )


def kicks() -> torch.Tensor:
    model = load_model("hdm05")
    motions = [m for action in model.actions[:3] for m in generate(model, action, 2, frames=20)]
    return torch.cat([torch.from_numpy(motion.pose) for motion in motions])


@pytest.mark.parametrize("kind", ["another motion", "noise", "a pose held"])
def test_errors_are_within_a_percent_and_gradients_point_the_same_way(kind, fine_body):
    rule = fit_quadrature(fine_body)
    assert len(rule.counts) <= NUM_VERTICES
    target = axis_angle_to_rotation_6d(kicks())
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    output = {
        "another motion": target.roll(45, 0),
        "noise": target + 0.1 * noise,
        "a pose held": target[:1].expand_as(target).clone(),
    }[kind].requires_grad_()
    posed, aim = (fine_body.shape().pose(rotation_6d_to_matrix(rows)) for rows in (output, target))
    full = VertexError(fine_body)(posed, aim)
    few = VertexError(fine_body, rule.vertex_ids, rule.counts)(posed, aim)
    assert_close(few, full, rtol=0.01, atol=0)
    slopes = [torch.autograd.grad(error, output, retain_graph=True)[0].flatten() for error in (full, few)]
    assert torch.cosine_similarity(*slopes, dim=0) > 0.999


def test_the_rule_is_fitted_once_and_kept(body, tmp_path, monkeypatch):
    first = load_quadrature(body, tmp_path)
    monkeypatch.setattr("motionary.body.quadrature.fit_quadrature", None)
    again = load_quadrature(body, tmp_path)
    assert torch.equal(first.vertex_ids, again.vertex_ids)
    assert torch.equal(first.counts, again.counts)


def test_a_body_of_few_vertices_may_use_them_all(body):
    pose = torch.randn(5, 24, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    rule = fit_quadrature(body)
    posed, aim = (body.shape().pose(axis_angle_to_matrix(turns)) for turns in (pose, pose.roll(1, 0)))
    few = VertexError(body, rule.vertex_ids, rule.counts)(posed, aim)
    assert_close(few, VertexError(body)(posed, aim), rtol=0.01, atol=0)
