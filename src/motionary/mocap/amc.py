"""Acclaim motion capture: a skeleton (.asf) and its motion (.amc), as in HDM05 and the CMU database.

Source: J. Lander, "Working with Motion Capture File Formats", Game Developer, January 1998. A bone turns
about its start, in axes of its own that the skeleton file gives once in world axes.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.mocap.recording import END, Recording, check_extent, euler_matrices, read_text

INCH_M = 0.0254
"""Acclaim lengths are inches once divided by the file's length unit."""

DEFAULT_FPS = 120.0
"""AMC files do not tell their rate; HDM05 and CMU were captured at this one."""

CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz", "l")


@dataclass(frozen=True)
class Bone:
    """One bone of a skeleton file, in its lengths; angles in degrees."""

    name: str
    vector: Float[ndarray, "3"]
    """From its start to its end, world axes, at rest."""
    axis: Float[ndarray, "3 3"]
    """Its own axes in world axes, at rest."""
    dof: tuple[str, ...] = ()
    """The values that each frame holds for it, in order: of CHANNELS."""


@dataclass(frozen=True)
class Acclaim:
    """A skeleton file."""

    bones: dict[str, Bone]
    """The root comes first, with a zero vector, then every parent before its children."""
    parents: dict[str, str]
    degrees: bool
    length_unit: float
    root_position: Float[ndarray, "3"] = field(default_factory=lambda: np.zeros(3))


def read_amc(path: Path, asf: Path | None = None, fps: float = DEFAULT_FPS) -> Recording:
    """Read a motion with its skeleton.

    Args:
        path: The .amc file.
        asf: Its skeleton; looked for beside the motion when None (see `find_asf`).
        fps: Frames per second it was captured at.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is malformed or the two do not fit.
    """
    skeleton = read_asf(asf or find_asf(path))
    names, parents, offsets = _tree(skeleton)
    check_extent(1, len(names), path)
    frames, degrees = _frames(path, skeleton)
    if not frames:
        raise ValueError(f"{path} moves nothing: no bone of its skeleton has a degree of freedom.")
    check_extent(len(next(iter(frames.values()))), len(names), path)
    rotations = np.broadcast_to(np.eye(3), (len(next(iter(frames.values()))), len(names), 3, 3)).copy()
    positions = np.broadcast_to(offsets, rotations.shape[:3]).copy()
    for bone in skeleton.bones.values():
        if bone.dof:
            turn, shift = _bone_motion(
                bone, frames[bone.name], skeleton.degrees if degrees is None else degrees
            )
            rotations[:, names.index(bone.name)] = turn
            positions[:, names.index(bone.name)] += shift
    return Recording(
        names, parents, offsets, rotations, positions, fps, str(path), INCH_M / skeleton.length_unit
    )


def find_asf(path: Path) -> Path:
    """The skeleton in the motion's folder: the only one, or the one whose name the motion's starts with.

    Raises:
        FileNotFoundError: If there is none, or no single one fits.
    """
    skeletons = sorted(file for file in path.parent.iterdir() if file.suffix.lower() == ".asf")
    fitting = [file for file in skeletons if _starts_with(path.stem, file.stem)]
    if fitting:
        return max(fitting, key=lambda file: len(file.stem))
    if len(skeletons) == 1:
        return skeletons[0]
    found = ", ".join(file.name for file in skeletons) or "none"
    raise FileNotFoundError(
        f"{path} needs its .asf skeleton in the same folder, named as the start of its name or alone there; "
        f"found {found}. Put it there."
    )


