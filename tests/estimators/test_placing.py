"""A network that is right about its crops gives back the person, wherever they stand in the picture."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from motionary.estimators.crops import CropBodies, boxes_around
from motionary.estimators.estimate import PersonEstimate, View
from motionary.estimators.external.track import REST_PELVIS_M
from motionary.estimators.fitting import Camera, forward
from motionary.estimators.one_euro import PARE_SMOOTHING, VIBE_SMOOTHING
from motionary.estimators.placing import R_PICTURE_CROP, PlaceConfig, Sightings, placed
from motionary.motion import Motion
from motionary.rotations import (
    axis_angle_to_matrix,
    geodesic_distance,
    matrix_to_axis_angle,
    rotation_between,
)

PLAIN = PlaceConfig("none", VIBE_SMOOTHING, smooths_matrices=False, as_published=False)
FPS = 30.0


def vectors(matrices):
    return matrix_to_axis_angle(torch.from_numpy(matrices)).numpy()


class Scene:
    """A person walking before a camera, at some place in the picture, and what a perfect network says."""

    def __init__(self, walk, rest, camera: Camera, across_m: float) -> None:
        local, root, points = walk
        move = np.array([across_m, 0.0, 0.0])
        self.camera, self.rest, self.local, self.root = camera, rest, local, root + move
        self.joints = forward(local, self.root, rest)[1]
        landmarks = camera.project(points + move)
        ones = np.ones(len(root))
        self.person = PersonEstimate(
            person=1,
            motion=Motion(vectors(local), root, FPS),
            times_s=np.arange(len(root)) / FPS,
            confidence=ones,
            boxes_px=np.zeros((len(root), 4)),
            view=View(camera, np.eye(3), np.zeros(3)),
            landmarks_px=landmarks,
            visibility=np.ones(landmarks.shape[:2]),
        )

    def sightings(self, crop_scale: float, frames=None) -> Sightings:
        boxes = boxes_around(self.person.landmarks_px, self.person.visibility).boxes_px
        sight = np.concatenate([self.camera.rays(boxes[:, :2]), -np.ones((len(boxes), 1))], 1)
        ahead = torch.tensor([0.0, 0.0, -1.0]).double().expand(len(boxes), 3)
        R_sight = rotation_between(ahead, torch.from_numpy(sight)).numpy()
        rotations = self.local.copy()
        rotations[:, 0] = R_PICTURE_CROP @ R_sight.swapaxes(1, 2) @ self.local[:, 0]
        pelvis = np.broadcast_to(REST_PELVIS_M["smpl"], (len(boxes), 3))
        own = forward(rotations, pelvis, self.rest)[1][..., :2]
        in_crop = (self.camera.project(self.joints) - boxes[:, None, :2]) / (
            boxes[:, None, 2:] * crop_scale / 2
        )
        cameras = np.stack([fitted_camera(x, y) for x, y in zip(own, in_crop, strict=True)])
        frames = np.arange(len(boxes)) if frames is None else frames
        parts = (torch.from_numpy(x[frames]) for x in (rotations, np.zeros((len(boxes), 10)), cameras))
        return Sightings(frames, boxes[frames], crop_scale, CropBodies(*parts))


def fitted_camera(own, in_crop):
    """Scale and shift that take a body's joints nearest to where they are in the crop."""
    ones, zeros = np.ones(len(own)), np.zeros(len(own))
    A = np.concatenate([np.stack([own[:, 0], ones, zeros], 1), np.stack([own[:, 1], zeros, ones], 1)])
    s, x, y = np.linalg.lstsq(A, in_crop.T.ravel(), rcond=None)[0]
    return np.array([s, x / s, y / s])


@pytest.fixture(params=[-1.6, 0.0, 1.2], ids=["left", "middle", "right"])
def scene(request, walk, rest):
    return Scene(walk, rest, Camera(focal_px=1000.0, width=1280, height=720), request.param)


