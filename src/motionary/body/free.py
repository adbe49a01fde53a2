"""The free default body: the wooden figure of mannequin-x (Apache-2.0), baked once onto SMPL's 24 joints.

The figure's joints are calibrated to SMPL-X's, so SMPL rotations pose it without change. Its shape directions
are SMPL-X's as well: betas change height and girth much as SMPL's do, but not by the same numbers.
"""

import io
import zipfile
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.atomic import write_atomically
from motionary.body.skeleton import JOINT_NAMES, NUM_JOINTS
from motionary.body.smpl import BodyArrays

BAKE_VERSION = 1
"""To be raised when what is baked changes: older caches are then left alone and a new one is made."""

NUM_BETAS = 10

if TYPE_CHECKING:
    from mannequin import Mannequin


def free_body_file() -> str:
    """Name of the cached file: another version of the figure or of this module does not read it."""
    return f"free-body-{version('mannequin-x')}-{BAKE_VERSION}.npz"


def free_body(folder: Path) -> BodyArrays:
    """The free body, from its cached file in folder; the file is made on first use, and again if damaged."""
    path = folder / free_body_file()
    try:
        return _read(path)
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        arrays = bake_free_body()
    content = io.BytesIO()
    np.savez(content, **{field.name: getattr(arrays, field.name).numpy() for field in _stored_fields()})
    with suppress(
        OSError
    ):  # a folder that cannot be written costs half a second at every start, nothing else
        write_atomically(path, content.getvalue())
    return arrays


def bake_free_body() -> BodyArrays:
    """Turn the figure into vertices, weights, joints and shape directions of our own body.

    Source: mannequin-x 0.3, https://pypi.org/project/mannequin-x.
    """
    from mannequin import Mannequin  # only needed to bake

    figure = Mannequin("wooden")
    vertices, joints = _rest(figure, np.zeros(NUM_BETAS))
    shapedirs, joints_shapedirs = _shape_directions(figure)
    return BodyArrays(
        v_template=_tensor(vertices),
        faces=torch.from_numpy(np.asarray(figure.faces, np.int64)),
        weights=_tensor(_weights_on_smpl_joints(figure)),
        joints_template=_tensor(joints),
        joints_shapedirs=_tensor(joints_shapedirs),
        shapedirs=_tensor(shapedirs),
    )


def _rest(
    figure: "Mannequin", betas: Float[ndarray, "10"]
) -> tuple[Float[ndarray, "V 3"], Float[ndarray, "24 3"]]:
    """Vertices and SMPL's joints, in metres, of the figure with its arms out and its hands relaxed."""
    figure.reshape(betas.astype(np.float32))
    pose = figure.rest_pose()
    positions = figure.joint_transforms(pose)[:, :3, 3]
    named = dict(zip(figure.joint_names, positions, strict=True))
    joints = np.stack([named[_figure_name(name)] for name in JOINT_NAMES])
    for side in ("left", "right"):
        # SMPL's hand joint lies in the palm; the figure's own lies at the wrist.
        fingers = [
            named[f"{side[0].upper()}_{finger}1"] for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky")
        ]
        joints[JOINT_NAMES.index(f"{side}_hand")] = np.mean(fingers, axis=0)
    return figure.vertices(pose), joints


def _weights_on_smpl_joints(figure: "Mannequin") -> Float[ndarray, "V 24"]:
    """Skinning weights with those of the finger joints added to SMPL's hand joints."""
    to_smpl = np.array([_smpl_joint(name) for name in figure.joint_names])
    # The figure offers no public way to its skin weights.
    joints, given = figure._skin_joint_indices, figure._skin_weights
    assert joints is not None
    assert given is not None
    weights = np.zeros((figure.num_vertices, NUM_JOINTS))
    np.add.at(weights, (np.arange(figure.num_vertices)[:, None], to_smpl[joints]), given)
    return weights / weights.sum(1, keepdims=True)


def _shape_directions(figure: "Mannequin") -> tuple[Float[ndarray, "V 3 10"], Float[ndarray, "24 3 10"]]:
    """Central differences of one unit: the figure answers to betas linearly to within 0.2 mm."""
    pairs = [(_rest(figure, unit), _rest(figure, -unit)) for unit in np.eye(NUM_BETAS)]
    vertices = [(plus[0] - minus[0]) / 2 for plus, minus in pairs]
    joints = [(plus[1] - minus[1]) / 2 for plus, minus in pairs]
    return np.stack(vertices, -1), np.stack(joints, -1)


def _figure_name(smpl_name: str) -> str:
    """`left_hip` -> `L_Hip`."""
    side, _, rest = smpl_name.partition("_")
    return f"{side[0].upper()}_{rest.capitalize()}" if rest else smpl_name.capitalize()


def _smpl_joint(figure_name: str) -> int:
    """SMPL's joint for one of the figure's 54."""
    by_name = {_figure_name(name): index for index, name in enumerate(JOINT_NAMES)}
    side = {"L": "left_hand", "R": "right_hand"}
    return by_name[figure_name] if figure_name in by_name else JOINT_NAMES.index(side[figure_name[0]])


def _stored_fields() -> list:
    return [field for field in fields(BodyArrays) if field.name != "posedirs"]


def _read(path: Path) -> BodyArrays:
    with np.load(path, allow_pickle=False) as stored:
        return BodyArrays(**{field.name: torch.from_numpy(stored[field.name]) for field in _stored_fields()})


def _tensor(array: ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
