import logging

import numpy as np
import pytest

from motionary.export.camera import Camera, stages
from motionary.export.floor import Floor
from motionary.export.render import Renderer, load_renderer, render_frames, render_overlay
from motionary.export.surface import Surface, vertex_normals


@pytest.fixture(scope="module")
def opengl() -> Renderer:
    try:
        return load_renderer("opengl")
    except Exception as error:
        pytest.skip(f"needs EGL ({error})")


def silhouette(renderer: Renderer, body, motion, camera: Camera) -> np.ndarray:
    plain = np.full((camera.height, camera.width, 3), 255, np.uint8)
    vertices = motion.vertices(body)[0]
    image = renderer.overlay(plain, [vertices], body.faces.numpy(), camera, [(0, 0, 0)], opacity=1.0)
    return image.min(-1) < 160


def intersection_over_union(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("size", [(160, 120), (121, 161)])
def test_both_rasterisers_draw_the_same_silhouette(size, opengl, standing, body):
    camera = stages([standing], body, *size)[0].camera
    by_opengl = silhouette(opengl, body, standing, camera)
    by_painter = silhouette(load_renderer("painter"), body, standing, camera)
    assert by_opengl.sum() > 1000
    assert intersection_over_union(by_opengl, by_painter) > 0.9


@pytest.mark.parametrize("name", ["opengl", "painter"])
def test_a_ball_is_drawn_where_its_projection_is(name):
    try:
        renderer = load_renderer(name)
    except Exception as error:
        pytest.skip(f"needs EGL ({error})")
    vertices, faces = ball(radius=0.2, centre=(0.3, -0.1, 2.0))
    image = render_overlay(
        np.full((100, 200, 3), 255, np.uint8), [vertices], faces, 150.0, (90.0, 55.0), renderer
    )
    rows, columns = np.nonzero(image.min(-1) < 230)
    assert columns.mean() == pytest.approx(90 + 150 * 0.3 / 2, abs=1)
    assert rows.mean() == pytest.approx(55 - 150 * 0.1 / 2, abs=1)
    assert np.ptp(columns) + 1 == pytest.approx(2 * 150 * 0.2 / 2, abs=2)


def ball(radius: float, centre: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    return np.asarray(sphere.vertices + centre, np.float32), np.asarray(sphere.faces, np.int64)


def test_without_egl_the_painter_takes_over_with_one_line(monkeypatch, caplog):
    def fail(*_, **__):
        raise ImportError("libEGL.so.1 is missing")

    monkeypatch.setattr("moderngl.create_context", fail)
    with caplog.at_level(logging.WARNING):
        renderer = load_renderer()
    assert renderer.most_faces == load_renderer("painter").most_faces
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]
    assert "libEGL.so.1 is missing" in caplog.text


def test_an_unknown_rasteriser_lists_the_known_ones():
    with pytest.raises(ValueError, match="opengl, painter"):
        load_renderer("crayon")


def test_people_behind_the_camera_are_not_drawn(body, standing):
    camera = Camera(64, 64, 60.0, (32.0, 32.0), t_camera_world=np.array([0.0, 0.0, -3.0]))
    assert not silhouette(load_renderer("painter"), body, standing, camera).any()


def test_a_frame_for_every_stage_with_a_shadow_on_the_floor(standing, body):
    renderer = load_renderer("painter")
    surface = Surface.of(body, renderer.most_faces)
    seen_from = stages([standing], body, 96, 128)
    people = ([vertices] for vertices in surface.frames(standing))
    images = list(render_frames(people, surface.faces, seen_from, renderer))
    assert [image.shape for image in images] == [(128, 96, 3)] * 2
    floor = Floor.of(seen_from[0])
    assert (floor.image.astype(int) - floor.with_shadows([surface.vertices(standing)[0]])).max() > 30


def test_a_moved_floor_is_the_floor_of_the_moved_stage(standing, body):
    stage = stages([standing], body, 64, 48)[0]
    floor = Floor.of(stage)
    assert floor.at(stage) is floor
    for by_m in ([0.3, 0.0, -1.7], [0.0, 0.2, 0.0]):
        moved = stage.moved(np.array(by_m))
        np.testing.assert_allclose(floor.at(moved).image.astype(int), Floor.of(moved).image, atol=1)


def test_coarser_surfaces_keep_the_silhouette(standing, body):
    coarse = Surface.of(body, 5000)
    assert len(coarse.faces) <= 5000
    assert coarse.faces.max() < len(coarse.vertex_ids)
    low, high = (edge(coarse.vertices(standing), axis=(0, 1)) for edge in (np.min, np.max))
    exact = standing.vertices(body)
    np.testing.assert_allclose(low, exact.min((0, 1)), atol=0.02)
    np.testing.assert_allclose(high, exact.max((0, 1)), atol=0.02)


def test_normals_of_a_ball_point_away_from_its_centre():
    vertices, faces = ball(1.0, (0, 0, 0))
    np.testing.assert_allclose(vertex_normals(vertices, faces), vertices, atol=0.03)
