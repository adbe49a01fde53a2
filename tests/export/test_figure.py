import cv2
import numpy as np
import pytest

from motionary.export.figure import action_grid, save_png, sheet, strip, tile, write_png
from motionary.export.render import load_renderer


@pytest.fixture(scope="module")
def painter():
    return load_renderer("painter")


def test_a_strip_grows_with_the_number_of_poses(motion, body, painter):
    few, many = (strip(motion, body, every, 80, painter) for every in (6, 3))
    assert few.shape[0] == many.shape[0] == 80
    assert many.shape[1] > 1.4 * few.shape[1]


def test_a_strip_of_very_many_poses_is_no_wider_than_a_picture_can_be(motion, body, painter, monkeypatch):
    monkeypatch.setattr("motionary.export.figure.WIDEST_PX", 100)
    assert strip(motion, body, 2, 80, painter).shape[1] == 100


def test_a_strip_needs_a_step_forward(motion, body):
    with pytest.raises(ValueError, match="at least 1"):
        strip(motion, body, every=0)


def test_grids_and_sheets_have_the_size_of_their_cells(motion, body, painter):
    grid = action_grid([("a", motion), ("a long name", motion), ("c", motion)], body, 2, (60, 50), painter)
    assert grid.shape[1] == 120
    assert grid.shape[0] % 2 == 0
    rows = sheet([("jump", [motion, motion]), ("run", [motion])], body, (60, 50), painter)
    assert rows.shape[0] == 100
    assert rows.shape[1] > 120


def test_a_sheet_shows_a_body_every_so_many_frames(motion, body, painter):
    few, many = (sheet([("jump", [motion])], body, (200, 50), painter, every) for every in (len(motion), 2))
    assert few.shape == many.shape
    drawn = [(picture != picture[0, 0]).any(-1).mean() for picture in (few, many)]
    assert drawn[1] > 1.5 * drawn[0]
    with pytest.raises(ValueError, match="at least 1; got 0"):
        sheet([("jump", [motion])], body, (200, 50), painter, 0)


def test_tiles_start_at_the_top_left():
    red, green, blue = (np.full((2, 3, 3), colour, np.uint8) for colour in ([9, 0, 0], [0, 9, 0], [0, 0, 9]))
    tiled = tile([red, green, blue], columns=2)
    assert tiled.shape == (4, 6, 3)
    assert tiled[0, 0].tolist() == [9, 0, 0]
    assert tiled[0, -1].tolist() == [0, 9, 0]
    assert tiled[-1, 0].tolist() == [0, 0, 9]


def test_a_png_holds_the_picture(motion, body, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    save_png(image, tmp_path / "noise.png")
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "noise.png"))[..., ::-1], image)
    write_png(motion, tmp_path / "dance.png", body)
    assert cv2.imread(str(tmp_path / "dance.png")).shape[0] == 360