def read_asf(path: Path) -> Acclaim:
    """Read a skeleton.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is malformed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No skeleton file at {path}.")
    sections = _sections(read_text(path))
    missing = {"root", "bonedata", "hierarchy"} - sections.keys()
    if missing:
        raise ValueError(f"{path} is not a whole ASF skeleton: no section :{sorted(missing)[0]}.")
    try:
        return _skeleton(sections)
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{path} is not a readable ASF skeleton ({error}).") from None


def _sections(text: str) -> dict[str, str]:
    """Each `:keyword` and the text up to the next one, comments left out."""
    lines = [line.split("#", 1)[0].rstrip() for line in text.splitlines()]
    parts = re.split(r"(?m)^[ \t]*+:(\w+)", "\n".join(lines))
    return {name.lower(): body for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _skeleton(sections: dict[str, str]) -> Acclaim:
    units = _fields(sections.get("units", ""))
    degrees = units.get("angle", ["deg"])[0].lower().startswith("deg")
    root = _fields(sections["root"])
    root_dof = tuple(value.lower() for value in root.get("order", ["TX", "TY", "TZ", "RX", "RY", "RZ"]))
    orientation = [*root.get("orientation", ["0", "0", "0"]), *root.get("axis", ["XYZ"])]
    bones = {"root": Bone("root", np.zeros(3), _axis(orientation, degrees), _known(root_dof))}
    for begun in re.split(r"\bbegin\b", sections["bonedata"])[1:]:
        block, *ended = re.split(r"\bend\b", begun, maxsplit=1)
        if not ended:
            raise ValueError("a bone begins and does not end")
        bone = _bone(_fields(block), degrees)
        bones[bone.name] = bone
    children = re.sub(r"\b(begin|end)\b", "", sections["hierarchy"]).strip().splitlines()
    parents = {child: line.split()[0] for line in children if line.strip() for child in line.split()[1:]}
    strangers = (parents.keys() | set(parents.values())) - bones.keys()
    if strangers:
        raise ValueError(f"its hierarchy names {sorted(strangers)[0]}, which has no bone data")
    position = np.array([float(value) for value in root.get("position", ["0", "0", "0"])])
    if position.shape != (3,):
        raise ValueError(f"its root needs a position of three numbers; got {len(position)}")
    length_unit = float(units.get("length", ["1"])[0])
    if not length_unit > 0:
        raise ValueError(f"its length unit must be positive; got {length_unit}")
    return Acclaim(_parents_first(bones, parents), parents, degrees, length_unit, position)


def _fields(block: str) -> dict[str, list[str]]:
    """First word of each line -> the other words."""
    return {words[0].lower(): words[1:] for words in map(str.split, block.splitlines()) if words}


def _bone(fields: dict[str, list[str]], degrees: bool) -> Bone:
    name = fields["name"][0]
    direction = np.array([float(value) for value in fields["direction"]])
    length = np.linalg.norm(direction)
    if direction.shape != (3,) or not length > 0:
        raise ValueError(f"bone {name} needs a direction of three numbers")
    vector = direction / length * float(fields["length"][0])
    dof = _known(tuple(value.lower() for value in fields.get("dof", [])))
    return Bone(name, vector, _axis(fields.get("axis", ["0", "0", "0", "XYZ"]), degrees), dof)


def _known(dof: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := set(dof) - set(CHANNELS):
        raise ValueError(f"degree of freedom {sorted(unknown)[0]} is not one of {', '.join(CHANNELS)}")
    return dof


def _axis(words: list[str], degrees: bool) -> Float[ndarray, "3 3"]:
    """Matrix of `x y z ORDER`: the turn about the first axis comes first, so it is the rightmost factor."""
    angles = np.array([float(value) for value in words[:3]])
    order = words[3].upper()
    by_axis = dict(zip("XYZ", angles if degrees else np.rad2deg(angles), strict=True))
    return euler_matrices(np.array([by_axis[axis] for axis in reversed(order)]), order[::-1])


def _parents_first(bones: dict[str, Bone], parents: dict[str, str]) -> dict[str, Bone]:
    ordered = {"root": bones["root"]}
    while waiting := [name for name, parent in parents.items() if name not in ordered and parent in ordered]:
        ordered.update((name, bones[name]) for name in waiting)
    return ordered


def _tree(skeleton: Acclaim) -> tuple[tuple[str, ...], tuple[int, ...], Float[ndarray, "J 3"]]:
    """A joint at every bone's start, and one at the end of every last bone."""
    names = list(skeleton.bones)
    parents = [-1 if name == "root" else names.index(skeleton.parents[name]) for name in names]
    offsets = [
        skeleton.root_position if name == "root" else skeleton.bones[skeleton.parents[name]].vector
        for name in names
    ]
    for index, (name, bone) in enumerate(skeleton.bones.items()):
        if index not in parents:
            names.append(name + END)
            parents.append(index)
            offsets.append(bone.vector)
    return tuple(names), tuple(parents), np.stack(offsets)


