"""The floor of a picture: a soft checker disc that fades into the background, and people's shadows on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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
class Floor:
    """The floor as one stage shows it, without shadows."""

    stage: Stage
    image: Float[ndarray, "H W 3"]
    """sRGB, 0 to 255."""
    x_m: Float[ndarray, "H W"]
    z_m: Float[ndarray, "H W"]
    seen: Float[ndarray, "H W"]
    """1 on the floor, fading to 0 where it ends."""

    @classmethod
    def of(cls, stage: Stage) -> "Floor":
        """Draw the floor of a stage."""
        x_m, z_m, below_horizon = _floor_under_pixels(stage.camera)
        distance = np.hypot(x_m - stage.centre_m[0], z_m - stage.centre_m[1]) / stage.radius_m
        fade = np.clip((1 - distance) / 0.45, 0, 1)
        soft = fade * fade * (3 - 2 * fade) * _away_from_border(stage.camera.width, stage.camera.height)
        seen = np.where(below_horizon, soft, 0).astype(np.float32)
        return cls(stage, _tiled(x_m, z_m, seen), x_m, z_m, seen)

    def at(self, stage: Stage) -> "Floor":
        """The floor of another stage; quick where that is this one displaced along the floor."""
        if stage is self.stage:
            return self
        by_m = self.stage.displacement_to(stage)
        if by_m is None:
            return Floor.of(stage)
        x_m, z_m = self.x_m + np.float32(by_m[0]), self.z_m + np.float32(by_m[2])
        return Floor(stage, _tiled(x_m, z_m, self.seen), x_m, z_m, self.seen)

    def with_shadows(self, people: Sequence[Float[ndarray, "V 3"]]) -> Float[ndarray, "H W 3"]:
        """The floor darkened where the people's vertices keep the light away."""
        to_light = self.stage.camera.R_camera_world.T @ TO_LIGHT
        points = np.concatenate([person.reshape(-1, 3) for person in people])
        height = np.maximum(points[:, 1], 0)
        fallen = points[:, [0, 2]] - height[:, None] * (to_light[[0, 2]] / max(to_light[1], 0.3)).astype(
            np.float32
        )
        shadow, origin, pixel_m = _splat(fallen)
        column = (self.x_m - origin[0]) / pixel_m
        row = (self.z_m - origin[1]) / pixel_m
        darkness = cv2.remap(
            shadow, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
        )
        return self.image * (1 - SHADOW_DARKNESS * darkness * self.seen)[..., None]


def composite(
    behind: Float[ndarray, "H W 3"] | UInt8[ndarray, "H W 3"], front: UInt8[ndarray, "H W 4"]
) -> UInt8[ndarray, "H W 3"]:
    """A picture in front of another; the front's colours are already multiplied by its alpha."""
    clear = 1 - front[..., 3:].astype(np.float32) / 255
    return np.clip(behind * clear + front[..., :3] + 0.5, 0, 255).astype(np.uint8)


def _tiled(
    x_m: Float[ndarray, "H W"], z_m: Float[ndarray, "H W"], seen: Float[ndarray, "H W"]
) -> Float[ndarray, "H W 3"]:
    """The checker at these places, mixed into the background where it is not seen."""
    checker = 0.5 + 0.5 * _soft_wave(x_m) * _soft_wave(z_m)
    light, dark, background = (np.array(colour, np.float32) for colour in (*TILES, BACKGROUND))
    amounts = np.stack([checker * seen, (1 - checker) * seen, 1 - seen], axis=-1)
    return amounts @ np.stack([light, dark, background])


def _floor_under_pixels(
    camera: Camera,
) -> tuple[Float[ndarray, "H W"], Float[ndarray, "H W"], Bool[ndarray, "H W"]]:
    """X and z in metres of the floor at every pixel, and where there is floor at all."""
    columns = (np.arange(camera.width, dtype=np.float32) - camera.centre_px[0]) / camera.focal_px
    rows = (np.arange(camera.height, dtype=np.float32) - camera.centre_px[1]) / camera.focal_px
    right, down, forward = camera.R_camera_world.astype(np.float32)
    rays = columns[None, :, None] * right + rows[:, None, None] * down + forward
    eye = camera.position
    falls = rays[..., 1] < -1e-3
    steps = np.where(falls, -eye[1] / np.where(falls, rays[..., 1], -1), 1e3).astype(np.float32)
    x_m, z_m = (eye[axis] + steps * rays[..., axis] for axis in (0, 2))
    return x_m.astype(np.float32), z_m.astype(np.float32), falls & (steps > 0)


@lru_cache(maxsize=8)
def _away_from_border(width: int, height: int) -> Float[ndarray, "H W"]:
    """1 in the picture, falling to 0 at its sides and bottom, so that pictures can stand side by side."""
    reach = BORDER * min(width, height)
    across = np.minimum(np.arange(width), np.arange(width)[::-1]) / reach
    down = np.arange(height)[::-1] / reach
    inside = np.clip(across, 0, 1)[None, :] * np.clip(down, 0, 1)[:, None]
    return (inside * inside * (3 - 2 * inside)).astype(np.float32)


def _soft_wave(metres: Float[ndarray, "H W"]) -> Float[ndarray, "H W"]:
    """A square wave of +-1, two tiles long, averaged over each pixel so that it does not flicker."""
    phase = metres / TILE_M
    width = np.abs(np.gradient(phase, axis=0)) + np.abs(np.gradient(phase, axis=1))
    width = np.clip(width, 1e-3, 8)

    # The wave is +1 on [0, 1) and -1 on [1, 2); its integral is a triangle.
    def integral(at: Float[ndarray, "H W"]) -> Float[ndarray, "H W"]:
        return np.abs(at - 2 * np.floor(at / 2) - 1)

    return (integral(phase - width / 2) - integral(phase + width / 2)) / width


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
