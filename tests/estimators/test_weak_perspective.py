import pytest
import torch
from torch.testing import assert_close

from motionary.estimators.spin_rotations import SPIN_EPS, columns_6d_to_matrix, matrix_to_columns_6d
from motionary.estimators.weak_perspective import (
    body_translation,
    crop_to_image,
    crop_to_pixels,
    full_image_camera,
    full_image_translation,
    pixels_to_crop,
    project,
    project_to_crop,
)


def test_cameras_as_vibe_has_them(estimator_golden):
    case = estimator_golden.case("vibe_geometry_camera")
    boxes, size = case["in_bbox"][:, :3], tuple(case["in_img_wh"].tolist())
    results = {
        "projection": project_to_crop(case["in_points"], case["in_cam"]),
        "perspective_projection": project(
            case["in_points"],
            case["in_translation"],
            float(case["in_focal_length"]),
            R_camera_world=case["in_rotation"],
            centre_px=case["in_camera_center"],
        ),
        "orig_cam": full_image_camera(case["in_crop_cam"], boxes, size, 1.0),
        "orig_kp": crop_to_image(case["in_kp_norm"], boxes, 1.0),
        "normalize_2d_kp": pixels_to_crop(case["in_kp_box"]),
    }
    estimator_golden.check_some("vibe_geometry_camera", results)


def test_pixels_of_a_crop_and_back(estimator_golden):
    case = estimator_golden.case("vibe_geometry_camera")
    results = {"normalize_2d_kp_inv": crop_to_pixels(case["in_kp_norm"][0])}
    estimator_golden.check_some("vibe_geometry_camera", results)
    assert_close(pixels_to_crop(crop_to_pixels(case["in_kp_norm"])), case["in_kp_norm"])


def test_cameras_as_pare_has_them(estimator_golden):
    case = estimator_golden.case("pare_geometry")
    crops = torch.cat([case["in_bbox_center"], 200 * case["in_bbox_scale"][:, None]], 1)
    size = tuple(case["in_img_wh"].tolist())
    matrices = columns_6d_to_matrix(case["in_sixd"], SPIN_EPS)
    results = {
        "weak_to_persp": body_translation(case["in_cam"]),
        "full_img_cam": full_image_translation(case["in_cam"], crops, size, case["in_focal"]),
        "rot6d_to_rotmat": matrices,
        "rotmat_to_rot6d": matrix_to_columns_6d(matrices),
    }
    estimator_golden.check_some("pare_geometry", results)


@pytest.mark.parametrize("crop_scale", [1.0, 1.1])
def test_the_full_images_camera_and_the_crops_say_the_same(crop_scale):
    torch.manual_seed(0)
    points, camera = 0.1 * torch.randn(3, 20, 3), torch.tensor([0.9, 0.1, -0.2]).expand(3, 3)
    boxes = torch.tensor([[400.0, 300, 250], [100, 700, 400], [1800, 900, 90]])
    in_crop = camera[:, None, :1] * (points[..., :2] + camera[:, None, 1:])
    seen = crop_to_image(in_crop, boxes, crop_scale)
    sx, sy, x, y = full_image_camera(camera, boxes, (1920, 1080), crop_scale)[:, None].unbind(-1)
    u, v = sx * (points[..., 0] + x), sy * (points[..., 1] + y)
    assert_close(torch.stack([(u + 1) * 960, (v + 1) * 540], -1), seen)


def test_a_far_camera_sees_what_the_weak_camera_says():
    torch.manual_seed(0)
    points, camera = 0.3 * torch.randn(2, 20, 3), torch.tensor([[0.9, 0.1, -0.2], [0.5, 0.0, 0.3]])
    crops, far = torch.tensor([[900.0, 500, 250], [700, 700, 400]]), 1e6
    translation = full_image_translation(camera, crops, (1920, 1080), far)
    seen = project(points, translation, far) + torch.tensor([960.0, 540.0])
    in_crop = camera[:, None, :1] * (points[..., :2] + camera[:, None, 1:])
    assert_close(seen, crop_to_image(in_crop, crops, 1.0), atol=0.3, rtol=0)
