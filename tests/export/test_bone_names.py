import pytest

from motionary.body.skeleton import JOINT_NAMES
from motionary.export.bone_names import bone_names

SPOT_CHECKS = {
    "mixamo": {
        "pelvis": "mixamorig:Hips",
        "left_hip": "mixamorig:LeftUpLeg",
        "right_wrist": "mixamorig:RightHand",
    },
    "unreal": {"pelvis": "pelvis", "left_hip": "thigh_l", "right_wrist": "hand_r", "spine3": "spine_03"},
    "vrm": {"pelvis": "hips", "left_hip": "leftUpperLeg", "right_wrist": "rightHand", "spine3": "upperChest"},
}


@pytest.mark.parametrize("preset", ["smpl", "mixamo", "unreal", "vrm"])
def test_every_joint_has_a_name_of_its_own(preset):
    assert len(set(bone_names(preset))) == len(JOINT_NAMES)


@pytest.mark.parametrize(("preset", "names"), SPOT_CHECKS.items())
def test_names_are_the_other_programs(preset, names):
    found = dict(zip(JOINT_NAMES, bone_names(preset), strict=True))
    assert names.items() <= found.items()
