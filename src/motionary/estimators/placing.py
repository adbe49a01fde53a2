"""From bodies in crops to a person in a room: where they stand, how they are turned, smooth, on the ground.

Axes: a crop's camera has x right, y down, z forward; a picture's (see `fitting`) has x right, y up and z
towards the viewer.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from motionary.body.joint_sets import SMPL_VERTICES
from motionary.body.smpl import BodyModel
from motionary.estimators.attachments import attach
from motionary.estimators.crops import CropBodies
from motionary.estimators.estimate import PersonEstimate
from motionary.estimators.external.track import REST_PELVIS_M
from motionary.estimators.fitting import SOLES, Camera, forward, place
from motionary.estimators.one_euro import OneEuro
from motionary.estimators.people import rest_joints
from motionary.estimators.root import RootConfig, lock_feet, standing
from motionary.estimators.weak_perspective import crop_to_image, full_image_translation, project_to_crop
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between

SMOOTHINGS = ("geodesic", "elementwise", "none")

R_PICTURE_CROP = np.diag([1.0, -1.0, -1.0])

REFERENCE_FPS = 30.0
"""Frame rate at which a step of the published smoothing is a frame."""


@dataclass(frozen=True)
class PlaceConfig:
    """How bodies are put in place."""

    smoothing: str
    """One of `SMOOTHINGS`."""
    published: OneEuro
    smooths_matrices: bool
    """Whether "elementwise" smooths rotation matrices, as PARE does, or rotation vectors."""
    as_published: bool
    """See `CropConfig.protocol`."""
    root: RootConfig = field(default_factory=RootConfig)


@dataclass(frozen=True)
class Sightings:
    """What a network saw of one person."""

    frames: Int[ndarray, "N"]
    """Of the person's motion, growing."""
    boxes_px: Float[ndarray, "N 3"]
    """Centre and side, counted from the image's corner."""
    crop_scale: float
    """How many times the box a crop took in."""
    bodies: CropBodies

    def pictured_px(self, joints_m: Float[ndarray, "N 24 3"]) -> Float[ndarray, "N 24 2"]:
        """Where joints, in the bodies' own frames, lie in the picture as the network has it."""
        in_crop = project_to_crop(torch.from_numpy(joints_m), self.bodies.camera)
        return crop_to_image(in_crop, torch.from_numpy(self.boxes_px), self.crop_scale).numpy()


def placed(person: PersonEstimate, seen: Sightings, body: BodyModel, config: PlaceConfig) -> PersonEstimate:
    """The person with the motion that a network saw, in the room and before the camera they were found in.

    Args:
        person: As found: times, landmarks, camera and upright.
        seen: Of that person; frames before the first and after the last are left out.
        body: Performs the motion.
        config: What is done on the way.
    """
    betas = seen.bodies.betas.mean(0).numpy()
    rest = rest_joints(body, betas)
    R_pelvis, root_m = _before_camera(seen, rest, body, person.view.camera, config)
    local = seen.bodies.rotations.numpy().copy()
    local[:, 0] = R_pelvis
    first, last = int(seen.frames[0]), int(seen.frames[-1]) + 1
    person = _part(person, first, last)
    every = _every_frame(local, root_m, seen.frames - first, person)
    local = _smoothed(_matrices(every.pose), person.motion.fps, config)
    person = replace(person, motion=replace(every, betas=betas))
    return _in_room(person, local, body, config)


def _before_camera(
    seen: Sightings, rest: ndarray, body: BodyModel, camera: Camera, config: PlaceConfig
) -> tuple[Float[ndarray, "N 3 3"], Float[ndarray, "N 3"]]:
    """The pelvis's rotation and position in the picture's axes."""
    rotations = seen.bodies.rotations.numpy()
    # A crop's camera is about SMPL's origin, not about the pelvis.
    pelvis_m = rest[0] if body.num_vertices == SMPL_VERTICES else REST_PELVIS_M["smpl"]
    if config.as_published:
        size = (camera.width, camera.height)
        boxes = torch.from_numpy(seen.boxes_px)
        shift = full_image_translation(seen.bodies.camera, boxes, size, float(camera.focal_px)).numpy()
        return R_PICTURE_CROP @ rotations[:, 0], (shift + pelvis_m) @ R_PICTURE_CROP
    joints = forward(rotations, np.broadcast_to(pelvis_m, (len(rotations), 3)), rest)[1]
    rays = camera.rays(seen.pictured_px(joints))
    # The crop was taken as if the camera looked straight at the person.
    sight = np.concatenate([camera.rays(seen.boxes_px[:, :2]), -np.ones((len(rays), 1))], 1)
    ahead = torch.tensor([0.0, 0.0, -1.0]).double().expand(len(rays), 3)
    R_sight = rotation_between(ahead, torch.from_numpy(sight)).numpy()
    R_pelvis = R_sight @ R_PICTURE_CROP @ rotations[:, 0]
    turned = np.concatenate([R_pelvis[:, None], rotations[:, 1:]], 1)
    about_root = forward(turned, np.zeros((len(rays), 3)), rest)[1]
    return R_pelvis, place(about_root, rays, np.ones(rays.shape[:2]))


