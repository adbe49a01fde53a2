"""Square, rotated regions of an image: where a network looks, and how its answers map back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

MARGIN = 1.25
"""BlazePose looks at this multiple of the circle around a person."""


@dataclass(frozen=True)
class Region:
    """A square of an image, turned clockwise (as seen) by rotation_rad about its centre."""

    center_px: Float[ndarray, "2"]
    size_px: float
    rotation_rad: float = 0.0

    @classmethod
    def around(cls, hip_px: Float[ndarray, "2"], rim_px: Float[ndarray, "2"]) -> "Region":
        """The region of a person whose body circle is centred at hip_px and passes rim_px, above the head.

        The region turns so that the rim point lies straight above the centre (Bazarevsky et al. 2020,
        arXiv:2006.10204).
        """
        across, down = np.asarray(rim_px, float) - hip_px
        rotation = np.arctan2(across, -down)
        return cls(np.asarray(hip_px, float), float(2 * MARGIN * np.hypot(across, down)), float(rotation))

    @classmethod
    def whole_image(cls, width: int, height: int) -> "Region":
        """The smallest upright square that holds the image."""
        return cls(np.array([width / 2, height / 2]), float(max(width, height)))

    def turn(self) -> Float[ndarray, "2 2"]:
        """Rotation from the region's axes to the image's."""
        c, s = np.cos(self.rotation_rad), np.sin(self.rotation_rad)
        return np.array([[c, -s], [s, c]])

    def T_image_crop(self, crop_size: int) -> Float[ndarray, "2 3"]:
        """Affine map from positions in a crop of this region (0 to crop_size) to image pixels."""
        linear = self.turn() * (self.size_px / crop_size)
        return np.hstack([linear, (self.center_px - linear @ np.full(2, crop_size / 2))[:, None]])

    def to_image(self, points: Float[ndarray, "K 2"]) -> Float[ndarray, "K 2"]:
        """Image pixels of points given as fractions (0 to 1) of the region."""
        return (points - 0.5) * self.size_px @ self.turn().T + self.center_px


def overlap(a: Float[ndarray, "N 4"], b: Float[ndarray, "M 4"]) -> Float[ndarray, "N M"]:
    """Intersection over union of boxes (left, top, right, bottom)."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    sides = np.clip(np.minimum(a[:, None, 2:], b[None, :, 2:]) - corner, 0, None)
    shared = sides.prod(-1)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(-1) for boxes in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)
