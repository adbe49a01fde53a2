"""The error of all vertices, chunk by chunk, is the plain one, in its gradient too."""

import pytest
import torch
from torch.testing import assert_close

from motionary.body import vertex_error
from motionary.body.smpl import BodyModel, PosedBody
from motionary.body.vertex_error import VertexError
from motionary.rotations import axis_angle_to_matrix


@pytest.fixture
def small_chunks(monkeypatch):
    """Several chunks of vertices and of frames, the last ones smaller."""
    monkeypatch.setattr(vertex_error, "VERTICES_AT_ONCE", 16)
    monkeypatch.setattr(vertex_error, "FRAMES_AT_ONCE", 3)


def random_poses(body: BodyModel, frames: int, seed: int) -> tuple[torch.Tensor, PosedBody]:
    generator = torch.Generator().manual_seed(seed)
    dtype = body.v_template.dtype
    pose = torch.randn(frames, 24, 3, generator=generator, dtype=dtype).mul(0.4).requires_grad_()
    translation = torch.randn(frames, 3, generator=generator, dtype=dtype)
    return pose, body.shape().pose(axis_angle_to_matrix(pose), translation)


@pytest.mark.parametrize("frames", [1, 3, 7])
@pytest.mark.parametrize("kind", ["body", "precise"])  # in float32 a compiled loop, in float64 torch
def test_chunks_add_up_to_the_plain_error_and_gradient(kind, frames, small_chunks, request):
    body = request.getfixturevalue(kind)
    check_error_and_gradient(body, frames)


def test_frames_that_fill_no_block_count_once(body):
    check_error_and_gradient(body, 150)


def check_error_and_gradient(body: BodyModel, frames: int) -> None:
    (pose, posed), (_, target) = random_poses(body, frames, 0), random_poses(body, frames, 1)
    plain = (posed.skin() - target.skin().detach()).square().mean()
    (expected,) = torch.autograd.grad(plain, pose, retain_graph=True)
    error = VertexError(body)(posed, target)
    (gradient,) = torch.autograd.grad(3 * error, pose)
    assert_close(error, plain, rtol=2e-6, atol=0)
    assert_close(gradient, 3 * expected, rtol=0, atol=2e-6 * expected.abs().max().item() * 3)


def test_the_gradient_is_that_of_the_error(precise, small_chunks):
    (_, posed), (_, target) = random_poses(precise, 4, 0), random_poses(precise, 4, 1)
    inputs = [posed.affine.detach().requires_grad_(), posed.bend.detach().requires_grad_()]
    error = VertexError(precise)
    aim = target.affine.detach(), target.bend.detach()
    assert torch.autograd.gradcheck(
        lambda affine, bend: error.between(affine, bend, *aim), inputs, fast_mode=True
    )


def test_vertices_count_what_they_are_said_to(body, small_chunks):
    (_, posed), (_, target) = random_poses(body, 5, 0), random_poses(body, 5, 1)
    ids, counts = torch.tensor([40, 3, 17]), torch.tensor([0.2, 0.5, 0.3])
    apart = (posed.skin(ids) - target.skin(ids)).square().mean(-1)
    assert_close(VertexError(body, ids, counts)(posed, target), (apart @ counts).mean(), rtol=2e-6, atol=0)


def test_a_body_has_no_error_against_itself(body):
    _, posed = random_poses(body, 4, 0)
    assert VertexError(body)(posed, posed).item() < 1e-12
