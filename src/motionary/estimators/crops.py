"""Square crops of people, as networks of SPIN's family are fed with, and what such a network says of them.

Boxes are (centre x, centre y, side) in pixels that count from the first pixel's centre, as in OpenCV.
"""

from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import medfilt
from torch import Tensor

from motionary.estimators.weak_perspective import CROP_SIZE

MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, which these networks were trained on."""

LEAST_VISIBILITY = 0.3
LEAST_DIAGONAL_PX = 0.5
REFERENCE_PX = 150.0
"""Boxes are interpolated in this over their side: in scale, not in size."""


@dataclass(frozen=True)
class CropBodies:
    """Bodies in crops."""

    rotations: Float[Tensor, "*B 24 3 3"]
    """Parent-relative, in the crop's camera: x right, y down, z forward."""
    betas: Float[Tensor, "*B 10"]
    camera: Float[Tensor, "*B 3"]
    """Scale, x and y, see `motionary.estimators.weak_perspective`."""

    def cpu(self) -> "CropBodies":
        """The same in main memory."""
        return CropBodies(*(getattr(self, field.name).cpu() for field in fields(self)))


@runtime_checkable
class CropNetwork(Protocol):
    """A network that is shown crops of one person, in order of time."""

    crop_scale: float
    """How many times a person's box a crop takes in."""

    def follow(self, crops: Float[Tensor, "T 3 S S"], memory: Any) -> tuple[CropBodies, Any]:
        """Bodies of the next frames, and what to hand over with the frames after them; None at first."""
        ...


@dataclass(frozen=True)
class Boxes:
    """One person's boxes from the first frame that shows them to the last."""

    boxes_px: Float[ndarray, "T 3"]
    start: int
    """The frame that the first box belongs to."""

    @property
    def stop(self) -> int:
        """One past the last frame."""
        return self.start + len(self.boxes_px)


def boxes_around(points_px: Float[ndarray, "T K 2"], visibility: Float[ndarray, "T K"]) -> Boxes | None:
    """Boxes around the visible points of each frame, gaps interpolated in scale; None if nothing is seen.

    The side is the diagonal of the points' extent, which changes little as limbs move (VIBE's rule).
    """
    scaled, seen = _scaled_boxes(points_px, visibility)
    if not seen.any():
        return None
    frames = np.flatnonzero(seen)
    kept = np.arange(frames[0], frames[-1] + 1)
    filled = np.stack([np.interp(kept, frames, column[frames]) for column in scaled.T], 1)
    return Boxes(_unscaled(filled), int(frames[0]))


def steadied(boxes: Boxes) -> Boxes:
    """Boxes smoothed over time: a median of 11 frames, then a Gaussian of 3, on centres and scale.

    Published with VIBE, used by none of its programs. Before the first and after the last frame the median
    sees zeros.
    """
    scaled = _scaled(boxes.boxes_px)
    smoothed = [gaussian_filter1d(medfilt(column, 11), 3) for column in scaled.T]
    return Boxes(_unscaled(np.stack(smoothed, 1)), boxes.start)


def longest_side_box(points_px: Float[ndarray, "K 2"], margin: float = 1.1) -> Float[ndarray, "3"]:
    """The box around points whose side is their longer extent times a margin, as VIBE's training has it."""
    low, high = points_px.min(0), points_px.max(0)
    return np.array([*((low + high) / 2), (high - low).max() * margin])


def _scaled_boxes(
    points_px: ndarray, visibility: ndarray
) -> tuple[Float[ndarray, "T 3"], Bool[ndarray, "T"]]:
    visible = np.greater(visibility, LEAST_VISIBILITY)[..., None]
    low = np.where(visible, points_px, np.inf).min(1)
    high = np.where(visible, points_px, -np.inf).max(1)
    some = visible.any((1, 2))
    low, high = (np.where(some[:, None], corner, 0.0) for corner in (low, high))
    diagonal = np.linalg.norm(high - low, axis=-1)
    seen = some & (diagonal >= LEAST_DIAGONAL_PX)
    scale = REFERENCE_PX / np.maximum(diagonal, LEAST_DIAGONAL_PX)
    return np.concatenate([(low + high) / 2, scale[:, None]], 1), seen


def _scaled(boxes_px: ndarray) -> ndarray:
    return np.concatenate([boxes_px[:, :2], REFERENCE_PX / boxes_px[:, 2:]], 1)


def _unscaled(scaled: ndarray) -> ndarray:
    return _scaled(scaled)  # its own inverse


def T_crop_image(box_px: Float[ndarray, "3"], crop_scale: float) -> Float[ndarray, "2 3"]:
    """Affine map from pixels of the image to pixels of the crop, the box's centre at (112, 112).

    From three pairs of points in single precision, as published, so that crops agree to the last bit.
    """
    offsets = np.array([[0, 0], [0, 1], [1, 0]])
    reach = np.float32(box_px[2] * crop_scale * 0.5).astype(float)
    corners = (box_px[:2] + offsets * reach).astype(np.float32)
    return cv2.getAffineTransform(corners, ((1 + offsets) * CROP_SIZE / 2).astype(np.float32))


def crop_picture(
    image: UInt8[ndarray, "H W 3"], box_px: Float[ndarray, "3"], crop_scale: float
) -> UInt8[ndarray, "S S 3"]:
    """The crop of a box, bilinear, black outside the image.

    The arithmetic is that of OpenCV 4's `warpAffine`, which these networks saw in training; newer versions
    differ by a few grey levels. Positions are rounded to 1/32 pixel, weights to 1/32768.
    """
    (across, _, left), (_, down, top) = _inverted(T_crop_image(box_px, crop_scale))
    steps, (height, width) = np.arange(CROP_SIZE), image.shape[:2]
    columns = _neighbours(np.rint(across * steps * 1024) + np.rint(left * 1024), width)
    rows = _neighbours(np.rint((down * steps + top) * 1024), height)
    total = np.full((CROP_SIZE, CROP_SIZE, 3), 1 << 14, np.int32)
    for row, weight_y in rows:
        for column, weight_x in columns:
            total += image[np.ix_(row, column)] * (weight_y[:, None] * weight_x * 32)[..., None]
    return (total >> 15).astype(np.uint8)


def _inverted(T: Float[ndarray, "2 3"]) -> Float[ndarray, "2 3"]:
    (a, b, c), (d, e, f) = T
    scale = 1 / (a * e - b * d)
    a, b, d, e = e * scale, -b * scale, -d * scale, a * scale
    return np.array([[a, b, -a * c - b * f], [d, e, -d * c - e * f]])


def _neighbours(positions: Float[ndarray, "S"], size: int) -> list[tuple[ndarray, ndarray]]:
    """For each pixel along one side of a crop: the image's pixels on either side, and their weights of 32.

    Args:
        positions: In the image, whole numbers of 1/1024 pixels.
        size: Of the image; pixels outside weigh nothing.
    """
    rounded = (positions.astype(np.int32) + 16) >> 5
    pixel, fraction = rounded >> 5, rounded & 31
    sides = ((pixel, 32 - fraction), (pixel + 1, fraction))
    return [(np.clip(at, 0, size - 1), weight * ((at >= 0) & (at < size))) for at, weight in sides]


def normalised(crops: UInt8[Tensor, "*B H W 3"]) -> Float[Tensor, "*B 3 H W"]:
    """What the network is fed with: RGB crops, channels first, ImageNet's mean and spread taken out."""
    mean, spread = (torch.tensor(values, device=crops.device) for values in (MEAN, SPREAD))
    return ((crops.float() / 255 - mean) / spread).movedim(-1, -3)
