import numpy as np
import pytest

from motionary.export.camera import View, frame_points, stages
from motionary.motion import Motion


def project(camera, points):
    seen = camera.to_camera(points)
    assert (seen[:, 2] > 0).all()
    return seen[:, :2] / seen[:, 2:] * camera.focal_px + camera.centre_px


@pytest.mark.parametrize("size", [(300, 200), (200, 300)])
@pytest.mark.parametrize("azimuth_deg", [0.0, 38.0, 200.0])
def test_the_framed_points_fill_the_picture_up_to_the_margin(size, azimuth_deg):
    points = np.random.default_rng(0).normal(size=(50, 3))
    view = View(azimuth_deg=azimuth_deg, margin=0.1)
    pixels = project(frame_points(points, *size, view).camera, points)
    free = np.stack([pixels.min(0) + 0.5, size - pixels.max(0) - 0.5]) / size
    assert free.min() == pytest.approx(0.1, abs=1e-6)
    tight = free.min(0).argmin()  # the direction that decides how near the camera may come
    assert free[0, tight] == pytest.approx(free[1, tight], abs=1e-6)
    np.testing.assert_allclose(free[0], free[1], atol=0.05)


def test_up_is_up_and_the_persons_left_is_right_of_the_picture_from_the_front():
    points = np.array([[0, 0, 0], [0, 1, 0], [0.5, 0, 0]])
    pixels = project(frame_points(points, 100, 100, View(azimuth_deg=0.0)).camera, points)
    assert pixels[1, 1] < pixels[0, 1]
    assert pixels[2, 0] > pixels[0, 0]


def test_a_following_camera_keeps_a_traveller_in_place(body):
    way = np.linspace(0, 10, 60)[:, None] * [1, 0, 0.5]
    far = Motion(np.zeros((60, 24, 3)), way, fps=30.0)
    seen = stages([far], body, 100, 100, camera="follow")
    pelvis = far.joint_positions(body)[:, :1]
    middle = np.stack([project(stage.camera, at)[0] for stage, at in zip(seen, pelvis, strict=True)])
    assert np.ptp(middle[15:-15], axis=0).max() < 2