@pytest.mark.parametrize("crop_scale", [1.0, 1.1])
def test_pose_and_path_come_back(scene, body, crop_scale):
    person = placed(scene.person, scene.sightings(crop_scale), body, PLAIN)
    angles = geodesic_distance(
        axis_angle_to_matrix(torch.from_numpy(person.motion.pose)).double(), torch.from_numpy(scene.local)
    )
    assert angles.max() < 2e-3
    pictured = person.as_pictured().joint_positions(body) + person.view.shift_m
    off = pictured[:, 0] - scene.root
    assert np.abs(off[:, :2]).max() < 0.04
    assert np.abs(off[:, 2]).max() < 0.06 * np.abs(scene.root[:, 2]).max()
    assert np.abs(np.ptp(off, axis=0)).max() < 0.15


@pytest.mark.parametrize("crop_scale", [1.0, 1.1])
def test_the_body_lies_where_the_network_saw_it(scene, body, crop_scale):
    person = placed(scene.person, scene.sightings(crop_scale), body, PLAIN)
    seen = scene.camera.project(scene.joints)
    drawn = person.view.project(person.as_pictured().joint_positions(body))
    height_px = np.ptp(seen[..., 1], axis=1).mean()
    assert np.linalg.norm(drawn - seen, axis=-1).max() < 0.03 * height_px


def test_the_body_stands_on_the_ground(scene, body):
    person = placed(scene.person, scene.sightings(1.1), body, PLAIN)
    lowest_m = person.motion.vertices(body)[..., 1].min(1)
    assert abs(np.percentile(lowest_m, 5)) < 0.01


def test_as_published_the_body_is_too_far_by_the_crops_factor(walk, rest, body):
    scene = Scene(walk, rest, Camera(focal_px=1000.0, width=1280, height=720), 0.0)
    seen = scene.sightings(1.1)
    published = placed(scene.person, seen, body, replace(PLAIN, as_published=True))
    ours = placed(scene.person, seen, body, PLAIN)
    depths = [p.view.to_camera(p.as_pictured().joint_positions(body))[:, 0, 2] for p in (published, ours)]
    np.testing.assert_allclose(depths[0] / depths[1], 1.1, atol=0.03)


def test_frames_not_shown_lie_on_the_way_and_are_marked(walk, rest, body):
    scene = Scene(walk, rest, Camera(focal_px=1000.0, width=1280, height=720), 0.0)
    shown = np.r_[5:20, 24:50]
    person = placed(scene.person, scene.sightings(1.1, shown), body, PLAIN)
    whole = placed(scene.person, scene.sightings(1.1), body, PLAIN)
    assert len(person.motion) == len(person.times_s) == len(person.landmarks_px) == 45
    assert person.times_s[0] == 5 / FPS
    assert np.flatnonzero(~person.motion.valid).tolist() == [15, 16, 17, 18]
    filled = person.motion.pose[15:19, 4] - whole.motion.pose[20:24, 4]
    assert np.abs(filled).max() < 0.1


@pytest.mark.parametrize("smoothing", ["geodesic", "elementwise"])
@pytest.mark.parametrize(("published", "matrices"), [(VIBE_SMOOTHING, False), (PARE_SMOOTHING, True)])
def test_smoothing_calms_a_trembling_network(walk, rest, body, smoothing, published, matrices):
    scene = Scene(walk, rest, Camera(focal_px=1000.0, width=1280, height=720), 0.0)
    seen = scene.sightings(1.1)
    tremble = np.random.default_rng(0).normal(0, 0.05, (*seen.bodies.rotations.shape[:2], 3))
    rotations = seen.bodies.rotations @ axis_angle_to_matrix(torch.from_numpy(tremble))
    seen = replace(seen, bodies=replace(seen.bodies, rotations=rotations))

    def jerk(name):
        config = PlaceConfig(name, published, matrices, as_published=False)
        joints = placed(scene.person, seen, body, config).motion.joint_positions(body)
        return np.linalg.norm(np.diff(joints - joints[:, :1], n=3, axis=0), axis=-1).mean()

    assert jerk(smoothing) < 0.6 * jerk("none")
