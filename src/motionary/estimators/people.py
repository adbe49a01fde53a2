"""From one person's landmarks to their motion: clean, fit, find the ground, keep standing feet in place."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel
from motionary.estimators.attachments import Attachments, attach
from motionary.estimators.cleaning import BridgeConfig, smooth
from motionary.estimators.estimate import PersonEstimate, View
from motionary.estimators.fitting import (
    BONE_END,
    BONE_START,
    BONES,
    SOLES,
    Anchors,
    BodyFit,
    Camera,
    FitConfig,
    Target,
    courses,
    forward,
    place,
    refine,
)
from motionary.estimators.ik import pose_from_landmarks
from motionary.estimators.landmarks import LANDMARK_INDEX, LandmarkTrack
from motionary.estimators.quality import QualityConfig, judged
from motionary.estimators.root import RootConfig, footprints, lock_feet, standing, upright
from motionary.estimators.shape import fit_betas
from motionary.motion import Motion
from motionary.rotations import matrix_to_axis_angle, rotation_between
from motionary.stretches import frame_by_frame

VIEW_AXES = np.array([1.0, -1.0, -1.0])
"""Landmarks come with y down and z away from the viewer."""

TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("shoulder", "hip")]
LONG = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
LIMBS = np.array(
    [
        (start, end)
        for (a, b), start, end in zip(BONES, BONE_START, BONE_END, strict=True)
        if a.endswith(LONG) and b.endswith(LONG) and a[:4] == b[:4]
    ]
)


TRUST_IN_BRIDGES = 0.3
"""Of frames that were filled, relative to seen ones."""


@dataclass(frozen=True)
class PeopleConfig:
    """How landmarks become motion."""

    smooth_s: float = 0.05
    """Standard deviation of the smoothing of landmarks over time; 0 for none."""
    fit: FitConfig = field(default_factory=FitConfig)
    root: RootConfig = field(default_factory=RootConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    planting_steps: int = 2
    """Further steps with standing soles held in place."""
    threads: int = 1
    """Stretches of frames fitted at a time; the result does not depend on it."""


@dataclass(frozen=True)
class FittedPerson:
    """A body fitted in camera axes, not yet put into a room."""

    number: int
    track: LandmarkTrack
    target: Target
    fit: BodyFit
    betas: Float[ndarray, "10"]
    joints_m: Float[ndarray, "T 24 3"]
    soles_m: Float[ndarray, "T 4 3"]


def fit_person(
    number: int, track: LandmarkTrack, fps: float, camera: Camera, body: BodyModel, config: PeopleConfig
) -> FittedPerson:
    """Fit the body to a person's landmarks, in camera axes.

    Args:
        number: The person's, kept through gaps.
        track: Landmarks on a uniform grid, repaired.
        fps: Its rate.
        camera: The camera that saw them.
        body: The body to fit, in its mean shape.
        config: Trust in each source.
    """
    target, fit, betas = _fit_in_mean_shape(track, fps, camera, body, config)
    rest = rest_joints(body, betas)
    attachments, steps = attach(rest), replace(config.fit, steps=1)
    for _ in range(config.fit.course_steps):
        fit = BodyFit(courses(fit.local, config.fit.course_s * fps), fit.root_m)
        fit = refine(fit, target, rest, attachments, steps, course=fit.local, threads=config.threads)

    def joints_and_soles(local: ndarray, root_m: ndarray) -> ndarray:
        R_world, joints = forward(local, root_m, rest)
        return np.concatenate([joints, attachments.positions(R_world, joints)[:, SOLES]], axis=1)

    joints, soles = np.split(frame_by_frame(joints_and_soles, fit.local, fit.root_m), [NUM_JOINTS], axis=1)
    return FittedPerson(number, track, target, fit, betas, joints, soles)


def _fit_in_mean_shape(
    track: LandmarkTrack, fps: float, camera: Camera, body: BodyModel, config: PeopleConfig
) -> tuple[Target, BodyFit, Float[ndarray, "10"]]:
    """What a body is fitted to, the first fit, of every frame on its own, and the shape it speaks for."""
    rest = body.joints_template.double().numpy()
    attachments = attach(rest)
    trust = (0.1 + 0.9 * track.visibility) * np.where(track.seen, 1.0, TRUST_IN_BRIDGES)[:, None]
    sigma = config.smooth_s * fps
    rays = smooth(camera.rays(track.image_px), trust, sigma)
    world = along_sight(smooth(track.world_m * VIEW_AXES, trust, sigma), rays)
    local = frame_by_frame(lambda some: pose_from_landmarks(some, rest, attachments), world)
    points = _points_about_root(local, rest, attachments)
    target = Target(rays, world * _scale(world, points), trust)
    first = BodyFit(local, frame_by_frame(place, points, rays, trust))
    fit = refine(first, target, rest, attachments, config.fit, threads=config.threads)
    return target, fit, fit_betas(fit, target, body, attachments, config.fit)


def _points_about_root(
    local: Float[ndarray, "T 24 3 3"], rest: Float[ndarray, "24 3"], attachments: Attachments
) -> Float[ndarray, "T 33 3"]:
    """A body's landmarks, its root at the origin."""
    return frame_by_frame(
        lambda some: attachments.positions(*forward(some, np.zeros((len(some), 3)), rest)), local
    )


def rest_joints(body: BodyModel, betas: Float[ndarray, "10"]) -> Float[ndarray, "24 3"]:
    """Joints of a shaped body in the rest pose."""
    return body.shape(torch.from_numpy(betas.astype(np.float32))).joints.double().numpy()


