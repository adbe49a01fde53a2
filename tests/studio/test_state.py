"""Who stands where, in which colour, and at which frame; without a browser."""

import numpy as np
import pytest

from motionary.features import heading_rad
from motionary.studio.player import Player
from motionary.studio.state import (
    APART_M,
    REAL_COLOUR,
    ROWS_APART_M,
    Ask,
    Performer,
    arrange,
    colours,
    path_of,
    side_by_side,
    sign,
    trust_colour,
)


def test_people_stand_in_a_row(make_motion):
    starts = np.stack([person.translation[0] for person in side_by_side([make_motion(3, 0.1)] * 3)])
    assert starts == pytest.approx(np.array([[-APART_M, 1, 0], [0, 1, 0], [APART_M, 1, 0]]))


def test_sources_with_several_people_have_rows_of_their_own(make_motion):
    one = make_motion(3, 0.1)
    placed = arrange([Performer(one, "a", 0), Performer(one, "b", 3), Performer(one, "c", 3)])
    assert [motion.translation[0, 2] for motion in placed] == pytest.approx([0, -ROWS_APART_M, -ROWS_APART_M])
    alone = arrange([Performer(one, "a", 0), Performer(one, "b", 1)])
    assert [motion.translation[0, 2] for motion in alone] == [0, 0]
    assert alone[0].translation[0, 0] == -alone[1].translation[0, 0] != 0


def test_a_long_row_is_broken(make_motion):
    starts = [motion.translation[0] for motion in arrange([Performer(make_motion(2, 0.1), "")] * 12)]
    assert len({(round(float(x), 3), round(float(z), 3)) for x, _, z in starts}) == 12
    assert sorted({round(float(z), 3) for _, _, z in starts}) == [-ROWS_APART_M, 0]


def test_the_first_person_faces_the_camera_and_the_others_keep_their_side(make_motion):
    one = make_motion(3, 0.1)
    placed = arrange([Performer(one.turn(2.0), ""), Performer(one.turn(2.5), "")])
    assert [heading_rad(motion) for motion in placed] == pytest.approx([0.0, 0.5], abs=1e-5)


def test_signs_are_short_where_many_stand(make_motion):
    one = make_motion(2, 0.1)
    real = Performer(one, "real, 14 cm off: walk_with_a_long_name", 1, "real")
    mine, others = Performer(one, "walk 3"), Performer(one, "run_b: walk 3")
    assert [sign(person, 3, 4) for person in (mine, others, real)] == [
        "walk 3",
        "run_b: walk 3",
        "real, 14 cm off",
    ]
    assert [sign(person, 3, 9) for person in (mine, others, real)] == ["3", "run_b 3", "real 3"]


def test_everyone_moves_at_the_highest_rate(make_motion):
    fast = make_motion(6, 0.1).resample(20.0)
    placed = arrange([Performer(make_motion(6, 0.1), "slow"), Performer(fast, "fast")])
    assert [motion.fps for motion in placed] == [20, 20]
    assert len(placed[0]) == len(placed[1])


def test_colours_tell_people_sources_and_real_clips_apart(make_motion):
    one = make_motion(2, 0.1)
    four = [Performer(one, "", row, "generated") for row in (0, 0, 1)] + [Performer(one, "", 2, "real")]
    by_person, by_source = colours(four, "person"), colours(four, "source")
    assert by_person[3] == by_source[3] == REAL_COLOUR
    assert len(set(by_person)) == 4
    assert by_source[0] == by_source[1] != by_source[2]
    assert trust_colour(0.0) != trust_colour(0.5) != trust_colour(1.0)


def test_who_ends_first_holds_nobody_up(make_motion):
    short, far = make_motion(2, 0.1), make_motion(6, 0.1)
    far.translation[:, 2] += np.arange(6)
    way = path_of([short, far], 6)
    assert way.shape == (6, 3)
    assert way[0] == pytest.approx(np.zeros(3))
    assert (np.diff(way[:, 2]) > 0).all()
    assert way[-1, 2] < 5


@pytest.mark.parametrize("wrong", [{"num": 0}, {"num": 13}, {"seconds": float("nan")}, {"seed": 2**40}])
def test_an_ask_out_of_bounds_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Ask("walk", **wrong).checked(["walk"])


def test_playing_goes_round_at_its_speed_and_seeking_stays_inside():
    player = Player(num_frames=10, fps=20.0, speed=0.5)
    player.advance(0.35)
    assert player.frame == 3
    player.advance(1.0)
    assert player.frame == 3
    player.seek(99)
    assert player.frame == 9
    player.seek(-5)
    assert player.frame == 0
    player.playing = False
    player.advance(3.0)
    assert player.frame == 0
