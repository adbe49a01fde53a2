import pytest
import torch
from torch.testing import assert_close

from motionary.body.smpl import BodyArrays, BodyModel
from motionary.models.points import BodyPoints


@pytest.fixture(scope="module")
def rigid_body() -> BodyModel:
    """A body without pose correctives."""
    generator = torch.Generator().manual_seed(0)
    return BodyModel(
        BodyArrays(
            v_template=torch.randn(300, 3, generator=generator),
            faces=torch.zeros(1, 3, dtype=torch.long),
            weights=torch.rand(300, 24, generator=generator).pow(8).softmax(-1),
            joints_template=torch.randn(24, 3, generator=generator),
            joints_shapedirs=torch.zeros(24, 3, 10),
            shapedirs=torch.zeros(300, 3, 10),
        )
    )


def random_pair():
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(6) < torch.tensor([6, 4, 1])[:, None]
    return torch.randn(2, 3, 6, 25, 6, generator=generator), mask


@pytest.mark.parametrize("travel", [False, True])
def test_few_points_carry_the_distance_of_all_vertices(travel, rigid_body):
    (a, b), mask = random_pair()
    few, all_vertices = (BodyPoints(rigid_body, travel=travel) for _ in range(2))
    all_vertices.form = None
    assert few(a, mask).shape[1] <= 96 < all_vertices(a, mask).shape[1]
    distance = (few(a, mask) - few(b, mask)).square().mean()
    assert_close(distance, (all_vertices(a, mask) - all_vertices(b, mask)).square().mean(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("kind", ["vertices", "joints"])
def test_only_travelling_points_follow_the_root(kind, rigid_body):
    (features, _), mask = random_pair()
    moved = features.clone()
    moved[:, 2:, 24, :3] += 1.0
    still, travelling = BodyPoints(rigid_body, kind), BodyPoints(rigid_body, kind, travel=True)
    assert_close(still(moved, mask), still(features, mask))
    assert not torch.allclose(travelling(moved, mask), travelling(features, mask))


def test_the_pelvis_is_where_joints_start(rigid_body):
    (features, _), mask = random_pair()
    assert_close(BodyPoints(rigid_body, "joints")(features, mask)[:, 0], torch.zeros(int(mask.sum()), 3))


def test_an_error_that_stays_the_same_has_no_velocity(rigid_body):
    (features, _), mask = random_pair()
    moved = features.clone()
    moved[:, :, 24, :3] += 1.0
    points = BodyPoints(rigid_body)
    assert_close(points.velocity_error(moved, features, mask), torch.zeros(()), atol=1e-10, rtol=0)


def test_velocity_counts_steps_within_motions_only(rigid_body):
    (output, target), mask = random_pair()
    points, lengths = BodyPoints(rigid_body), mask.sum(1).tolist()
    alone = [
        length * points.velocity_error(output[row, None, :length], target[row, None, :length], None)
        for row, length in enumerate(lengths)
    ]
    assert alone[2] == 0  # one frame makes no step
    assert_close(points.velocity_error(output, target, mask), sum(alone) / sum(lengths))