def _every_frame(local: ndarray, root_m: ndarray, frames: ndarray, person: PersonEstimate) -> Motion:
    """All frames, those not shown to the network filled, still in the picture's axes, root at translation."""
    shown = np.zeros(len(person.motion), bool)
    shown[frames] = True
    row = np.cumsum(shown) - 1
    motion = Motion(_vectors(local)[row], root_m[row], person.motion.fps, valid=shown)
    filled = motion.fill_gaps(longest_s=np.inf)
    return replace(filled, valid=shown & person.motion.valid, trust=shown * person.motion.trust)


def _smoothed(local: Float[ndarray, "T 24 3 3"], fps: float, config: PlaceConfig) -> ndarray:
    if config.smoothing == "none":
        return local
    if config.smoothing == "geodesic":
        return replace(config.published, step=REFERENCE_FPS / fps).geodesic(local)
    if config.smooths_matrices:
        return _matrices(_vectors(config.published.elementwise(local)))
    return _matrices(config.published.elementwise(_vectors(local)))


def _in_room(
    person: PersonEstimate, local: Float[ndarray, "T 24 3 3"], body: BodyModel, config: PlaceConfig
) -> PersonEstimate:
    """Turn a person out of the picture's axes upright, keep standing feet in place, find the ground."""
    view, motion, rest = person.view, person.motion, rest_joints(body, person.motion.betas)
    R, root_m = view.R_world_camera, motion.translation.astype(float)
    soles_m = attach(rest).positions(*forward(local, root_m, rest))[:, SOLES]
    stands = standing(soles_m, motion.fps, R[1], config.root) & motion.valid[:, None]
    kept = pictured = root_m @ R.T - view.shift_m
    if not config.as_published:
        sight = root_m / np.linalg.norm(root_m, axis=-1, keepdims=True)
        soles_world = soles_m @ R.T - view.shift_m
        kept = lock_feet(pictured, soles_world, stands, sight @ R.T, motion.fps, config.root)
    turned = np.concatenate([(R @ local[:, 0])[:, None], local[:, 1:]], 1)
    floating = replace(motion, pose=_vectors(turned), translation=kept - rest[0])
    grounded = floating.on_ground(body)
    rise = np.array([0, float(grounded.translation[0, 1] - floating.translation[0, 1]), 0])
    return replace(
        person,
        motion=grounded,
        quality=None,  # what was thought of the motion that they were found with
        standing=stands,
        pictured_translation_m=(pictured - rest[0] + rise).astype(np.float32),
        view=replace(view, shift_m=view.shift_m - rise),
    )


def _part(person: PersonEstimate, first: int, last: int) -> PersonEstimate:
    """Some frames of a person."""
    part = slice(first, last)

    def rows(values: ndarray | None) -> ndarray | None:
        return None if values is None else values[part]

    return replace(
        person,
        motion=person.motion.crop(first, last),
        times_s=person.times_s[part],
        confidence=person.confidence[part],
        boxes_px=person.boxes_px[part],
        pictured_translation_m=rows(person.pictured_translation_m),
        landmarks_px=rows(person.landmarks_px),
        visibility=rows(person.visibility),
        standing=rows(person.standing),
    )


def _vectors(matrices: Float[ndarray, "T 24 3 3"]) -> Float[ndarray, "T 24 3"]:
    return matrix_to_axis_angle(torch.from_numpy(matrices)).numpy()


def _matrices(vectors: Float[ndarray, "T 24 3"]) -> Float[ndarray, "T 24 3 3"]:
    return axis_angle_to_matrix(torch.from_numpy(np.asarray(vectors, float))).numpy()
