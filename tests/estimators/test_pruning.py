import numpy as np
import pytest

from motionary.estimators.blazepose import fetch_weights
from motionary.estimators.networks import LANDMARK_INPUT_SIZE, LANDMARK_OUTPUTS, Network
from motionary.estimators.pruning import prune


@pytest.fixture(scope="module")
def weights():
    try:
        return fetch_weights()["pose_landmark_full"]
    except FileNotFoundError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")


def test_a_pruned_network_gives_the_same_numbers(weights):
    picture = np.random.default_rng(0).random((1, LANDMARK_INPUT_SIZE, LANDMARK_INPUT_SIZE, 3), np.float32)
    whole, pruned = Network(weights, 1)(picture), Network(weights, 1, LANDMARK_OUTPUTS)(picture)
    assert len(whole) == 5
    for position, output in zip(LANDMARK_OUTPUTS, pruned, strict=True):
        np.testing.assert_array_equal(output, whole[position])


def test_kept_outputs_come_in_the_order_asked_for(weights):
    picture = np.zeros((1, LANDMARK_INPUT_SIZE, LANDMARK_INPUT_SIZE, 3), np.float32)
    world, score = Network(weights, 1, (4, 1))(picture)
    assert world.shape == (1, 117)
    assert score.shape == (1, 1)


def test_pruning_keeps_the_weights_of_what_is_left(weights):
    assert 0.9 < len(prune(weights, LANDMARK_OUTPUTS)) / weights.stat().st_size < 1.1
