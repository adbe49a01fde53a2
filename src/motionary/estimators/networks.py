"""BlazePose's two networks: one finds people in a frame, the other finds a person's landmarks in a region.

Source: Bazarevsky et al. 2020, arXiv:2006.10204; world landmarks as in Grishchenko et al. 2022,
arXiv:2206.11678.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from motionary.estimators.detection import INPUT_SIZE, blend, decode
from motionary.estimators.landmarks import NUM_LANDMARKS, Landmarks
from motionary.estimators.pruning import prune
from motionary.estimators.regions import Region
from motionary.estimators.video import Frame

LANDMARK_INPUT_SIZE = 256
LANDMARK_OUTPUTS = (0, 1, 3, 4)
"""Landmarks, probability of a person, heat maps, landmarks in metres; not the mask of the person."""
NEAR = np.stack(np.meshgrid(np.arange(-3, 4), np.arange(-3, 4)), -1).reshape(-1, 2)
"""Heat-map cells around a landmark that are looked at, x and y."""


class Network:
    """A TensorFlow Lite network with one picture as its input.

    Attributes:
        outputs: Which of the file's outputs are computed and given, in this order; None for all.
    """

    def __init__(self, path: Path, num_threads: int, outputs: tuple[int, ...] | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter

        content = path.read_bytes() if outputs is None else prune(path, outputs)
        self.outputs = outputs
        self._interpreter: Any = Interpreter(model_content=content, num_threads=num_threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, picture: Float[ndarray, "1 S S 3"]) -> list[ndarray]:
        """The outputs for a picture, float32."""
        self._interpreter.set_tensor(self._input, picture)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output) for output in self._outputs]


@dataclass(frozen=True)
class Detector:
    """Finds people in a frame."""

    network: Network
    least_score: float = 0.5

    def __call__(self, frame: Frame, view: Region) -> list[Region]:
        """Where people may be in a view of a frame; one person may be given twice."""
        picture = frame.crop(view.T_image_crop(INPUT_SIZE), INPUT_SIZE, black_border=True)
        boxes, logits = self.network(picture[None] * np.float32(2 / 255) - np.float32(1))
        found = blend(decode(boxes[0], logits[0, :, 0], self.least_score))
        circles = [view.to_image(points[:2]) for points in found.points]
        return [Region.around(hip, rim) for hip, rim in circles if np.linalg.norm(rim - hip) > 4]


def views_of_look(width: int, height: int, look: int) -> list[Region]:
    """The views in which to look for people.

    Args:
        width: Of the frame, pixels.
        height: The same.
        look: Counts the looks at a video: the first (0) takes in the whole frame and closer views of its
            parts, later ones the whole frame and, in turn, one of the parts.
    """
    whole, *parts = views(width, height)
    if look == 0:
        return [whole, *parts]
    return [whole] if look % 2 else [parts[look // 2 % len(parts)]]


def views(width: int, height: int) -> list[Region]:
    """The whole image and closer views of its parts, where small people are large enough to be found."""
    long, short = max(width, height), min(width, height)
    across = np.array([1, 0]) if width >= height else np.array([0, 1])
    middle = np.array([width / 2, height / 2])
    shifts = [(long - short) / 2, long / 4] if long > 1.15 * short else [0, long / 4]
    sizes = [short, 0.6 * long]
    parts = [
        Region(middle + side * shift * across, float(size))
        for shift, size in zip(shifts, sizes, strict=True)
        for side in (-1, 1)
    ]
    return [Region.whole_image(width, height), Region(middle, 0.7 * short), *parts]


@dataclass(frozen=True)
class Landmarker:
    """Finds one person's landmarks in a region, by a network that gives LANDMARK_OUTPUTS."""

    network: Network
    least_score: float = 0.5

    def __call__(self, frame: Frame, region: Region) -> tuple[Landmarks, Region] | None:
        """The landmarks, and the region to look at next; None where there is no person."""
        picture = frame.crop(region.T_image_crop(LANDMARK_INPUT_SIZE), LANDMARK_INPUT_SIZE)
        rows, score, heat, world = self.network(picture[None] * np.float32(1 / 255))
        if not score[0, 0] >= self.least_score:
            return None
        sharp = sharpen(rows[0], heat[0])
        seen, next_region = read_landmarks(sharp, world[0], float(score[0, 0]), region)
        return replace(seen, certainty=certainty(heat[0]), sharpness=sharpness(picture)), next_region


def certainty(heat: Float[ndarray, "G G 39"]) -> float:
    """Mean over the landmarks of their heat map's highest logit: a network at a loss spreads its maps."""
    return float(heat.reshape(-1, heat.shape[-1]).max(0)[:NUM_LANDMARKS].mean())


def sharpness(picture: UInt8[ndarray, "S S 3"]) -> float:
    """Mean absolute Laplacian of a picture's brightness at half its resolution, grey levels."""
    halved = cv2.pyrDown(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    return float(np.abs(cv2.Laplacian(halved, cv2.CV_16S)).mean())


def sharpen(rows: Float[ndarray, "195"], heat: Float[ndarray, "G G 39"]) -> Float[ndarray, "195"]:
    """Move each landmark to the centre of mass of its heat map near it, where the map is sure of itself.

    Args:
        rows: The landmark network's 39 times x, y, z, visibility, presence, x and y in input pixels.
        heat: Logits on a coarser grid of the same picture.
    """
    table, grid = rows.reshape(-1, 5).copy(), heat.shape[0]
    position = table[:, :2] * (grid / LANDMARK_INPUT_SIZE)
    cell = position.astype(int)[:, None] + NEAR  # (39, 49, 2)
    x, y = np.clip(cell, 0, grid - 1).transpose(2, 0, 1)
    inside = (cell[..., 0] == x) & (cell[..., 1] == y)
    logits = np.clip(heat[y, x, np.arange(len(table))[:, None]], -50, 50)
    weight = inside / (1 + np.exp(-logits))
    sure = weight.max(1) >= 0.5
    centre = (weight[:, None] @ cell)[:, 0] / np.maximum(weight.sum(1), 1e-6)[:, None]
    table[sure, :2] = centre[sure] * (LANDMARK_INPUT_SIZE / grid)
    return table.reshape(-1)


def read_landmarks(
    rows: Float[ndarray, "195"], world: Float[ndarray, "117"], score: float, region: Region
) -> tuple[Landmarks, Region]:
    """Turn the landmark network's output for a region into landmarks of the image.

    Args:
        rows: 39 times x, y, z in input pixels, then logits of visibility and presence; the last six are
            auxiliary, the first two of them the centre and rim of the body's circle.
        world: 39 times x, y, z in metres, in the region's axes.
        score: Probability that there is a person.
        region: What the network looked at.
    """
    table = rows.reshape(-1, 5).astype(float)
    points = region.to_image(table[:, :2] / LANDMARK_INPUT_SIZE)
    world_m = world.reshape(-1, 3)[:NUM_LANDMARKS].astype(float)
    world_m[:, :2] = world_m[:, :2] @ region.turn().T
    seen, present = 1 / (1 + np.exp(-np.clip(table[:NUM_LANDMARKS, 3:], -50, 50))).T
    landmarks = Landmarks(points[:NUM_LANDMARKS], world_m, np.minimum(seen, present), score)
    return landmarks, Region.around(points[NUM_LANDMARKS], points[NUM_LANDMARKS + 1])
