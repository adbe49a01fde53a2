"""Motions -> glTF 2.0 binary (.glb): a skinned body that plays in Blender, Unity, three.js and viewers.

Metres, y up, facing +z: glTF's own frame is ours. Pose-dependent corrections of a licensed SMPL body are not
linear skinning and are left out.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pygltflib as gltf
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.atomic import write_atomically
from motionary.body.skeleton import NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyModel, ShapedBody
from motionary.export.bone_names import NamePreset, bone_names
from motionary.export.shading import CLAY
from motionary.export.surface import strongest_weights, vertex_normals
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_quaternion

MESH_NODE = NUM_JOINTS  # nodes 0 to 23 are the joints
COMPONENTS = {
    np.dtype("f4"): gltf.FLOAT,
    np.dtype("u1"): gltf.UNSIGNED_BYTE,
    np.dtype("u4"): gltf.UNSIGNED_INT,
}


def write_glb(motion: Motion, path: Path, body: BodyModel, bones: NamePreset = "smpl") -> None:
    """Write one motion as a .glb, whole or not at all; bones says whose bone names."""
    export_glb([motion], path, body, bones)


def export_glb(motions: Sequence[Motion], path: Path, body: BodyModel, bones: NamePreset = "smpl") -> None:
    """Write one body with an animation for each motion, named after its action, whole or not at all.

    Raises:
        ValueError: If there is no motion, or their shapes differ: one file holds one body.
    """
    if not motions:
        raise ValueError("A .glb needs at least one motion; got none.")
    betas = motions[0].betas
    if any(not np.array_equal(motion.betas, betas) for motion in motions):
        raise ValueError(
            "One .glb holds one body, but these motions have different betas; export them one by one."
        )
    shaped = body.shape(torch.from_numpy(betas))
    file = _Builder()
    _add_body(file, shaped, bone_names(bones))
    for motion, name in zip(motions, _names(motions), strict=True):
        _add_animation(file, motion, shaped, name)
    write_atomically(path, file.to_bytes())


class _Builder:
    """A glTF document and its binary buffer, grown array by array."""

    def __init__(self) -> None:
        self.document = gltf.GLTF2(
            asset=gltf.Asset(version="2.0", generator="Motionary"),
            scene=0,
            scenes=[gltf.Scene(nodes=[0, MESH_NODE])],
        )
        self._blob = bytearray()

    def add(self, array: ndarray, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append an array; the index of its accessor. Bounds are required for positions and times."""
        data = np.ascontiguousarray(array)
        view = gltf.BufferView(buffer=0, byteOffset=len(self._blob), byteLength=data.nbytes, target=target)
        self._blob += data.tobytes() + bytes(-data.nbytes % 4)
        self.document.bufferViews.append(view)
        accessor = gltf.Accessor(
            bufferView=len(self.document.bufferViews) - 1,
            componentType=COMPONENTS[data.dtype],
            count=data.size if kind == gltf.SCALAR else len(data),
            type=kind,
        )
        if bounds:
            rows = data.reshape(len(data), -1)
            accessor.min, accessor.max = rows.min(0).tolist(), rows.max(0).tolist()
        self.document.accessors.append(accessor)
        return len(self.document.accessors) - 1

    def to_bytes(self) -> bytes:
        """The .glb file."""
        self.document.buffers = [gltf.Buffer(byteLength=len(self._blob))]
        self.document.set_binary_blob(bytes(self._blob))
        return b"".join(self.document.save_to_bytes())


def _add_body(file: _Builder, shaped: ShapedBody, names: tuple[str, ...]) -> None:
    """Joint nodes, the skinned mesh in its rest pose, and its material."""
    joints = shaped.joints.numpy()
    for joint in range(NUM_JOINTS):
        offset = joints[joint] - (joints[PARENTS[joint]] if joint else 0)
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
        file.document.nodes.append(
            gltf.Node(name=names[joint], translation=offset.tolist(), children=children or None)
        )
    # A skinned mesh is placed by its joints alone, so its node stands outside the skeleton.
    file.document.nodes.append(gltf.Node(name="body", mesh=0, skin=0))
    from_rest = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
    from_rest[:, :3, 3] = -joints
    columns = from_rest.transpose(0, 2, 1)  # glTF stores matrices column by column
    skin = gltf.Skin(
        joints=list(range(NUM_JOINTS)), skeleton=0, inverseBindMatrices=file.add(columns, gltf.MAT4)
    )
    file.document.skins = [skin]
    file.document.materials = [_material()]
    file.document.meshes = [gltf.Mesh(name="body", primitives=[_primitive(file, shaped)])]


