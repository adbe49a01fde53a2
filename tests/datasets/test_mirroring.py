"""Left becomes right in an action's name where the other side is known."""

import pytest

from motionary.datasets.mirroring import mirrored_actions


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("kick_left", "kick_right"),
        ("walk-turn-left", "walk-turn-right"),
        ("kickLFront", "kickRFront"),
        ("grabHighL", "grabHighR"),
        ("jogLeftCircle", "jogRightCircle"),
        ("LeftPunch", "RightPunch"),
        ("L", "R"),
        ("RAISE LEFT ARM", "RAISE RIGHT ARM"),
        ("leftkick", "rightkick"),
        ("cartwheelLHandStart1Reps", "cartwheelRHandStart1Reps"),
        ("from left to right", "from right to left"),
        ("step l", "step r"),
    ],
)
def test_sides_swap_both_ways(left, right):
    table = mirrored_actions([left, right, "walk"])
    assert table == {left: right, right: left, "walk": "walk"}


@pytest.mark.parametrize("action", ["bright", "Roll", "all", "walkRUN", "Leap", "salsa", "upright", "RUN"])
def test_a_name_that_says_no_side_is_its_own_mirror_image(action):
    assert mirrored_actions([action]) == {action: action}


@pytest.mark.parametrize("action", ["depositFloorR", "kickLFront", "turn_left"])
def test_a_side_without_its_counterpart_has_no_mirror_image(action):
    assert mirrored_actions([action, "walk"]) == {action: None, "walk": "walk"}


def test_the_user_knows_better():
    actions = ["clockwise", "counter", "walk"]
    overrides = {"clockwise": "counter", "counter": "clockwise"}
    assert mirrored_actions(actions, overrides) == overrides | {"walk": "walk"}
    with pytest.raises(ValueError, match="run"):
        mirrored_actions(actions, {"walk": "run"})
