import numpy as np
import pytest
from fast import (
    CONDITIONS,
    LIFT_M,
    Condition,
    Outcome,
    changed,
    errors_mm,
    fastest,
    played_faster,
    row,
    tilted,
)

from motionary.body.skeleton import JOINT_INDEX


@pytest.mark.parametrize(("speed", "frames"), [(1.0, 15), (2.0, 8), (4.0, 4)])
def test_a_faster_movement_takes_less_time_between_its_held_ends(kick, body, speed, frames):
    performed = changed(kick, Condition(speed=speed), body)
    assert len(performed) == frames + 30
    moves = np.abs(np.diff(performed.pose, axis=0)).max((1, 2)) > 1e-6
    assert not moves[:15].any()
    assert not moves[15 + frames :].any()
    assert moves[15 : 14 + frames].all()


def test_half_a_turn_puts_the_head_below_the_hips_and_the_pelvis_stays(kick, body):
    turned = tilted(kick.turn(0.7), np.full(15, np.pi, np.float32))
    before, after = kick.turn(0.7).joint_positions(body), turned.joint_positions(body)
    head = JOINT_INDEX["head"]
    assert np.allclose(after[:, 0], before[:, 0] + [0, LIFT_M, 0], atol=1e-5)
    assert np.allclose((after - after[:, :1])[:, head, 1], -(before - before[:, :1])[:, head, 1], atol=1e-4)


def test_a_quarter_turn_is_forward(kick, body):
    joints = tilted(kick, np.full(15, np.pi / 2, np.float32)).joint_positions(body)
    assert (joints[:, JOINT_INDEX["head"], 2] - joints[:, 0, 2] > 0.3).all()


def test_turning_over_is_as_fast_as_it_says(kick, body):
    performed = changed(kick, Condition(turning_deg_s=360.0), body)
    head = performed.joint_positions(body)[:, JOINT_INDEX["head"]] - performed.joint_positions(body)[:, 0]
    angle = np.degrees(np.unwrap(np.arctan2(head[15:30, 2], head[15:30, 1])))
    assert np.allclose(np.diff(angle), 12.0, atol=0.01)


def test_pictures_played_faster_are_means_of_those_they_replace():
    pictures = [np.full((2, 2, 3), 10 * number, np.uint8) for number in range(7)]
    assert [int(picture[0, 0, 0]) for picture in played_faster(pictures, 2)] == [5, 25, 45]


def test_errors_ignore_place_turn_and_size_and_leave_out_what_is_unknown(kick, body):
    true = kick.joint_positions(body).astype(float)
    found = 1.3 * kick.turn(0.4).joint_positions(body).astype(float) + 2.0
    found[4] = np.nan
    errors = np.array(errors_mm(found, true))
    assert np.isnan(errors).tolist() == [index == 4 for index in range(15)]
    assert np.nanmax(errors) < 0.01


def test_a_row_tells_broken_frames_from_sound_ones():
    nan = float("nan")
    outcome = Outcome(
        "clip", "fast", [nan, 50.0, 200.0, 300.0], [nan, 50.0, 100.0, nan], [False, True, False, False]
    )
    assert row("fast", [outcome]) == ["fast", "4", "25.0", "125", "75", "66.7", "100.0", "0.0", "200", "100"]


def test_the_fastest_clip_of_every_action_comes_first(dataset, body):
    chosen = fastest(dataset, body, 5)
    assert [motion.action for motion in chosen] in (["kick", "mirrored"], ["mirrored", "kick"])
    assert chosen[0].pose[-1, :, 0].min() == pytest.approx(-1.5 * 1.4)


def test_conditions_have_names_of_their_own():
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)