def _frames(path: Path, skeleton: Acclaim) -> tuple[dict[str, Float[ndarray, "T D"]], bool | None]:
    """Every frame's values per bone, and whether the file says that they are degrees."""
    if not path.is_file():
        raise FileNotFoundError(f"No motion file at {path}.")
    lines = read_text(path).splitlines()
    keywords = [line.split()[0].lower() for line in lines if line.startswith(":")]
    values: dict[str, list[list[str]]] = {name: [] for name, bone in skeleton.bones.items() if bone.dof}
    num_frames = 0
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdigit():
            _check_whole(values, num_frames, path)
            num_frames += 1
        elif words[0] not in values or len(words) - 1 != len(skeleton.bones[words[0]].dof):
            raise ValueError(f"{path} does not fit its skeleton: line {number} is `{line.strip()[:60]}`.")
        else:
            values[words[0]].append(words[1:])
    _check_whole(values, num_frames, path)
    if num_frames == 0:
        raise ValueError(f"{path} holds no frames; it is not an AMC motion or it was cut.")
    degrees = True if ":degrees" in keywords else False if ":radians" in keywords else None
    return {name: _numbers(rows, name, path) for name, rows in values.items()}, degrees


def _check_whole(values: dict[str, list[list[str]]], num_frames: int, path: Path) -> None:
    for name, rows in values.items():
        if len(rows) != num_frames:
            raise ValueError(f"{path} is cut: frame {num_frames} has no values for bone {name}.")


def _numbers(rows: list[list[str]], name: str, path: Path) -> Float[ndarray, "T D"]:
    try:
        numbers = np.array(rows, np.float64)
    except ValueError as error:
        raise ValueError(f"{path}: bone {name} holds something that is not a number ({error}).") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"{path}: bone {name} holds NaN or infinity in frame {_first_bad(numbers)}.")
    return numbers


def _first_bad(numbers: Float[ndarray, "T D"]) -> int:
    return int(np.flatnonzero(~np.isfinite(numbers).all(-1))[0]) + 1


def _bone_motion(
    bone: Bone, values: Float[ndarray, "T D"], degrees: bool
) -> tuple[Float[ndarray, "T 3 3"], Float[ndarray, "T 3"]]:
    """Rotation in world axes and shift of a bone's start, both relative to its parent."""
    turns = [(name[1].upper(), column) for column, name in enumerate(bone.dof) if name[0] == "r"]
    angles = values[:, [column for _, column in reversed(turns)]]
    turn = euler_matrices(
        angles if degrees else np.rad2deg(angles), "".join(axis for axis, _ in reversed(turns))
    )
    shift = np.zeros((len(values), 3))
    for column, name in enumerate(bone.dof):
        if name[0] == "t":
            shift[:, "xyz".index(name[1])] = values[:, column]
    return bone.axis @ turn @ bone.axis.T, shift


def _starts_with(name: str, prefix: str) -> bool:
    """Whether name is prefix alone or prefix and a separator, capitals aside."""
    name, prefix = name.lower(), prefix.lower()
    return name == prefix or (name.startswith(prefix) and not name[len(prefix)].isalnum())