def _primitive(file: _Builder, shaped: ShapedBody) -> gltf.Primitive:
    vertices = shaped.vertices.numpy()
    faces = shaped.model.faces.numpy()
    joints, weights = strongest_weights(shaped.model.weights.numpy())
    attributes = gltf.Attributes(
        POSITION=file.add(vertices.astype("f4"), gltf.VEC3, gltf.ARRAY_BUFFER, bounds=True),
        NORMAL=file.add(vertex_normals(vertices, faces).astype("f4"), gltf.VEC3, gltf.ARRAY_BUFFER),
        JOINTS_0=file.add(joints.astype("u1"), gltf.VEC4, gltf.ARRAY_BUFFER),
        WEIGHTS_0=file.add(weights.astype("f4"), gltf.VEC4, gltf.ARRAY_BUFFER),
    )
    indices = file.add(faces.astype("u4").ravel(), gltf.SCALAR, gltf.ELEMENT_ARRAY_BUFFER)
    return gltf.Primitive(attributes=attributes, indices=indices, material=0)


def _material() -> gltf.Material:
    linear = [(channel / 255) ** 2.2 for channel in CLAY]  # glTF's factors are linear
    surface = gltf.PbrMetallicRoughness(
        baseColorFactor=[*linear, 1.0], metallicFactor=0.0, roughnessFactor=0.7
    )
    # pygltflib 1.16.4 gives opaque materials a cutoff, which only masks may have.
    return gltf.Material(name="clay", pbrMetallicRoughness=surface, alphaCutoff=None)


def _add_animation(file: _Builder, motion: Motion, shaped: ShapedBody, name: str) -> None:
    """Rotations of every joint and the way of the pelvis, linearly interpolated between frames."""
    times = file.add((np.arange(len(motion)) / motion.fps).astype("f4"), gltf.SCALAR, bounds=True)
    rotations = _xyzw(motion)
    pelvis = (motion.translation + shaped.joints[0].numpy()).astype("f4")
    tracks = [(joint, "rotation", file.add(rotations[:, joint], gltf.VEC4)) for joint in range(NUM_JOINTS)]
    tracks.append((0, "translation", file.add(pelvis, gltf.VEC3)))
    animation = gltf.Animation(name=name)
    for index, (joint, path, values) in enumerate(tracks):
        animation.samplers.append(gltf.AnimationSampler(input=times, output=values, interpolation="LINEAR"))
        target = gltf.AnimationChannelTarget(node=joint, path=path)
        animation.channels.append(gltf.AnimationChannel(sampler=index, target=target))
    file.document.animations.append(animation)


def _xyzw(motion: Motion) -> Float[ndarray, "T 24 4"]:
    """Unit quaternions as glTF orders them, neighbours in time on the same side."""
    wxyz = axis_angle_to_quaternion(torch.from_numpy(motion.pose).double()).numpy()
    flips = np.where((wxyz[1:] * wxyz[:-1]).sum(-1, keepdims=True) < 0, -1, 1)
    wxyz[1:] *= np.cumprod(flips, axis=0)
    return wxyz[..., [1, 2, 3, 0]].astype("f4")


def _names(motions: Sequence[Motion]) -> list[str]:
    """A different name for each animation: its action, numbered where several share it."""
    actions = [motion.action or "motion" for motion in motions]
    total, seen = Counter(actions), Counter[str]()
    names = []
    for action in actions:
        seen[action] += 1
        names.append(action if total[action] == 1 else f"{action} {seen[action]}")
    return names
