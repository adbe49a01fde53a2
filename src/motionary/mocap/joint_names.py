"""Which joint of a foreign skeleton is which of SMPL's: limbs by name, the trunk by the tree between them."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from motionary.mocap.recording import END, Recording

LIMBS: dict[str, dict[str, tuple[str, ...]]] = {
    "leg": {
        "hip": (
            *(
                "hip",
                "thigh",
                "upleg",
                "upperleg",
                "legupper",
                "femur",
                "thighbend",
                "upperlegbend",
                "hipjoint",
            ),
            *("uleg",),
        ),
        "knee": (
            *("knee", "leg", "lowerleg", "loleg", "lowleg", "leglower", "shin", "calf", "tibia", "shinbend"),
            *("lleg", "crus"),
        ),
        "ankle": ("ankle", "foot", "feet"),
        "foot": ("toe", "toes", "toebase", "ball", "foot", "forefoot", "toesbase", "balljoint"),
    },
    "arm": {
        "collar": (
            "collar",
            "clavicle",
            "shoulder",
            "clav",
            "collarbone",
            "scapula",
            "shoulderblade",
            "innershoulder",
        ),
        "shoulder": (
            *("shoulder", "arm", "upperarm", "uparm", "uarm", "armupper", "humerus", "shldr", "shldrbend"),
            *("upperarmbend", "shoulderjoint"),
        ),
        "elbow": (
            *("elbow", "forearm", "lowerarm", "loarm", "lowarm", "farm", "armlower", "radius", "ulna"),
            *("forearmbend", "lowerarmbend"),
        ),
        "wrist": ("wrist", "hand"),
    },
}
"""SMPL's name for each joint of a limb, root to tip -> what others call it: no side, capitals or separators.

One word may stand in two rows ("shoulder", "foot"): the order along the limb and the proportions decide.
The rows cover Bandai-Namco, HDM05 and CMU (Acclaim and BVH), Mixamo, Unreal, Unity, VRM, Xsens, Rokoko,
Perception Neuron, OptiTrack, Vicon, LAFAN1, Biovision, 3ds Max Biped, DAZ and Poser, Character Creator,
Blender Rigify, Kinect, SMPL.
"""

OPTIONAL = ("foot", "collar")

PROPORTIONS = {"hip": 1.0, "knee": 1.0, "shoulder": 1.0, "elbow": 0.93}
"""Relative lengths of the bones that start there, for telling namesakes apart."""

HEAD = ("head", "skull", "headjoint")

SIDES = {"left": ("left", "l"), "right": ("right", "r")}

NECK_FRACTION = 0.62
"""Share of the way from pelvis to head beyond which a joint that carries the arms is the neck."""


@dataclass(frozen=True)
class JointMap:
    """Indices into a recording's joints."""

    limbs: dict[str, int]
    """SMPL's name -> joint, such as "left_hip"; the toe base and the collar may be absent."""
    trunk: tuple[int, ...]
    """From the pelvis up to the chest, both included; the chest carries the arms."""
    neck: tuple[int, ...]
    """From the base of the neck up to, without, the head; empty where the head hangs on the chest."""
    head: int


def match_joints(recording: Recording) -> JointMap:
    """Find SMPL's joints in a recording by name and by place in the tree; further joints do not matter.

    Raises:
        ValueError: If one is missing; the message lists it and the joints that were not understood.
    """
    words = split_names(recording.joints)
    limbs: dict[str, int] = {}
    for side, (limb, roles) in itertools.product(SIDES, LIMBS.items()):
        limbs |= {f"{side}_{role}": joint for role, joint in _limb(recording, words, side, limb).items()}
        if missing := [
            f"{side}_{role}" for role in roles if role not in OPTIONAL and f"{side}_{role}" not in limbs
        ]:
            raise _unknown(recording, missing, limbs)
    pelvis = _common_ancestor(recording, limbs["left_hip"], limbs["right_hip"])
    chest = _common_ancestor(recording, limbs["left_shoulder"], limbs["right_shoulder"])
    trunk = recording.path(pelvis, chest)
    if len(trunk) < 2:
        raise _unknown(recording, ["spine (a joint between the legs' and the arms')"], limbs)
    if (head := _head(recording, words, chest, limbs)) is None:
        raise _unknown(recording, ["head"], limbs)
    neck = recording.path(chest, head)[1:-1]
    share = recording.path_length(pelvis, chest) / max(recording.path_length(pelvis, head), 1e-9)
    if not neck and len(trunk) > 2 and share > NECK_FRACTION:
        neck = [trunk.pop()]
    return JointMap(limbs, tuple(trunk), tuple(neck), head)


