"""The mesh that is drawn or exported: fewer faces where speed matters, normals, four weights a vertex."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from motionary.body.smpl import BodyModel
from motionary.motion import Motion

FINEST_CELL_M = 0.008
FRAMES_AT_ONCE = 32  # bounds memory on long motions


@dataclass(frozen=True)
class Surface:
    """A body's mesh, or a coarser one on a subset of its vertices."""

    body: BodyModel
    vertex_ids: Int[torch.Tensor, "K"]
    faces: Int[ndarray, "F 3"]
    """Indices into the K kept vertices."""

    @classmethod
    def of(cls, body: BodyModel, most_faces: int) -> "Surface":
        """The body's mesh with at most most_faces faces, by merging the vertices in ever larger cells."""
        faces = body.faces.cpu().numpy().astype(np.int64)
        vertex_ids = np.arange(body.num_vertices)
        vertices, cell_m = body.v_template.cpu().numpy(), FINEST_CELL_M
        kept, coarse, part = vertex_ids, faces, None
        while len(coarse) > most_faces:
            part = _parts(faces, len(vertices)) if part is None else part
            kept, coarse = _cluster(vertices, faces, part, cell_m)
            cell_m *= 1.2
        return cls(body, torch.from_numpy(kept), coarse)

    def frames(self, motion: Motion) -> Iterator[Float[ndarray, "K 3"]]:
        """World positions of the kept vertices, metres, frame by frame."""
        for start in range(0, len(motion), FRAMES_AT_ONCE):
            yield from self.vertices(motion.crop(start, start + FRAMES_AT_ONCE))

    def vertices(self, motion: Motion) -> Float[ndarray, "T K 3"]:
        """World positions of the kept vertices at every frame, metres."""
        return motion.posed(self.body).skin(self.vertex_ids).numpy()


def vertex_normals(vertices: Float[ndarray, "V 3"], faces: Int[ndarray, "F 3"]) -> Float[ndarray, "V 3"]:
    """Unit normals, the area-weighted mean over each vertex's faces; up where a vertex has none."""
    a, b, c = (vertices[faces[:, corner]].T for corner in range(3))
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    face_normals = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)
    normals = _faces_around(faces, len(vertices)) @ face_normals
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    up = np.array([0, 1, 0], vertices.dtype)
    return np.where(lengths > 1e-12, normals / np.maximum(lengths, 1e-12), up).astype(vertices.dtype)


def strongest_weights(
    weights: Float[ndarray, "V 24"], most: int = 4
) -> tuple[Int[ndarray, "V most"], Float[ndarray, "V most"]]:
    """The joints that move each vertex most, and their weights scaled to sum to one.

    Joints of zero weight are given as joint 0, as glTF wants.
    """
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :most]
    strongest = np.take_along_axis(weights, joints, axis=1)
    strongest = strongest / strongest.sum(axis=1, keepdims=True)
    return np.where(strongest > 0, joints, 0), strongest


def _faces_around(faces: Int[ndarray, "F 3"], num_vertices: int) -> csc_matrix:
    """(V, F) incidence: one where a face touches a vertex."""
    starts = np.arange(0, faces.size + 1, 3)
    return csc_matrix((np.ones(faces.size, np.float32), faces.ravel(), starts), (num_vertices, len(faces)))


def _parts(faces: Int[ndarray, "F 3"], num_vertices: int) -> Int[ndarray, "V"]:
    """A number for each vertex, the same for those that edges connect."""
    start, end = faces[:, :2].T, faces[:, 1:].T
    edges = csr_matrix((np.ones(start.size), (start.ravel(), end.ravel())), (num_vertices,) * 2)
    return connected_components(edges, directed=False)[1]


def _cluster(
    vertices: Float[ndarray, "V 3"], faces: Int[ndarray, "F 3"], part: Int[ndarray, "V"], cell_m: float
) -> tuple[Int[ndarray, "K"], Int[ndarray, "G 3"]]:
    """Merge the vertices of one part that share a cell into the one nearest their mean.

    Source: vertex clustering, Rossignac and Borrel 1993.
    """
    cells = np.floor(vertices / cell_m).astype(np.int64)
    cells -= cells.min(0)
    places = np.ravel_multi_index((*cells.T, part), (*cells.max(0) + 1, part.max() + 1))
    cluster = np.unique(places, return_inverse=True)[1]  # hidden or touching parts stay apart
    count = np.bincount(cluster)
    mean = np.stack([np.bincount(cluster, vertices[:, axis]) for axis in range(3)], 1) / count[:, None]
    distance = np.linalg.norm(vertices - mean[cluster], axis=1)
    order = np.lexsort((distance, cluster))
    nearest = order[np.searchsorted(cluster[order], np.arange(len(count)))]
    merged = cluster[faces]
    distinct = (
        (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    )
    merged = merged[distinct]
    corners = np.sort(merged, axis=1)
    _, first = np.unique(np.ravel_multi_index(corners.T, (len(count),) * 3), return_index=True)
    return nearest, merged[np.sort(first)]
