"""Pinhole cameras in OpenCV's convention (x right, y down, z forward, pixels) and where to put them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from motionary.body.smpl import BodyModel
from motionary.features import heading_rad
from motionary.motion import Motion

FLESH_M = 0.16  # how far skin reaches beyond the joints


@dataclass(frozen=True)
class Camera:
    """Where a picture is taken from: world point p is at R_camera_world p + t_camera_world in its frame."""

    width: int
    height: int
    focal_px: float
    centre_px: tuple[float, float]
    """Principal point."""
    R_camera_world: Float[ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    t_camera_world: Float[ndarray, "3"] = field(default_factory=lambda: np.zeros(3))

    @property
    def position(self) -> Float[ndarray, "3"]:
        """Of the pinhole in the world, metres."""
        return -self.R_camera_world.T @ self.t_camera_world

    def moved(self, by_m: Float[ndarray, "3"]) -> "Camera":
        """The camera displaced in the world."""
        return replace(self, t_camera_world=self.t_camera_world - self.R_camera_world @ by_m)

    def to_camera(self, points: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 3"]:
        """World points in the camera's frame, metres."""
        return points @ self.R_camera_world.T.astype(points.dtype) + self.t_camera_world.astype(points.dtype)


@dataclass(frozen=True)
class View:
    """From which side a person is seen, and how much of the room."""

    azimuth_deg: float = 38.0
    """From the front of the person, positive towards their left."""
    elevation_deg: float = 16.0
    fov_deg: float = 26.0
    """Vertical; small values look from afar with little distortion."""
    margin: float = 0.06
    """Fraction of the picture left free on each side."""

    def rotation(self, heading: float) -> Float[ndarray, "3 3"]:
        """R_camera_world, level with the horizon; azimuth counts from heading, radians about y."""
        azimuth, elevation = heading + np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        towards = np.array([np.sin(azimuth), 0, np.cos(azimuth)])
        forward = -(np.cos(elevation) * towards + np.array([0, np.sin(elevation), 0]))
        right = np.cross(forward, [0, 1, 0])
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])


@dataclass(frozen=True)
class Stage:
    """A camera and the disc of floor that it shows."""

    camera: Camera
    centre_m: tuple[float, float]
    """x and z of the middle of the floor."""
    radius_m: float

    def displacement_to(self, other: "Stage") -> Float[ndarray, "3"] | None:
        """How far another stage is moved along the floor, metres; None where it differs in more than that."""
        here, there = self.camera, other.camera
        by_m = there.position - here.position
        (x, z), (other_x, other_z) = self.centre_m, other.centre_m
        same = (
            np.array_equal(here.R_camera_world, there.R_camera_world)
            and (here.width, here.height, here.focal_px) == (there.width, there.height, there.focal_px)
            and (here.centre_px, self.radius_m) == (there.centre_px, other.radius_m)
            and np.allclose([x + by_m[0], 0, z + by_m[2]], [other_x, by_m[1], other_z], atol=1e-6)
        )
        return by_m if same else None

    def moved(self, by_m: Float[ndarray, "3"]) -> "Stage":
        """The whole stage displaced in the world."""
        x, z = self.centre_m
        return replace(
            self, camera=self.camera.moved(by_m), centre_m=(x + float(by_m[0]), z + float(by_m[2]))
        )


def frame_points(
    points: Float[ndarray, "N 3"], width: int, height: int, view: View | None = None, heading: float = 0.0
) -> Stage:
    """The stage whose camera is as near as it can be while every point, in metres, is in the picture.

    heading is the angle about y, radians, that the view's azimuth counts from.
    """
    view = view or View()
    focal_px = height / 2 / np.tan(np.radians(view.fov_deg) / 2)
    rotation = view.rotation(heading)
    x, y, z = (points @ rotation.T).T
    free = 1 - 2 * view.margin
    slope_x, slope_y = free * width / 2 / focal_px, free * height / 2 / focal_px
    # Each border of the picture is a plane that no point may cross; two opposite ones fix depth and middle.
    right, left = (x - slope_x * z).max(), (-x - slope_x * z).max()
    below, above = (y - slope_y * z).max(), (-y - slope_y * z).max()
    depth = min(-(right + left) / (2 * slope_x), -(below + above) / (2 * slope_y))
    eye = np.array([(right - left) / 2, (below - above) / 2, depth])
    camera = Camera(width, height, float(focal_px), ((width - 1) / 2, (height - 1) / 2), rotation, -eye)
    low, high = points.min(0), points.max(0)
    middle = (low + high) / 2
    radius = float(np.hypot(high[0] - low[0], high[2] - low[2])) / 2 + 1.4
    return Stage(camera, (float(middle[0]), float(middle[2])), radius)


def stages(
    motions: Sequence[Motion],
    body: BodyModel,
    width: int,
    height: int,
    view: View | None = None,
    camera: Literal["fixed", "follow"] = "fixed",
) -> list[Stage]:
    """A stage for every frame of motions that happen together, seen obliquely from the front of the first.

    Args:
        motions: People in one room, of one fps; the longest sets the number of frames.
        body: Whose joints are kept in the picture.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        view: From which side.
        camera: "fixed" shows the whole path; "follow" travels along with the people.
    """
    num_frames = max(map(len, motions))
    joints = np.stack([hold_last(motion.joint_positions(body), num_frames) for motion in motions], axis=1)
    path = np.zeros((num_frames, 3))
    if camera == "follow":
        path = joints[:, :, 0].mean(1) * [1, 0, 1]
        path = gaussian_filter1d(path, 0.25 * motions[0].fps, axis=0, mode="nearest")
    still = joints - path[:, None, None]
    stage = frame_points(padded(still.reshape(-1, 3)), width, height, view, heading_rad(motions[0]))
    return [stage] * num_frames if camera == "fixed" else [stage.moved(by_m) for by_m in path]


def padded(joints: Float[ndarray, "N 3"]) -> Float[ndarray, "M 3"]:
    """Corners of boxes around joints, large enough for the skin; never below the floor."""
    corners = np.stack(np.meshgrid(*[[-FLESH_M, FLESH_M]] * 3), -1).reshape(-1, 3)
    points = (joints[:, None] + corners).reshape(-1, 3)
    points[:, 1] = np.maximum(points[:, 1], -0.02)
    return points


def hold_last(array: Float[ndarray, "T *S"], num_frames: int) -> Float[ndarray, "N *S"]:
    """The array lengthened by repeating its last frame."""
    return array[np.minimum(np.arange(num_frames), len(array) - 1)]