def split_names(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Side ("left", "right" or "") and bare lower-case word of every joint name.

    A first word that nearly all names share ("mixamorig", "Bip01", an actor's name) is dropped; digits too.
    """
    tokens = [_tokens(name) for name in names]
    for _ in range(3):
        first, count = Counter(words[0] if words else "" for words in tokens).most_common(1)[0]
        if len(names) < 5 or count < 0.8 * len(names):
            break
        tokens = [words[1:] if words[:1] == [first] and len(words) > 1 else words for words in tokens]
    return [_side_and_word(words) for words in tokens]


def _tokens(name: str) -> list[str]:
    """`mixamorig:LeftUpLeg_01` -> left, up, leg."""
    bare = re.split(r"[:|]", name)[-1]
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", bare)
    return [part.lower() for part in parts]


def _side_and_word(tokens: list[str]) -> tuple[str, str]:
    if tokens[:1] in (["def"], ["org"]):  # Blender's deform and original bones
        tokens = tokens[1:]
    for side, marks in SIDES.items():
        for mark in marks:
            if mark in (tokens[:1] + tokens[-1:]) and len(tokens) > 1:
                place = 0 if tokens[0] == mark else len(tokens) - 1
                return side, "".join(tokens[:place] + tokens[place + 1 :])
    joined = "".join(tokens)
    for side, marks in SIDES.items():
        for mark in marks:  # lfemur, LUArm, upperarml
            if joined.startswith(mark) and joined[len(mark) :] in _KNOWN:
                return side, joined[len(mark) :]
            if joined.endswith(mark) and joined[: -len(mark)] in _KNOWN:
                return side, joined[: -len(mark)]
    middle = next((side for side, marks in SIDES.items() if set(marks) & set(tokens)), "")
    return middle, "".join(token for token in tokens if not middle or token not in SIDES[middle])


_KNOWN = {word for roles in LIMBS.values() for words in roles.values() for word in words}


def _limb(recording: Recording, words: list[tuple[str, str]], side: str, limb: str) -> dict[str, int]:
    """The best choice of joints down one limb: most roles filled, then the most human proportions."""
    roles = LIMBS[limb]
    candidates: list[list[int | None]] = [
        [joint for joint, (found, word) in enumerate(words) if found == side and word in names]
        for names in roles.values()
    ]
    best: tuple[tuple[int, float], dict[str, int]] = ((-1, 0.0), {})
    for choice in itertools.product(*([*options, None] for options in candidates)):
        chosen = {role: joint for role, joint in zip(roles, choice, strict=True) if joint is not None}
        if all(recording.path(a, b)[1:] for a, b in itertools.pairwise(chosen.values())):
            best = max(
                best, ((len(chosen), -_distortion(recording, chosen)), chosen), key=lambda item: item[0]
            )
    return best[1]


def _distortion(recording: Recording, chosen: dict[str, int]) -> float:
    """How far the two long bones of a limb are from their usual proportion, as the log of a ratio."""
    ends = list(chosen)
    lengths = {
        start: recording.path_length(chosen[start], chosen[end]) / PROPORTIONS[start]
        for start, end in itertools.pairwise(ends)
        if start in PROPORTIONS
    }
    if len(lengths) < 2 or min(lengths.values()) <= 0:
        return 9.0
    upper, lower = lengths.values()
    return float(abs(np.log(upper / lower)))


def _common_ancestor(recording: Recording, a: int, b: int) -> int:
    above = set(_ancestors(recording, a))
    return next((joint for joint in _ancestors(recording, b) if joint in above), 0)


def _ancestors(recording: Recording, joint: int) -> Iterator[int]:
    while (joint := recording.parents[joint]) >= 0:
        yield joint


def _head(
    recording: Recording, words: list[tuple[str, str]], chest: int, limbs: dict[str, int]
) -> int | None:
    """The joint called head, else the last joint above the chest that is on neither arm."""
    named = [
        joint for joint, (_, word) in enumerate(words) if word in HEAD and recording.path(chest, joint)[1:]
    ]
    if named:
        return named[0]
    arms = {joint for side in SIDES for joint in recording.path(chest, limbs[f"{side}_shoulder"])}
    above = [
        joint for joint in recording.children(chest) if joint not in arms and _is_joint(recording, joint)
    ]
    if len(above) != 1:
        return None
    while inner := [joint for joint in recording.children(above[-1]) if _is_joint(recording, joint)]:
        above.append(inner[0])
    return above[-1]


def _is_joint(recording: Recording, joint: int) -> bool:
    return not recording.joints[joint].endswith(END)


def _unknown(recording: Recording, missing: list[str], limbs: dict[str, int]) -> ValueError:
    strangers = [
        name
        for joint, name in enumerate(recording.joints)
        if joint not in limbs.values() and _is_joint(recording, joint)
    ]
    return ValueError(
        f"{recording.name}: this skeleton is not understood: no joint found for {', '.join(missing)}; "
        f"unmatched joints: {', '.join(strangers)}. Rename them, for example to LeftUpLeg or left_hip."
    )