def along_sight(
    world_m: Float[ndarray, "T 33 3"], rays: Float[ndarray, "T 33 2"]
) -> Float[ndarray, "T 33 3"]:
    """The network's 3D in camera axes: it comes as if the person stood in the middle of the picture."""
    to_trunk = rays[:, TRUNK].mean(1)
    sight = np.concatenate([to_trunk, -np.ones((len(rays), 1))], axis=1)
    ahead = torch.tensor([[0.0, 0.0, -1.0]], dtype=torch.float64).expand(len(sight), 3)
    return world_m @ rotation_between(ahead, torch.from_numpy(sight)).mT.numpy()


def _scale(world_m: Float[ndarray, "T 33 3"], points_m: Float[ndarray, "T 33 3"]) -> float:
    """Body size over the network's idea of it, from the long bones' median lengths."""
    lengths = [np.linalg.norm(p[:, LIMBS[:, 1]] - p[:, LIMBS[:, 0]], axis=-1) for p in (points_m, world_m)]
    return float(np.median(lengths[0], axis=0).sum() / np.median(lengths[1], axis=0).sum())


def common_up(people: list[FittedPerson], fps: float, config: RootConfig) -> Float[ndarray, "3"]:
    """The vertical in camera axes that everybody's standing agrees on, weighted by how long they are seen."""
    ups = [len(person.track) * upright(person.joints_m, person.soles_m, fps, config) for person in people]
    total = np.sum(ups, axis=0)
    return total / np.linalg.norm(total)


@dataclass(frozen=True)
class Room:
    """What everybody in a video shares."""

    camera: Camera
    R_world_camera: Float[ndarray, "3 3"]
    origin_m: Float[ndarray, "3"]
    """The point in camera axes that becomes the world's origin, except in height."""
    fps: float
    body: BodyModel

    def to_world(self, points_m: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 3"]:
        """Camera axes to world axes, heights from the origin point."""
        return (points_m - self.origin_m) @ self.R_world_camera.T

    def to_camera(self, points_m: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 3"]:
        """The way back."""
        return points_m @ self.R_world_camera + self.origin_m

    def turned_pose(self, local: Float[ndarray, "T 24 3 3"]) -> Float[ndarray, "T 24 3"]:
        """Rotations in camera axes as rotation vectors in world axes."""
        turned = local.copy()
        turned[:, 0] = self.R_world_camera @ turned[:, 0]
        return matrix_to_axis_angle(torch.from_numpy(turned)).numpy()


def into_room(person: FittedPerson, room: Room, config: PeopleConfig) -> PersonEstimate:
    """Turn a fitted person upright, keep their standing feet in place and put them on the ground."""
    up = room.R_world_camera[1]
    stands = standing(person.soles_m, room.fps, up, config.root) & person.track.seen[:, None]
    planted = _plant(person, stands, room, config)
    rest_pelvis = rest_joints(room.body, person.betas)[0]
    motion = Motion(
        pose=frame_by_frame(room.turned_pose, planted.local),
        translation=room.to_world(planted.root_m) - rest_pelvis,
        fps=room.fps,
        betas=person.betas,
        valid=person.track.seen,
    )
    grounded = motion.on_ground(room.body)
    rise = np.array([0, float(grounded.translation[0, 1] - motion.translation[0, 1]), 0])
    pictured = room.to_world(_pictured_root(person, planted, room)) - rest_pelvis + rise
    view = View(room.camera, room.R_world_camera, room.R_world_camera @ room.origin_m - rise)
    estimate = _estimate(person, grounded, pictured, view, stands)
    return judged(estimate, room.body, config.quality, person.track.check)


def _plant(person: FittedPerson, stands: Bool[ndarray, "T 4"], room: Room, config: PeopleConfig) -> BodyFit:
    """Move the root so that feet stand still, then bend the legs for what is left."""
    root, soles = room.to_world(person.fit.root_m), room.to_world(person.soles_m)
    sight = person.fit.root_m / np.linalg.norm(person.fit.root_m, axis=-1, keepdims=True)
    moved = room.to_camera(
        lock_feet(root, soles, stands, sight @ room.R_world_camera.T, room.fps, config.root)
    )
    if not stands.any():
        return BodyFit(person.fit.local, moved)
    prints = footprints(person.soles_m + (moved - person.fit.root_m)[:, None], stands)
    rest = rest_joints(room.body, person.betas)
    start = BodyFit(person.fit.local, moved)
    fit_config = replace(config.fit, steps=config.planting_steps)
    anchors = Anchors(prints, stands, moved)
    course = courses(start.local, config.fit.course_s * room.fps)
    return refine(
        start,
        person.target,
        rest,
        attach(rest),
        fit_config,
        course=course,
        anchors=anchors,
        threads=config.threads,
    )


def _pictured_root(person: FittedPerson, planted: BodyFit, room: Room) -> Float[ndarray, "T 3"]:
    rest = rest_joints(room.body, person.betas)
    points = _points_about_root(planted.local, rest, attach(rest))
    return frame_by_frame(place, points, person.target.rays, person.target.trust)


def _estimate(
    person: FittedPerson, motion: Motion, pictured: ndarray, view: View, stands: ndarray
) -> PersonEstimate:
    track = person.track
    boxes = np.concatenate([track.image_px.min(1), track.image_px.max(1)], axis=1)
    confidence = track.score * track.visibility.mean(1)
    return PersonEstimate(
        person=person.number,
        motion=motion,
        times_s=track.times_s,
        confidence=confidence,
        boxes_px=boxes,
        landmarks_px=track.image_px,
        visibility=track.visibility,
        standing=stands,
        pictured_translation_m=pictured.astype(np.float32),
        view=view,
    )
