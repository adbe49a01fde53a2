"""What other programs call SMPL's joints, so that motions fall onto their characters without mapping by hand.

Sources: Mixamo's rig as Adobe exports it; the skeleton of Unreal Engine's mannequin (Epic Games); the
humanoid bones of VRM 1.0 (https://github.com/vrm-c/vrm-specification). SMPL's last arm joint stands for
the fingers: it takes the name of the middle one's first bone.
"""

from typing import Literal, get_args

from motionary.body.skeleton import JOINT_NAMES

NamePreset = Literal["smpl", "mixamo", "unreal", "vrm"]

MIDDLE = {
    "mixamo": {
        "pelvis": "mixamorig:Hips",
        "spine1": "mixamorig:Spine",
        "spine2": "mixamorig:Spine1",
        "spine3": "mixamorig:Spine2",
        "neck": "mixamorig:Neck",
        "head": "mixamorig:Head",
    },
    "unreal": {
        "pelvis": "pelvis",
        "spine1": "spine_01",
        "spine2": "spine_02",
        "spine3": "spine_03",
        "neck": "neck_01",
        "head": "head",
    },
    "vrm": {
        "pelvis": "hips",
        "spine1": "spine",
        "spine2": "chest",
        "spine3": "upperChest",
        "neck": "neck",
        "head": "head",
    },
}
SIDED = {
    "hip": ("UpLeg", "thigh", "UpperLeg"),
    "knee": ("Leg", "calf", "LowerLeg"),
    "ankle": ("Foot", "foot", "Foot"),
    "foot": ("ToeBase", "ball", "Toes"),
    "collar": ("Shoulder", "clavicle", "Shoulder"),
    "shoulder": ("Arm", "upperarm", "UpperArm"),
    "elbow": ("ForeArm", "lowerarm", "LowerArm"),
    "wrist": ("Hand", "hand", "Hand"),
    "hand": ("HandMiddle1", "middle_01", "MiddleProximal"),
}
"""Part of a side -> its name in Mixamo, Unreal and VRM, without the side."""


def bone_names(preset: NamePreset) -> tuple[str, ...]:
    """Names of the 24 joints, in SMPL's order.

    Raises:
        ValueError: If there is no such preset.
    """
    if preset not in get_args(NamePreset):
        raise ValueError(f"Bones are named as in {', '.join(get_args(NamePreset))}; got {preset!r}.")
    if preset == "smpl":
        return JOINT_NAMES
    return tuple(_named(joint, preset) for joint in JOINT_NAMES)


def _named(joint: str, preset: str) -> str:
    side, _, part = joint.partition("_")
    if not part:
        return MIDDLE[preset][joint]
    mixamo, unreal, vrm = SIDED[part]
    return {
        "mixamo": f"mixamorig:{side.capitalize()}{mixamo}",
        "unreal": f"{unreal}_{side[0]}",
        "vrm": f"{side}{vrm}",
    }[preset]
