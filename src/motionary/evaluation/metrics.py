"""Numbers that compare sets of motions by their recogniser features: FID, diversity, multimodality.

N, M motions; F features each; P pairs. Accuracy and confusion counts are in `motionary.confusion`.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.linalg import LinAlgWarning, sqrtm

DIAGONAL_OFFSET = 1e-6
"""Added to both covariances when the root of their product is not finite."""

LARGEST_IMAGINARY = 1e-3
"""An imaginary part above this on the root's diagonal is no rounding error."""


ROWS_AT_ONCE = 512
"""Motions whose distances to the whole training set are held in memory."""


def frechet_distance(real: Float[ndarray, "N F"], generated: Float[ndarray, "M F"]) -> float:
    """Squared Frechet distance between Gaussians fitted to two feature sets (FID).

    |m1 - m2|^2 + trace(S1 + S2 - 2 (S1 S2)^(1/2)), with sample covariances (N - 1), in float64. With few
    motions per feature it is biased upwards: compare only values of equal N and M.

    Args:
        real: Recogniser features of data-set motions, unitless.
        generated: Features of generated motions.

    Raises:
        ValueError: If a set has fewer than two rows or non-finite values, or the root has an imaginary part.

    Source: Heusel et al. 2017, arXiv:1706.08500; Dowson and Landau 1982.
    """
    mean_1, covariance_1 = _gaussian(real, "real")
    mean_2, covariance_2 = _gaussian(generated, "generated")
    difference = mean_1 - mean_2
    root_trace = _trace_of_root(covariance_1, covariance_2)
    return float(difference @ difference + np.trace(covariance_1) + np.trace(covariance_2) - 2 * root_trace)


def mean_pair_distance(features: Float[ndarray, "N F"], pairs: Int[ndarray, "P 2"]) -> float:
    """Mean Euclidean distance between the features of paired motions; NaN without pairs.

    With pairs from the whole set (`draw_pairs`) this is the diversity, with pairs inside each action
    (`draw_pairs_within_actions`) the multimodality.

    Source: Guo et al. 2020, arXiv:2007.15240, section 5.1.
    """
    if not len(pairs):
        return float("nan")
    gap = features[pairs[:, 0]].astype(np.float64) - features[pairs[:, 1]].astype(np.float64)
    return float(np.linalg.norm(gap, axis=1).mean())


def nearest_distances(
    features: Float[ndarray, "N F"], training: Float[ndarray, "M F"]
) -> Float[ndarray, "N"]:
    """Distance of each motion's features to the nearest of the training motions'.

    The memorisation check: held-out motions have never been seen, so generated ones that lie much nearer to
    the training set than those are copies.

    Source: the idea of Meehan et al. 2020 (arXiv:2004.05675): compare with the distances of held-out data.
    """
    distances = [
        torch.cdist(part, torch.from_numpy(training)).amin(1)
        for part in torch.from_numpy(features).split(ROWS_AT_ONCE)
    ]
    return torch.cat(distances).numpy()


def diversity(features: Float[ndarray, "N F"], rng: np.random.Generator, num_pairs: int = 200) -> float:
    """Mean distance of random pairs of motions, whatever their action; NaN for fewer than two motions."""
    return mean_pair_distance(features, draw_pairs(len(features), num_pairs, rng))


def multimodality(
    features: Float[ndarray, "N F"], labels: Int[ndarray, "N"], rng: np.random.Generator, num_pairs: int = 20
) -> float:
    """Mean distance of random pairs within each action, every action counting alike.

    Args:
        features: Recogniser features.
        labels: Action of each motion.
        rng: Draws the pairs.
        num_pairs: Pairs per action; actions with fewer than two motions have no spread and are left out.
    """
    return mean_pair_distance(features, draw_pairs_within_actions(labels, num_pairs, rng))


def draw_pairs(num: int, num_pairs: int, rng: np.random.Generator) -> Int[ndarray, "P 2"]:
    """Random pairs of two different items of num; a pair may come up again. Empty for fewer than two items.

    The published protocol also pairs an item with itself once in num draws; on small sets that would shrink
    distances.
    """
    if num < 2:
        return np.zeros((0, 2), np.int64)
    first = rng.integers(0, num, num_pairs)
    second = (first + rng.integers(1, num, num_pairs)) % num
    return np.stack([first, second], axis=1)


def draw_pairs_within_actions(
    labels: Int[ndarray, "N"], num_pairs: int, rng: np.random.Generator
) -> Int[ndarray, "P 2"]:
    """num_pairs random pairs of different motions for every action that has at least two."""
    pairs = [np.zeros((0, 2), np.int64)]
    for action in np.unique(labels):
        members = np.flatnonzero(labels == action)
        pairs.append(members[draw_pairs(len(members), num_pairs, rng)])
    return np.concatenate(pairs)


def draw_pairs_as_published(num: int, num_pairs: int, state: np.random.RandomState) -> Int[ndarray, "P 2"]:
    """The very pairs that ACTOR's evaluation draws for diversity from a legacy generator in this state."""
    first = state.randint(0, num, num_pairs)
    return np.stack([first, state.randint(0, num, num_pairs)], axis=1)


def draw_pairs_within_actions_as_published(
    labels: Int[ndarray, "N"], num_pairs: int, state: np.random.RandomState
) -> Int[ndarray, "P 2"]:
    """The very pairs that ACTOR's evaluation draws for multimodality from a legacy generator in this state.

    First items are drawn until every action has its quota, second items until the action is the same (which
    may give the first item again). Actions that do not occur have no quota, where the original never ends.
    """
    quota = {int(action): num_pairs for action in np.unique(labels)}
    pairs = []
    while any(quota.values()):
        first = state.randint(0, len(labels))
        action = int(labels[first])
        if not quota[action]:
            continue
        quota[action] -= 1
        second = state.randint(0, len(labels))
        while labels[second] != action:
            second = state.randint(0, len(labels))
        pairs.append((first, second))
    return np.array(pairs, np.int64).reshape(-1, 2)


def interval95(values: Sequence[float] | Float[ndarray, "N"]) -> float:
    """Half-width of the 95 % confidence interval of the mean: 1.96 s / sqrt(n), with s over n - 1.

    NaN for fewer than two values.
    """
    array = np.asarray(values, np.float64)
    if len(array) < 2:
        return float("nan")
    return float(1.96 * array.std(ddof=1) / np.sqrt(len(array)))


def _gaussian(
    features: Float[ndarray, "N F"], name: str
) -> tuple[Float[ndarray, "F"], Float[ndarray, "F F"]]:
    if len(features) < 2:
        raise ValueError(f"A Frechet distance needs at least two {name} motions; got {len(features)}.")
    if not np.isfinite(features).all():
        raise ValueError(f"The {name} features hold NaN or infinity, so they have no Frechet distance.")
    features = features.astype(np.float64)
    return features.mean(0), np.atleast_2d(np.cov(features, rowvar=False))


def _trace_of_root(covariance_1: Float[ndarray, "F F"], covariance_2: Float[ndarray, "F F"]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)  # with fewer motions than features they are singular
        root = sqrtm(covariance_1 @ covariance_2)
    if not np.isfinite(root).all():
        offset = np.eye(len(covariance_1)) * DIAGONAL_OFFSET
        root = sqrtm((covariance_1 + offset) @ (covariance_2 + offset))
    imaginary = float(np.abs(np.diag(root).imag).max())
    if not imaginary <= LARGEST_IMAGINARY:
        raise ValueError(
            f"The covariances' root has an imaginary part of {imaginary:.2g}; the features are unusable."
        )
    return float(np.trace(root).real)
