"""The floor of a picture: a soft checker disc that fades into the background, and people's shadows on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from motionary.export.camera import Camera, Stage

BACKGROUND = (247, 247, 245)
TILES = ((236, 236, 233), (221, 222, 221))
TILE_M = 0.5
TO_LIGHT = np.array([-0.42, -0.80, -0.42]) / np.linalg.norm([0.42, 0.80, 0.42])
"""Towards the light in the camera's frame: above, left of and behind the camera."""
SHADOW_PIXEL_M = 0.025
SHADOW_SIZE_MAX = 1024  # a very wide scene gets coarser shadows
SHADOW_DARKNESS = 0.34
BORDER = 0.16
"""Part of the picture's shorter side over which the floor fades out."""


@dataclass(frozen=True)
class Pattern:
    """What of a floor stays as it is when the camera is displaced along it."""

    x_m: Float[ndarray, "H W"]
    """Of the floor at every pixel, less the camera's own."""
    z_m: Float[ndarray, "H W"]
    seen: Float[ndarray, "H W"]
    """1 on the floor, fading to 0 where it ends."""

    @classmethod
    def of(cls, stage: Stage) -> "Pattern":
        """The pattern that a stage's camera sees."""
        x_m, z_m, below_horizon = _floor_under_pixels(stage.camera)
        eye, (middle_x, middle_z) = stage.camera.position, stage.centre_m
        distance = np.hypot(x_m + (eye[0] - middle_x), z_m + (eye[2] - middle_z)) / stage.radius_m
        fade = np.clip((1 - distance) / 0.45, 0, 1)
        soft = fade * fade * (3 - 2 * fade) * _away_from_border(stage.camera.width, stage.camera.height)
        return cls(x_m, z_m, np.where(below_horizon, soft, 0).astype(np.float32))

    @cached_property
    def part(self) -> tuple[slice, slice]:
        """Rows and columns beyond which there is background alone."""
        rows, columns = np.flatnonzero(self.seen.any(1)), np.flatnonzero(self.seen.any(0))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def picture(self, eye: Float[ndarray, "3"]) -> UInt8[ndarray, "H W 3"]:
        """The floor from a camera there, sRGB."""
        image = self._background.copy()
        (x_waves, z_waves), (dark, added) = self._waves, self._colours
        checker = x_waves.at(eye[0]) * z_waves.at(eye[2])
        image[self.part] = dark + added * (0.5 + 0.5 * checker)[..., None]
        return image

    @cached_property
    def _background(self) -> UInt8[ndarray, "H W 3"]:
        return np.full((*self.seen.shape, 3), BACKGROUND, np.uint8)

    @cached_property
    def _waves(self) -> tuple["_SoftWave", "_SoftWave"]:
        return _SoftWave.of(self.x_m, self.part), _SoftWave.of(self.z_m, self.part)

    @cached_property
    def _colours(self) -> tuple[Float[ndarray, "R C 3"], Float[ndarray, "R C 3"]]:
        """Of dark tiles mixed into the background, and what light tiles add; with 0.5 for rounding."""
        seen = self.seen[self.part][..., None]
        light, dark, background = (np.array(colour, np.float32) for colour in (*TILES, BACKGROUND))
        return dark * seen + background * (1 - seen) + np.float32(0.5), (light - dark) * seen


