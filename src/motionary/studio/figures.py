"""Bodies to choose from, and the meshes a browser is sent of them."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motionary.body.assets import ASSETS, load_body
from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyArrays, BodyModel
from motionary.export.scene import MOST_FACES
from motionary.export.surface import Surface

FEW = 3
"""People who may have fine meshes."""
COARSE_FACES = 6_000
"""Of each of more people: twelve then have as many as three fine ones."""
STICK_M = 0.022
"""Half the thickness of a stick."""

FREE, SMPL, STICKS = "figure", "smpl", "sticks"


@dataclass(frozen=True)
class Figure:
    """A body and its meshes."""

    name: str
    body: BodyModel

    @cached_property
    def fine(self) -> Surface:
        """For a few people."""
        return Surface.of(self.body, MOST_FACES)

    @cached_property
    def coarse(self) -> Surface:
        """For many people."""
        return Surface.of(self.body, COARSE_FACES)

    def surface(self, num_people: int) -> Surface:
        """The mesh for so many people."""
        return self.fine if num_people <= FEW else self.coarse


def figure_names(own: str | None = None) -> tuple[str, ...]:
    """Bodies there are on this machine: the user's file, the free figure, sticks, SMPL where it was set."""
    licensed = (SMPL,) if ASSETS["smpl"].installed() else ()
    return (*((own,) if own and own not in (FREE, STICKS, SMPL) else ()), FREE, STICKS, *licensed)


@cache
def load_figure(name: str) -> Figure:
    """One of `figure_names`; made once, because its meshes take a second.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the file is no SMPL model.
    """
    if name == STICKS:
        return Figure(name, stick_body(load_body()))
    return Figure(name, load_body("free" if name == FREE else name))


def label_of(name: str) -> str:
    """How a body is called on the page; never a path."""
    return name if name in (FREE, SMPL, STICKS) else Path(name).stem


def stick_body(body: BodyModel) -> BodyModel:
    """A body of a stick for each bone, with the same joints: light, and it hides nothing.

    Each stick is an octahedron from a joint to its child, moved by that joint alone; limbs' ends, hands and
    toes, have their own.
    """
    ends = [(PARENTS[joint], joint) for joint in range(1, NUM_JOINTS)]
    joints, directions = body.joints_template, body.joints_shapedirs
    vertices, shapes, faces, owners = [], [], [], []
    for number, (parent, child) in enumerate(ends):
        vertices.append(_octahedron(joints[parent], joints[child]))
        near = torch.tensor([0.0, 0.2, 0.2, 0.2, 0.2, 1.0])[:, None, None]
        shapes.append(directions[parent] * (1 - near) + directions[child] * near)
        faces.append(_OCTAHEDRON + 6 * number)
        owners += [parent] * 6
    weights = torch.zeros(6 * len(ends), NUM_JOINTS)
    weights[torch.arange(len(owners)), torch.tensor(owners)] = 1
    return BodyModel(
        BodyArrays(
            v_template=torch.cat(vertices),
            faces=torch.from_numpy(np.concatenate(faces)),
            weights=weights,
            joints_template=joints,
            joints_shapedirs=directions,
            shapedirs=torch.cat(shapes),
        )
    )


_OCTAHEDRON = np.array(
    [[0, 2, 1], [0, 3, 2], [0, 4, 3], [0, 1, 4], [5, 1, 2], [5, 2, 3], [5, 3, 4], [5, 4, 1]], np.int64
)
"""Faces of: the near tip, four corners around, the far tip."""


def _octahedron(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "6 3"]:
    """Corners around the line a fifth of the way along it, counter-clockwise seen from the far tip."""
    along = end - start
    across = (
        torch.tensor([0.0, 0.0, 1.0]) if along[1].abs() > along[2].abs() else torch.tensor([0.0, 1.0, 0.0])
    )
    first = torch.linalg.cross(along, across)
    first = first / first.norm()
    second = torch.linalg.cross(along / along.norm(), first)
    middle = start + 0.2 * along
    corners = [middle + STICK_M * side for side in (first, second, -first, -second)]
    return torch.stack([start, *corners, end])
