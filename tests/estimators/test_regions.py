import numpy as np
import pytest

from motionary.estimators.landmarks import NUM_LANDMARKS
from motionary.estimators.networks import read_landmarks, sharpen
from motionary.estimators.regions import MARGIN, Region


def test_a_standing_person_gives_an_upright_region():
    region = Region.around(np.array([100.0, 200.0]), np.array([100.0, 120.0]))
    assert region.rotation_rad == pytest.approx(0)
    assert region.size_px == pytest.approx(2 * 80 * MARGIN)


@pytest.mark.parametrize("angle", [-2.5, -0.7, 0.0, 0.4, 1.6, 3.0])
def test_the_head_lies_straight_above_the_hips_in_the_region(angle):
    hip = np.array([300.0, 250.0])
    head = hip + 90 * np.array([np.sin(angle), -np.cos(angle)])
    region = Region.around(hip, head)
    inside = np.array([[0.5, 0.5], [0.5, 0.5 - 0.5 / MARGIN]])
    np.testing.assert_allclose(region.to_image(inside), [hip, head], atol=1e-9)


def test_the_crop_map_agrees_with_the_region():
    region = Region(np.array([30.0, 40.0]), 55.0, 0.6)
    matrix = region.T_image_crop(256)
    fractions = np.random.default_rng(0).random((7, 2))
    mapped = fractions * 256 @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(mapped, region.to_image(fractions), atol=1e-9)


def test_landmarks_return_to_the_image_and_the_next_region_follows_them():
    region = Region(np.array([500.0, 300.0]), 256.0, 0.3)
    rows = np.zeros((39, 5), np.float32)
    rows[:, :2] = 128
    rows[34, :2] = 128, 28
    world = np.zeros((39, 3), np.float32)
    world[:, 1] = 1.0
    seen, following = read_landmarks(rows.reshape(-1), world.reshape(-1), 0.9, region)
    np.testing.assert_allclose(seen.image_px, np.tile(region.center_px, (NUM_LANDMARKS, 1)), atol=1e-6)
    np.testing.assert_allclose(seen.world_m[0], [-np.sin(0.3), np.cos(0.3), 0], atol=1e-6)
    np.testing.assert_allclose(seen.visibility, 0.5)
    assert following.rotation_rad == pytest.approx(0.3)
    assert following.size_px == pytest.approx(2 * MARGIN * 100)


def test_sharpening_moves_to_the_peak_of_a_sure_map_only():
    rows = np.zeros((39, 5), np.float32)
    rows[:, :2] = 100
    heat = np.full((64, 64, 39), -30.0, np.float32)
    heat[26, 27, 0] = 6.0
    sharp = sharpen(rows.reshape(-1), heat).reshape(39, 5)
    np.testing.assert_allclose(sharp[0, :2], [27 * 4, 26 * 4], atol=1e-3)
    np.testing.assert_allclose(sharp[1:], rows[1:])
