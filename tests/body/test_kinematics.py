"""The compiled chain is torch's, in its gradient too."""

import pytest
import torch
from torch.testing import assert_close

from motionary.body.kinematics import by_torch, forward_kinematics
from motionary.rotations import axis_angle_to_matrix


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,)])
def test_the_chain_and_its_gradient_are_torch_s(shape):
    generator = torch.Generator().manual_seed(0)
    pose, rest, to_world, to_joints = (
        torch.randn(*batch, 24, *last, generator=generator)
        for batch, last in ((shape, (3,)), ((), (3,)), (shape, (3, 3)), (shape, (3,)))
    )
    rotations = axis_angle_to_matrix(pose).requires_grad_()
    expected, found = by_torch(rotations, rest), forward_kinematics(rotations, rest)
    assert_close(found, expected, atol=2e-6, rtol=1e-5)
    gradients = [torch.autograd.grad(out, rotations, (to_world, to_joints)) for out in (found, expected)]
    assert_close(*gradients, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("which", [0, 1])
def test_a_gradient_may_come_by_one_of_the_two_alone(which):
    generator = torch.Generator().manual_seed(1)
    rest = torch.randn(24, 3, generator=generator)
    rotations = axis_angle_to_matrix(torch.randn(4, 24, 3, generator=generator)).requires_grad_()
    found, expected = (
        torch.autograd.grad(chain(rotations, rest)[which].square().sum(), rotations)
        for chain in (forward_kinematics, by_torch)
    )
    assert_close(found, expected, atol=2e-4, rtol=1e-5)


def test_bodies_of_many_shapes_and_gradients_by_shape_go_by_torch():
    rotations = axis_angle_to_matrix(torch.zeros(3, 24, 3))
    rest = torch.randn(24, 3, generator=torch.Generator().manual_seed(2))
    assert_close(forward_kinematics(rotations, rest.expand(3, -1, -1))[1], rest.expand(3, -1, -1))
    rest.requires_grad_()
    (gradient,) = torch.autograd.grad(forward_kinematics(rotations, rest)[1].sum(), rest)
    assert_close(gradient, torch.full_like(rest, 3))
