"""Official SMPL model files, `.pkl` or `.npz`, read without running anything they contain.

Pickles are read by `motionary.pickles`; chumpy is not needed. SMPL itself: Loper et al. 2015,
https://smpl.is.tue.mpg.de.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from motionary.array_files import read_npz
from motionary.atomic import write_atomically
from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyArrays
from motionary.limits import read_bytes
from motionary.pickles import RefusedError, numbers, read_python_2

NUM_BETAS = 10
KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
"""What is read of a model file, under its official names."""


def read_smpl(path: Path | str) -> BodyArrays:
    """Read a SMPL model file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a SMPL model, or asks to run code.
    """
    arrays = read_smpl_arrays(path)
    regressor = arrays["J_regressor"].astype(np.float64)
    return BodyArrays(
        v_template=_tensor(arrays["v_template"]),
        faces=torch.from_numpy(arrays["f"].astype(np.int64)),
        weights=_tensor(arrays["weights"]),
        joints_template=_tensor(regressor @ arrays["v_template"]),
        joints_shapedirs=_tensor(np.einsum("jv,vck->jck", regressor, arrays["shapedirs"])),
        shapedirs=_tensor(arrays["shapedirs"]),
        posedirs=_tensor(arrays["posedirs"]),
    )


def read_smpl_arrays(path: Path | str) -> dict[str, ndarray]:
    """The checked arrays of a SMPL model file by official name: ten shape directions, J_regressor dense."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No SMPL model at {path}.")
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    stored = read_npz(path, KEYS) if zipped else _from_pickle(read_bytes(path), path)
    if missing := [key for key in KEYS if key not in stored]:
        raise ValueError(f"{path} lacks {missing}; a SMPL model file holds {list(KEYS)}.")
    try:
        arrays = {key: numbers(stored[key]) for key in KEYS}
        _check(arrays)
    except Exception as error:  # a made-up pickle can fail in any way
        raise ValueError(f"{path} is not a SMPL model: {error}") from None
    return {**arrays, "shapedirs": arrays["shapedirs"][..., :NUM_BETAS]}


def write_smpl_npz(arrays: dict[str, ndarray], path: Path) -> None:
    """Store what `read_smpl_arrays` gave as an .npz that it reads again."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


def _check(arrays: dict[str, ndarray]) -> None:
    num_vertices = len(arrays["v_template"])
    num_joints = arrays["weights"].shape[-1]
    if num_joints != NUM_JOINTS:
        raise ValueError(
            f"it has {num_joints} joints, SMPL has {NUM_JOINTS}; SMPL-H and SMPL-X models are not read."
        )
    expected = {
        "v_template": (num_vertices, 3),
        "posedirs": (num_vertices, 3, 9 * (NUM_JOINTS - 1)),
        "J_regressor": (NUM_JOINTS, num_vertices),
        "weights": (num_vertices, NUM_JOINTS),
        "kintree_table": (2, NUM_JOINTS),
    }
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise ValueError(f"{key} must have shape {shape}; got {arrays[key].shape}.")
    directions = arrays["shapedirs"].shape
    if len(directions) != 3 or directions[:2] != (num_vertices, 3) or directions[2] < NUM_BETAS:
        raise ValueError(
            f"shapedirs must have shape ({num_vertices}, 3, {NUM_BETAS} or more); got {directions}."
        )
    _check_values(arrays, num_vertices)


def _check_values(arrays: dict[str, ndarray], num_vertices: int) -> None:
    for key in KEYS:
        if arrays[key].dtype.kind not in "fiu" or not np.isfinite(arrays[key]).all():
            raise ValueError(f"{key} must hold finite numbers.")
    parents = arrays["kintree_table"][0, 1:].astype(np.int64)  # the root's entry stands for "none"
    if tuple(parents) != PARENTS[1:]:
        raise ValueError(f"kintree_table must be SMPL's tree {PARENTS[1:]}; got {tuple(parents.tolist())}.")
    if not np.allclose(arrays["weights"].sum(1), 1, atol=1e-3):
        raise ValueError("each row of weights must sum to 1.")
    faces = arrays["f"]
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.min() < 0 or faces.max() >= num_vertices:
        raise ValueError(f"f must be (F, 3) indices below {num_vertices}; got shape {faces.shape}.")


def _from_pickle(content: bytes, path: Path) -> dict[str, Any]:
    try:
        stored = read_python_2(content)
    except RefusedError as refused:
        raise ValueError(
            f"{path} asks to use {refused}, which no SMPL model needs; it was not run. Do not trust "
            "this file; take the model from https://smpl.is.tue.mpg.de."
        ) from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise ValueError(
            f"{path} is not a readable .pkl file ({type(error).__name__}: {str(error)[:200]})."
        ) from None
    if not isinstance(stored, dict):
        raise ValueError(f"{path} holds a {type(stored).__name__}; a SMPL model file holds a dictionary.")
    return stored


def _tensor(array: ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
