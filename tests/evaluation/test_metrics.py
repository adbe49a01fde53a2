import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from motionary.evaluation.metrics import (
    diversity,
    draw_pairs,
    draw_pairs_as_published,
    draw_pairs_within_actions,
    draw_pairs_within_actions_as_published,
    frechet_distance,
    interval95,
    mean_pair_distance,
    multimodality,
    nearest_distances,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture(scope="module")
def fixed(golden):
    return np.load(golden / "actor/case6/metrics_fixed_features.npz")


def exactly(mean, covariance, num, rng):
    """Features whose sample mean and covariance are exactly the given ones."""
    noise = rng.standard_normal((num, len(mean)))
    noise -= noise.mean(0)
    whitening = np.linalg.inv(np.linalg.cholesky(np.cov(noise, rowvar=False)))
    return noise @ whitening.T @ np.linalg.cholesky(covariance).T + mean


def test_a_set_is_at_distance_zero_from_itself(rng):
    features = rng.standard_normal((100, 30))
    assert_allclose(frechet_distance(features, features), 0, atol=1e-8)


@pytest.mark.parametrize("num", [2, 12])
def test_a_set_with_fewer_motions_than_features_is_at_distance_zero_from_itself(rng, num):
    features = rng.standard_normal((num, 30)).astype(np.float32)
    assert_allclose(
        frechet_distance(features, features), 0, atol=1e-4
    )  # the root of a singular matrix is rough


def test_known_gaussians_have_the_closed_form_distance(rng):
    # Commuting covariances: |m1 - m2|^2 + sum of (s1 - s2)^2 over their common axes.
    s1, s2 = np.array([1.0, 2.0, 0.5]), np.array([3.0, 1.0, 0.5])
    axes = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    m1, m2 = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    first = exactly(m1, axes @ np.diag(s1**2) @ axes.T, 50, rng)
    second = exactly(m2, axes @ np.diag(s2**2) @ axes.T, 40, rng)
    assert_allclose(frechet_distance(first, second), 5 + ((s1 - s2) ** 2).sum(), rtol=1e-9)


def test_frechet_distance_is_symmetric_and_blind_to_rotation_shift_and_order(rng):
    a, b = rng.standard_normal((60, 5)), rng.standard_normal((80, 5)) * 2 + 1
    distance = frechet_distance(a, b)
    axes = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    assert_allclose(frechet_distance(b, a), distance, rtol=1e-9)
    assert_allclose(frechet_distance(a @ axes + 7, b @ axes + 7), distance, rtol=1e-9)
    assert_allclose(frechet_distance(rng.permutation(a), b), distance, rtol=1e-9)


def test_constant_features_are_compared_by_their_means():
    a, b = np.zeros((5, 4)), np.ones((6, 4))
    assert_allclose(frechet_distance(a, b), 4, atol=1e-6)


def test_frechet_distance_needs_two_finite_motions():
    with pytest.raises(ValueError, match="at least two generated motions; got 1"):
        frechet_distance(np.zeros((5, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="real features hold NaN"):
        frechet_distance(np.full((5, 3), np.nan), np.zeros((5, 3)))


@pytest.mark.parametrize("name", ["gt", "gt2", "gen"])
def test_published_frechet_distances(fixed, name):
    distance = frechet_distance(fixed["gt_features"], fixed[f"{name}_features"])
    assert_allclose(distance, fixed[f"fid_{name}_f64"], atol=1e-9)
    assert_allclose(distance, fixed[f"fid_{name}"], atol=1e-5, rtol=1e-6)  # their mean is float32


@pytest.mark.parametrize(("name", "tolerance"), [("full", 1e-5), ("rankdef", 1e-4)])
def test_published_frechet_distances_of_wide_features(fixed, name, tolerance):
    distance = frechet_distance(fixed[f"stgcn_{name}_A"], fixed[f"stgcn_{name}_B"])
    assert_allclose(distance, fixed[f"stgcn_{name}_fid"], atol=tolerance, rtol=1e-6)


def test_published_diversity_and_multimodality(fixed):
    seeds = sorted({int(m[1]) for key in fixed.files if (m := re.match(r"seed(\d+)_gen_first", key))})
    assert seeds
    for seed in seeds:
        state = np.random.RandomState(seed)  # one stream for the three sets, as published
        for name in ("gen", "gt", "gt2"):
            features, labels = fixed[f"{name}_features"], fixed[f"{name}_labels"]
            pairs = draw_pairs_as_published(len(features), 200, state)
            assert_array_equal(pairs[:, 0], fixed[f"seed{seed}_{name}_first_indices"])
            assert_array_equal(pairs[:, 1], fixed[f"seed{seed}_{name}_second_indices"])
            within = draw_pairs_within_actions_as_published(labels, 20, state)
            found = mean_pair_distance(features, pairs), mean_pair_distance(features, within)
            expected = fixed[f"seed{seed}_{name}_diversity_multimodality"]
            assert_allclose(found, expected, atol=1e-5)  # theirs is summed in float32


def test_pairs_are_of_different_items(rng):
    pairs = draw_pairs(3, 500, rng)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == 6


def test_pairs_within_actions_share_their_action_and_lone_motions_have_none(rng):
    labels = np.array([4, 4, 0, 7, 7, 7])
    pairs = draw_pairs_within_actions(labels, 20, rng)
    assert_array_equal(labels[pairs[:, 0]], labels[pairs[:, 1]])
    assert_array_equal(np.unique(labels[pairs], return_counts=True), [[4, 7], [40, 40]])


def test_published_pairs_end_when_an_action_is_absent():
    pairs = draw_pairs_within_actions_as_published(np.array([5, 5, 0]), 20, np.random.RandomState(0))
    assert len(pairs) == 40


def test_diversity_and_multimodality_of_two_points_per_action(rng):
    features = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [6.0, 8.0]])
    labels = np.array([0, 0, 1, 1])
    assert_allclose(multimodality(features, labels, rng), (5 + 10) / 2)
    assert_allclose(diversity(features[:2], rng), 5)


def test_sets_without_pairs_have_no_spread(rng):
    assert np.isnan(diversity(np.zeros((1, 3)), rng))
    assert np.isnan(multimodality(np.zeros((3, 3)), np.array([0, 1, 2]), rng))


def test_interval_is_that_of_the_mean():
    values = np.array([1.0, 2.0, 4.0])
    assert_allclose(interval95(values), 1.96 * np.sqrt(7 / 3) / np.sqrt(3))
    assert np.isnan(interval95([1.0]))


def test_interval_covers_the_mean_as_often_as_it_says(rng):
    samples = rng.standard_normal((2000, 50))
    covered = [abs(sample.mean()) < interval95(sample) for sample in samples]
    assert 0.92 < np.mean(covered) < 0.97


def test_nearest_distances_are_those_of_the_naive_loop(rng):
    features, training = rng.standard_normal((30, 4)), rng.standard_normal((700, 4))
    naive = [min(np.linalg.norm(own - other) for other in training) for own in features]
    assert_allclose(nearest_distances(features, training), naive, atol=1e-6)
    assert_allclose(nearest_distances(training, training), 0, atol=1e-6)