@dataclass(frozen=True)
class Floor:
    """The floor as one stage shows it, without shadows."""

    stage: Stage
    pattern: Pattern

    @classmethod
    def of(cls, stage: Stage) -> "Floor":
        """Draw the floor of a stage."""
        return cls(stage, Pattern.of(stage))

    def at(self, stage: Stage) -> "Floor":
        """The floor of another stage; quick where that is this one displaced along the floor."""
        if stage is self.stage:
            return self
        if self.stage.displacement_to(stage) is None:
            return Floor.of(stage)
        return Floor(stage, self.pattern)

    @cached_property
    def image(self) -> UInt8[ndarray, "H W 3"]:
        """The picture, sRGB."""
        return self.pattern.picture(self.stage.camera.position)

    def with_shadows(self, people: Sequence[Float[ndarray, "V 3"]]) -> UInt8[ndarray, "H W 3"]:
        """A picture of the floor darkened where the people's vertices keep the light away."""
        to_light = self.stage.camera.R_camera_world.T @ TO_LIGHT
        slope = (to_light[[0, 2]] / max(to_light[1], 0.3)).astype(np.float32)
        points = np.concatenate([person.reshape(-1, 3) for person in people])
        fallen = points[:, [0, 2]] - np.maximum(points[:, 1:2], 0) * slope
        shadow, origin, pixel_m = _splat(fallen)
        part = self._part_of(origin, origin + np.array(shadow.shape[::-1]) * pixel_m)
        start = (self.stage.camera.position[[0, 2]] - origin).astype(np.float32)
        darkness = cv2.remap(
            shadow,
            (self.pattern.x_m[part] + start[0]) / np.float32(pixel_m),
            (self.pattern.z_m[part] + start[1]) / np.float32(pixel_m),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        image = self.image.copy()
        left = 1 - np.float32(SHADOW_DARKNESS) * darkness * self.pattern.seen[part]
        image[part] = image[part] * left[..., None] + np.float32(0.5)
        return image

    def _part_of(self, low_m: Float[ndarray, "2"], high_m: Float[ndarray, "2"]) -> tuple[slice, slice]:
        """Rows and columns of the picture that hold a rectangle of the floor, if they show any floor."""
        camera = self.stage.camera
        x, z = np.meshgrid([low_m[0], high_m[0]], [low_m[1], high_m[1]])
        seen = camera.to_camera(np.stack([x, np.zeros_like(x), z], axis=-1).reshape(-1, 3))
        if seen[:, 2].min() < 0.05:  # it reaches behind the camera
            return self.pattern.part
        pixels = seen[:, 1::-1] / seen[:, 2:] * camera.focal_px + camera.centre_px[::-1]  # row, column
        first, last = np.floor(pixels.min(0)).astype(int), np.ceil(pixels.max(0)).astype(int) + 1
        rows, columns = (
            slice(max(part.start, int(low)), max(part.start, min(part.stop, int(high))))
            for part, low, high in zip(self.pattern.part, first, last, strict=True)
        )
        return rows, columns


def composite(behind: UInt8[ndarray, "H W 3"], front: UInt8[ndarray, "H W 4"]) -> UInt8[ndarray, "H W 3"]:
    """A picture in front of another; the front's colours are already multiplied by its alpha."""
    clear = cv2.cvtColor(255 - front[..., 3], cv2.COLOR_GRAY2RGB)
    return cv2.add(cv2.multiply(behind, clear, scale=1 / 255), front[..., :3])


def _floor_under_pixels(
    camera: Camera,
) -> tuple[Float[ndarray, "H W"], Float[ndarray, "H W"], Bool[ndarray, "H W"]]:
    """X and z of the floor at every pixel, metres from the camera, and where there is floor at all."""
    columns = (np.arange(camera.width, dtype=np.float32) - camera.centre_px[0]) / camera.focal_px
    rows = (np.arange(camera.height, dtype=np.float32) - camera.centre_px[1]) / camera.focal_px
    right, down, forward = camera.R_camera_world.astype(np.float32)
    rays = columns[None, :, None] * right + rows[:, None, None] * down + forward
    falls = rays[..., 1] < -1e-3
    height = np.float32(camera.position[1])
    steps = np.where(falls, -height / np.where(falls, rays[..., 1], -1), np.float32(1e3))
    return steps * rays[..., 0], steps * rays[..., 2], falls & (steps > 0)


@lru_cache(maxsize=8)
def _away_from_border(width: int, height: int) -> Float[ndarray, "H W"]:
    """1 in the picture, falling to 0 at its sides and bottom, so that pictures can stand side by side."""
    reach = BORDER * min(width, height)
    across = np.minimum(np.arange(width), np.arange(width)[::-1]) / reach
    down = np.arange(height)[::-1] / reach
    inside = np.clip(across, 0, 1)[None, :] * np.clip(down, 0, 1)[:, None]
    return (inside * inside * (3 - 2 * inside)).astype(np.float32)


@dataclass(frozen=True)
class _SoftWave:
    """A square wave of +-1, two tiles long, averaged over each pixel so that it does not flicker."""

    start: Float[ndarray, "R C"]
    """Tiles from the camera to where a pixel begins."""
    width: Float[ndarray, "R C"]
    """Of a pixel, in tiles."""

    @classmethod
    def of(cls, metres: Float[ndarray, "H W"], part: tuple[slice, slice]) -> "_SoftWave":
        phase = metres / np.float32(TILE_M)
        width = np.abs(np.gradient(phase, axis=0)) + np.abs(np.gradient(phase, axis=1))
        width = np.clip(width, 1e-3, 8)[part]
        return cls(phase[part] - width / 2, width)

    def at(self, eye_m: float) -> Float[ndarray, "R C"]:
        """The wave seen by a camera there."""
        start = self.start + np.float32(eye_m / TILE_M % 2)
        return (_ramps(start) - _ramps(start + self.width)) / self.width


def _ramps(at: Float[ndarray, "R C"]) -> Float[ndarray, "R C"]:
    """A triangle: the integral of a wave that is +1 on [0, 1) and -1 on [1, 2)."""
    return np.abs(at - 2 * np.floor(at * np.float32(0.5)) - 1)


def _splat(
    points: Float[ndarray, "N 2"],
) -> tuple[Float[ndarray, "R C"], Float[ndarray, "2"], float]:
    """A soft map of where points lie: 0 to 1, the metres of its first pixel, and the metres per pixel."""
    low, high = points.min(0), points.max(0)
    pixel_m = max(SHADOW_PIXEL_M, float((high - low).max()) / SHADOW_SIZE_MAX)
    border = 6
    size = np.ceil((high - low) / pixel_m).astype(int) + 2 * border + 1
    column, row = np.round((points - low) / pixel_m).astype(int).T + border
    hit = np.zeros((size[1], size[0]), np.float32)
    hit[row, column] = 1
    hit = cv2.morphologyEx(hit, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return cv2.GaussianBlur(hit, (0, 0), 1.6), low - border * pixel_m, pixel_m
