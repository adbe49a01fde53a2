"""A small made-up SMPL model that stands in for the licensed one."""

import copy

import numpy as np
import pytest
import torch

from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyArrays, BodyModel

NUM_VERTICES = 60


@pytest.fixture(scope="session")
def smpl_arrays() -> dict[str, np.ndarray]:
    """What a SMPL file holds, with 60 vertices; float64 and uint32 as in the official files."""
    rng = np.random.default_rng(7)
    weights = rng.random((NUM_VERTICES, NUM_JOINTS)) ** 8
    regressor = rng.random((NUM_JOINTS, NUM_VERTICES)) * (rng.random((NUM_JOINTS, NUM_VERTICES)) < 0.2)
    regressor[:, 0] += 0.1
    return {
        "v_template": rng.normal(0, 0.5, (NUM_VERTICES, 3)),
        "shapedirs": rng.normal(0, 0.03, (NUM_VERTICES, 3, 12)),
        "posedirs": rng.normal(0, 0.01, (NUM_VERTICES, 3, 207)),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(NUM_JOINTS)], np.uint32),
        "f": rng.integers(0, NUM_VERTICES, (40, 3)).astype(np.uint32),
    }


@pytest.fixture(scope="session")
def body(smpl_arrays) -> BodyModel:
    """A body of those arrays."""
    v_template, shapedirs = smpl_arrays["v_template"], smpl_arrays["shapedirs"][..., :10]
    regressor = smpl_arrays["J_regressor"]
    numbers = {
        "v_template": v_template,
        "weights": smpl_arrays["weights"],
        "joints_template": regressor @ v_template,
        "joints_shapedirs": np.einsum("jv,vck->jck", regressor, shapedirs),
        "shapedirs": shapedirs,
        "posedirs": smpl_arrays["posedirs"],
    }
    faces = torch.from_numpy(smpl_arrays["f"].astype(np.int64))
    return BodyModel(
        BodyArrays(faces=faces, **{key: torch.from_numpy(array).float() for key, array in numbers.items()})
    )


@pytest.fixture
def precise(body) -> BodyModel:
    """The body in float64, for derivatives."""
    return copy.deepcopy(body).double()
