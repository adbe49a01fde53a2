import pytest

from motionary.body.skeleton import JOINT_NAMES
from motionary.mocap import read_motion
from motionary.mocap.bvh import read_bvh
from motionary.mocap.joint_names import match_joints

# Pelvis, three spine joints, neck, head; then of one side: thigh, shin, foot, toe, collar, arm.
CONVENTIONS = {
    "mixamo": (
        "mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck mixamorig:Head",
        "mixamorig:{Left}UpLeg mixamorig:{Left}Leg mixamorig:{Left}Foot mixamorig:{Left}ToeBase "
        "mixamorig:{Left}Shoulder mixamorig:{Left}Arm mixamorig:{Left}ForeArm mixamorig:{Left}Hand",
    ),
    "unreal": (
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "thigh_{l} calf_{l} foot_{l} ball_{l} clavicle_{l} upperarm_{l} lowerarm_{l} hand_{l}",
    ),
    "xsens": (
        "Pelvis L5 L3 T8 Neck Head",
        "{Left}UpperLeg {Left}LowerLeg {Left}Foot {Left}Toe "
        "{Left}Shoulder {Left}UpperArm {Left}ForeArm {Left}Hand",
    ),
    "biovision": (
        "Hips Chest Chest2 Chest3 Neck Head",
        "{Left}Hip {Left}Knee {Left}Ankle {Left}Toe {Left}Collar {Left}Shoulder {Left}Elbow {Left}Wrist",
    ),
    "acclaim": (
        "root lowerback upperback thorax lowerneck head",
        "{l}femur {l}tibia {l}foot {l}toes {l}clavicle {l}humerus {l}radius {l}hand",
    ),
    "bandai": (
        "Hips Spine Spine1 Chest Neck Head",
        "UpperLeg_{L} LowerLeg_{L} Foot_{L} Toes_{L} Shoulder_{L} UpperArm_{L} LowerArm_{L} Hand_{L}",
    ),
    "biped": (
        "Bip01 Bip01_Spine Bip01_Spine1 Bip01_Spine2 Bip01_Neck Bip01_Head",
        "Bip01_{L}_Thigh Bip01_{L}_Calf Bip01_{L}_Foot Bip01_{L}_Toe0 "
        "Bip01_{L}_Clavicle Bip01_{L}_UpperArm Bip01_{L}_Forearm Bip01_{L}_Hand",
    ),
    "rigify": (
        "DEF-spine DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-spine.004 DEF-spine.006",
        "DEF-thigh.{L} DEF-shin.{L} DEF-foot.{L} DEF-toe.{L} "
        "DEF-shoulder.{L} DEF-upper_arm.{L} DEF-forearm.{L} DEF-hand.{L}",
    ),
    "motive": (
        "Skeleton1_Hip Skeleton1_Ab Skeleton1_Spine Skeleton1_Chest Skeleton1_Neck Skeleton1_Head",
        "Skeleton1_{L}Thigh Skeleton1_{L}Shin Skeleton1_{L}Foot Skeleton1_{L}Toe "
        "Skeleton1_{L}Shoulder Skeleton1_{L}UArm Skeleton1_{L}FArm Skeleton1_{L}Hand",
    ),
    "daz": (
        "hip abdomen abdomen2 chest neck head",
        "{l}Thigh {l}Shin {l}Foot {l}Toe {l}Collar {l}Shldr {l}ForeArm {l}Hand",
    ),
    "kinect": (
        "SpineBase SpineLow SpineMid SpineHigh Neck Head",
        "Hip{Left} Knee{Left} Ankle{Left} Foot{Left} Clavicle{Left} Shoulder{Left} Elbow{Left} Wrist{Left}",
    ),
}
ROLES = ["hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist"]


def smpl_order(convention: str) -> list[str | None]:
    """The convention's name for each of SMPL's joints; SMPL's hands are left out."""
    trunk, limbs = CONVENTIONS[convention]
    names: dict[str, str] = dict(
        zip(["pelvis", "spine1", "spine2", "spine3", "neck", "head"], trunk.split(), strict=True)
    )
    for side in ("left", "right"):
        marks = {"l": side[0], "L": side[0].upper(), "Left": side.capitalize()}
        for role, name in zip(ROLES, limbs.split(), strict=True):
            names[f"{side}_{role}"] = name.format(**marks)
    return [names.get(name) for name in JOINT_NAMES]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_of_the_table_is_matched(tmp_path, walk, rest, to_bvh, convention):
    names = smpl_order(convention)
    path = tmp_path / "walk.bvh"
    path.write_text(to_bvh(walk, rest, names))
    recording = read_bvh(path)
    joints = match_joints(recording)
    assert {name: recording.joints[joint] for name, joint in joints.limbs.items()} == {
        name: names[JOINT_NAMES.index(name)] for name in joints.limbs
    }
    assert len(joints.limbs) == 16
    assert [recording.joints[joint] for joint in (*joints.trunk, *joints.neck, joints.head)] == [
        names[JOINT_NAMES.index(name)] for name in ["pelvis", "spine1", "spine2", "spine3", "neck", "head"]
    ]


def test_smpls_own_names_are_matched(tmp_path, walk, rest, to_bvh):
    path = tmp_path / "walk.bvh"
    path.write_text(to_bvh(walk, rest))
    recording = read_bvh(path)
    assert all(recording.joints[joint] == name for name, joint in match_joints(recording).limbs.items())


def test_an_unknown_skeleton_lists_what_was_not_matched(tmp_path, walk, rest, to_bvh):
    names = [None if name.endswith("hand") else name for name in JOINT_NAMES]
    names[JOINT_NAMES.index("left_knee")] = "gizmo"
    path = tmp_path / "walk.bvh"
    path.write_text(to_bvh(walk, rest, names))
    with pytest.raises(ValueError, match=r"no joint found for left_knee;.*gizmo") as caught:
        read_motion(path)
    assert "\n" not in str(caught.value)
