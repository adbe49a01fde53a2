import cv2
import numpy as np
import pytest
import torch

from motionary.estimators.crops import (
    REFERENCE_PX,
    Boxes,
    T_crop_image,
    boxes_around,
    crop_picture,
    longest_side_box,
    normalised,
    steadied,
)


def test_crops_as_published(estimator_golden):
    case = estimator_golden.case("vibe_crop")
    image, boxes, scales = (case[f"in_{name}"].numpy() for name in ("image_u8", "boxes", "scales"))
    pairs = [(box[:3], float(scale)) for box, scale in zip(boxes, scales, strict=True)]
    crops = np.stack([crop_picture(image, box, scale) for box, scale in pairs])
    affine = np.stack([T_crop_image(box, scale) for box, scale in pairs])
    points = case["in_kp_2d"].numpy()
    mapped = np.einsum("bij,bkj->bki", affine, points)
    x = normalised(torch.from_numpy(crops))
    results = {
        "crops_u8": crops,
        "affine": affine,
        "kp_2d": np.concatenate([mapped, points[..., 2:]], -1),
        "norm_sub": x[:, :, ::16, ::16],
        "norm_mean": x.mean((-2, -1)),
    }
    estimator_golden.check("vibe_crop", results)


def test_boxes_as_published(estimator_golden):
    case = estimator_golden.case("vibe_geometry_camera")
    track = case["in_kp_track"].numpy()
    boxes = boxes_around(track[..., :2], track[..., 2])
    steady = steadied(boxes)

    def in_scale(found: Boxes):
        return np.concatenate([found.boxes_px[:, :2], REFERENCE_PX / found.boxes_px[:, 2:]], 1)

    results = {
        "bbox_params": in_scale(boxes),
        "bbox_range": [boxes.start, boxes.stop],
        "bbox_xyhh": boxes.boxes_px[:, [0, 1, 2, 2]],
        "bbox_smooth": np.concatenate([np.zeros((steady.start, 3)), in_scale(steady)]),
        "bbox_smooth_range": [steady.start, steady.stop],
        "bbox_from_kp2d": longest_side_box(case["in_kp_box"].numpy())[[0, 1, 2, 2]],
    }
    estimator_golden.check_some("vibe_geometry_camera", results)


def test_a_crop_is_a_bilinear_picture_within_a_few_grey_levels():
    rng = np.random.default_rng(2)
    image = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3)).astype(np.uint8), (9, 9), 3)
    box = np.array([63.3, 41.7, 70.0])
    matrix = T_crop_image(box, 1.1)
    naive = cv2.warpAffine(image, matrix, (224, 224), flags=cv2.INTER_LINEAR)
    off = np.abs(crop_picture(image, box, 1.1).astype(int) - naive)
    assert off.max() <= 4
    assert off.mean() < 0.5


def test_outside_the_image_a_crop_is_black():
    white = np.full((40, 40, 3), 255, np.uint8)
    crop = crop_picture(white, np.array([0.0, 20.0, 20.0]), 1.0)
    assert (crop[:, :100] == 0).all()
    assert (crop[:, 130:] == 255).all()


def test_a_box_is_as_large_as_the_visible_points_diagonal():
    points = np.zeros((1, 4, 2))
    points[0] = [[10, 20], [40, 60], [25, 30], [500, 500]]
    boxes = boxes_around(points, np.array([[0.9, 0.9, 0.9, 0.1]]))
    np.testing.assert_allclose(boxes.boxes_px, [[25, 40, 50]])


def test_nobody_in_sight_gives_no_box():
    assert boxes_around(np.ones((3, 5, 2)), np.zeros((3, 5))) is None
    assert boxes_around(np.ones((3, 5, 2)), np.ones((3, 5))) is None  # all points in one place


@pytest.mark.parametrize("missing", [slice(2, 5), slice(1, 2)])
def test_boxes_in_a_gap_lie_on_the_way(missing):
    rng = np.random.default_rng(0)
    shape = rng.normal(0, 30, (12, 2))
    points = shape + np.linspace(0, 90, 7)[:, None, None]
    visible = np.ones((7, 12))
    visible[missing] = 0
    whole, filled = boxes_around(points, np.ones((7, 12))), boxes_around(points, visible)
    np.testing.assert_allclose(filled.boxes_px, whole.boxes_px, atol=1e-6)
