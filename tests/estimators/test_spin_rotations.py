import torch
from torch.testing import assert_close

from motionary.estimators.spin_rotations import (
    SPIN_EPS,
    VIBE_EPS,
    columns_6d_to_matrix,
    matrix_to_columns_6d,
    matrix_to_spin_axis_angle,
    matrix_to_spin_quaternion,
    spin_axis_angle_to_matrix,
    spin_quaternion_to_axis_angle,
)
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle


def test_every_map_as_published(estimator_golden):
    case = estimator_golden.case("vibe_geometry_rotations")
    results = {
        "rot6d_to_rotmat": columns_6d_to_matrix(case["in_sixd"], VIBE_EPS),
        "rot6d_to_rotmat_tiny": columns_6d_to_matrix(case["in_sixd_tiny"], VIBE_EPS),
        "rot6d_to_rotmat_spin": columns_6d_to_matrix(case["in_sixd"], SPIN_EPS),
        "rot6d_to_rotmat_spin_tiny": columns_6d_to_matrix(case["in_sixd_tiny"], SPIN_EPS),
        "batch_rodrigues": spin_axis_angle_to_matrix(case["in_axis_angle"]).flatten(-2),
        "quaternion_to_angle_axis": spin_quaternion_to_axis_angle(case["in_quat"]),
    }
    for kind in ("general", "small", "nearpi", "special"):
        matrices = case[f"in_rot_{kind}"]
        results[f"aa_{kind}"] = matrix_to_spin_axis_angle(matrices)
        results[f"quat_{kind}"] = matrix_to_spin_quaternion(matrices)
    estimator_golden.check("vibe_geometry_rotations", results)


def test_they_are_the_rotations_that_our_own_maps_know():
    vectors = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    matrices = axis_angle_to_matrix(vectors)
    near = {"atol": 1e-5, "rtol": 0}
    assert_close(spin_axis_angle_to_matrix(vectors), matrices, **near)
    assert_close(matrix_to_spin_axis_angle(matrices), matrix_to_axis_angle(matrices), **near)
    assert_close(columns_6d_to_matrix(matrix_to_columns_6d(matrices), SPIN_EPS), matrices, **near)
