"""Reading the person detector's raw output: single-shot anchors, decoding, weighted suppression.

Source: Liu et al. 2016 (SSD, arXiv:1512.02325); Bazarevsky et al. 2019 (BlazeFace, arXiv:1907.05047) for
anchors of one size and for blending overlapping answers instead of dropping all but one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.estimators.regions import overlap

INPUT_SIZE = 224
"""Side of the detector's input picture, pixels."""

GRIDS = ((8, 2), (16, 2), (32, 6))
"""(stride in pixels, anchors per cell): the three stride-32 layers share one grid."""


@dataclass(frozen=True)
class Detections:
    """People found in one picture, best first; positions as fractions of the square picture."""

    boxes: Float[ndarray, "N 4"]
    """(left, top, right, bottom) of the head."""
    points: Float[ndarray, "N 4 2"]
    """Hip centre, a point of the whole body's circle, shoulder centre, a point of the upper body's circle."""
    scores: Float[ndarray, "N"]

    def __len__(self) -> int:
        return len(self.scores)


def anchors() -> Float[ndarray, "A 2"]:
    """Centres of the anchors, as fractions of the picture, in the order of the network's output rows."""
    layers = []
    for stride, per_cell in GRIDS:
        cells = INPUT_SIZE // stride
        centre = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        layers.append(np.stack([x, y], -1).reshape(-1, 2).repeat(per_cell, axis=0))
    return np.concatenate(layers)


def decode(
    raw_boxes: Float[ndarray, "A 12"], raw_scores: Float[ndarray, "A"], least_score: float = 0.5
) -> Detections:
    """Candidates above least_score, not yet merged.

    Args:
        raw_boxes: Box centre, box size and four points, each (x, y) in input pixels; positions relative to
            the anchor.
        raw_scores: Logits.
        least_score: Probability below which an answer is ignored.
    """
    scores = 1 / (1 + np.exp(-np.clip(raw_scores.astype(float), -100, 100)))
    kept = np.flatnonzero(scores >= least_score)
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    values = raw_boxes[kept].astype(float).reshape(-1, 6, 2) / INPUT_SIZE
    origin = anchors()[kept]
    centre, half = values[:, 0] + origin, values[:, 1] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return Detections(boxes, values[:, 2:] + origin[:, None], scores[kept])


def blend(candidates: Detections, same_overlap: float = 0.3) -> Detections:
    """One detection per person: candidates that overlap the best one are averaged, weighted by score."""
    left = np.arange(len(candidates))
    boxes, points, scores = [], [], []
    while len(left):
        near = overlap(candidates.boxes[left[:1]], candidates.boxes[left])[0] > same_overlap
        near[0] = True
        group = left[near]
        weight = candidates.scores[group] / candidates.scores[group].sum()
        boxes.append(weight @ candidates.boxes[group])
        points.append(np.einsum("n,nkc->kc", weight, candidates.points[group]))
        scores.append(candidates.scores[group[0]])
        left = left[~near]
    shape = len(scores)
    return Detections(
        np.reshape(boxes, (shape, 4)), np.reshape(points, (shape, 4, 2)), np.reshape(scores, (shape,))
    )
