"""A made-up person and camera, a grey video: the drawing must be where the camera has the joints."""

import av
import numpy as np
import pytest

from motionary.estimators.fitting import Camera
from motionary.estimators.pictured import VIEWS_FILE, Pictured, View, read_pictured, views_content
from motionary.export.mp4 import encode
from motionary.export.overlay import draw_people, write_overlay
from motionary.export.render import load_renderer
from motionary.export.surface import Surface

FPS, WIDTH, HEIGHT = 30.0, 160, 120


@pytest.fixture
def person(standing) -> Pictured:
    """Three metres before the camera, from the tenth of a second on."""
    view = View(Camera(110.0, WIDTH, HEIGHT), np.eye(3), np.array([0.0, -0.9, -3.0]))
    return Pictured(1, standing, view, 0.1)


def grey_video(path, fps=FPS, frames=10):
    encode([np.full((HEIGHT, WIDTH, 3), 128, np.uint8)] * frames, path, fps)
    return path


def test_bodies_lie_where_the_camera_sees_the_joints(person, body):
    renderer = load_renderer("painter")
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    drawn = draw_people(grey, 0.1, [person], Surface.of(body, 7000), renderer)
    rows, columns = np.nonzero(np.abs(drawn.astype(int) - 128).max(-1) > 12)
    joints_px = person.view.project(person.motion.joint_positions(body)[0])
    low, high = joints_px.min(0), joints_px.max(0)
    assert (columns.min(), rows.min()) <= tuple(low + 2)
    np.testing.assert_allclose([columns.min(), rows.min()], low, atol=12)  # flesh around the joints
    np.testing.assert_allclose([columns.max(), rows.max()], high, atol=12)
    assert (draw_people(grey, 0.0, [person], Surface.of(body, 7000), renderer) == grey).all()  # not there yet


@pytest.mark.parametrize("video_fps", [30.0, 15.0])
def test_an_overlay_lasts_as_long_as_its_video(video_fps, person, body, tmp_path):
    video = grey_video(tmp_path / "grey.mp4", video_fps)
    write_overlay(video, [person], tmp_path / "over.mp4", body, load_renderer("painter"))
    with av.open(str(tmp_path / "over.mp4")) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(pictures) == pytest.approx(10 * FPS / video_fps, abs=1)
    changed = [np.abs(picture.astype(int) - 128).max() > 40 for picture in pictures]
    assert changed[3]
    assert not changed[0]
    assert not changed[-1]


def test_views_come_back_as_they_were(person, tmp_path):
    person.motion.save(tmp_path / "person_1.npz")
    (tmp_path / VIEWS_FILE).write_bytes(views_content({1: person}))
    (back,) = read_pictured(tmp_path)
    assert (back.person, back.start_s, back.view.camera) == (1, 0.1, person.view.camera)
    np.testing.assert_allclose(back.view.shift_m, person.view.shift_m)
    np.testing.assert_allclose(back.motion.translation, person.motion.translation, atol=1e-4)


def test_what_cannot_be_overlaid_is_said(person, body, tmp_path):
    video = grey_video(tmp_path / "grey.mp4")
    with pytest.raises(ValueError, match=r"written as \.mp4"):
        write_overlay(video, [person], tmp_path / "over.gif", body)
    with pytest.raises(FileNotFoundError, match="motionary estimate"):
        read_pictured(tmp_path)
    other = Pictured(1, person.motion, View(Camera(110.0, 80, 60), np.eye(3), np.zeros(3)), 0.0)
    with pytest.raises(ValueError, match="80 x 60"):
        write_overlay(video, [other], tmp_path / "over.mp4", body)
    (tmp_path / VIEWS_FILE).write_text('{"1": {}}')
    person.motion.save(tmp_path / "person_1.npz")
    with pytest.raises(ValueError, match="does not go with its estimate"):
        read_pictured(tmp_path)
    assert not list(tmp_path.glob("over*"))
