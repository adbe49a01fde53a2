"""What is asked for comes out: action, number, length, the same again for the same seed."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motionary.body.assets import load_body
from motionary.generation import decode, draw_latents, generate, perform_latents
from motionary.models.actor import Actor, ActorConfig
from motionary.models.checkpoint import Model


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    network = Actor(ActorConfig(num_actions=2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2)).eval()
    return Model(
        network, ("walk", "jump"), fps=25.0, num_frames=12, facing="forward", provenance={}, licence="CC0"
    )


@pytest.mark.parametrize(
    ("length", "expected"),
    [({}, 12), ({"frames": 1}, 1), ({"frames": 300}, 300), ({"seconds": 2.0}, 50), ({"seconds": 0.001}, 1)],
)
def test_the_length_is_the_one_asked_for(length, expected, model):
    motions = generate(model, "walk", num=2, **length)
    assert [len(motion) for motion in motions] == [expected] * 2
    assert all((motion.fps, motion.action) == (25.0, "walk") for motion in motions)


def test_motions_stand_on_the_ground(model):
    (motion,) = generate(model, "jump", num=1, frames=10)
    assert abs(np.percentile(motion.vertices(load_body())[..., 1].min(1), 5)) < 0.01


def test_the_same_seed_gives_the_same_motions_and_another_others(model):
    first, again, other = (generate(model, "walk", num=2, seed=seed) for seed in (7, 7, 8))
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.pose, b.pose)
        assert np.array_equal(a.translation, b.translation)
        assert not np.allclose(a.pose, c.pose, atol=1e-3)


def test_more_motions_do_not_change_the_first(model):
    few, many = generate(model, "walk", num=1), generate(model, "walk", num=5)
    assert np.array_equal(few[0].pose, many[0].pose)
    assert np.array_equal(few[0].translation, many[0].translation)
    assert not np.allclose(many[0].pose, many[1].pose, atol=1e-3)


def test_a_drawn_latent_stands_for_the_same_motion_in_any_company(model):
    drawn = draw_latents(model, "walk", 6, seed=3)
    motions = generate(model, "walk", 6, seed=3)
    assert np.array_equal(next(perform_latents(model, "walk", drawn[:1])).pose, motions[0].pose)
    alone = next(perform_latents(model, "walk", drawn[5:]))
    assert np.allclose(alone.translation, motions[5].translation, atol=1e-5)
    assert len(list(perform_latents(model, "walk", drawn, frames=3))) == 6


def test_many_latents_are_decoded_as_each_alone(model):
    z, labels = torch.randn(7, 16), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    together = decode(model.network, z, labels, 9)
    whole = torch.ones(7, 9, dtype=torch.bool)  # with a mask nothing is shared between motions
    assert_close(together, model.network.decode(z, labels, whole).detach(), atol=1e-5, rtol=1e-4)


def test_motions_do_not_depend_on_the_number_of_threads(model):
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(generate(model, "walk", num=6, frames=8))
    torch.set_num_threads(before)
    for one, three in zip(*found, strict=True):
        assert np.array_equal(one.pose, three.pose)
        assert np.array_equal(one.translation, three.translation)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"action": "fly"}, "walk, jump"),
        ({"num": 0}, "num must be at least 1"),
        ({"frames": 0}, "frames must be at least 1"),
        ({"seconds": -1.0}, "seconds must be positive"),
        ({"seconds": float("nan")}, "seconds must be positive"),
        ({"frames": 3, "seconds": 1.0}, "not both"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_wishes_are_refused(wrong, message, model):
    with pytest.raises(ValueError, match=message):
        generate(model, **({"action": "walk"} | wrong))
