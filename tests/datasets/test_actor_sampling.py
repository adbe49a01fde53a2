"""ACTOR's draws, one for one, and how ours differ."""

import numpy as np
import pytest

from motionary.datasets.actor_sampling import ActorFrames, ActorOrder, ActorRandom
from motionary.datasets.clips import ClipConfig, window_frames


def test_windows_are_the_published_ones(golden):
    data = np.load(golden / "actor/case4/sampling.npz")
    columns = ("num_frames", "sampling", "step", "min_len", "max_len", "nframes", "seed", "n", "err")
    for number, case in enumerate(zip(*(data[name].tolist() for name in columns), strict=True)):
        num_frames, sampling, step, min_len, max_len, available, seed, count, failed = case
        rule = ActorFrames(num_frames, sampling, step, min_len, max_len)
        if failed:
            with pytest.raises(ValueError):  # noqa: PT011 (whatever the published code failed on)
                rule.choose(available, ActorRandom(seed))
            continue
        got = rule.choose(available, ActorRandom(seed))
        np.testing.assert_array_equal(got, data["ix"][number, :count], err_msg=str(case))


def test_shuffles_are_the_published_ones(golden):
    data = np.load(golden / "actor/case4/shuffle_humanact12.npz")
    order = ActorOrder(range(data["orders"].shape[1]))
    for seed, expected in zip(data["seeds"].tolist(), data["orders"].tolist(), strict=True):
        assert order.shuffle(ActorRandom(seed)) == expected


def starts(choose) -> set[int]:
    return {int(choose(seed)[0]) for seed in range(200)}


def test_the_published_rule_never_starts_where_the_window_last_fits_and_ours_does():
    rule, ours = ActorFrames(5), ClipConfig(num_frames=5)
    assert starts(lambda seed: rule.choose(8, ActorRandom(seed))) == {0, 1, 2}
    assert starts(lambda seed: window_frames(8, ours, np.random.default_rng(seed))) == {0, 1, 2, 3}


def test_windows_of_one_frame_are_ours_alone():
    with pytest.raises(ValueError, match="no window of one frame"):
        ActorFrames(1).choose(8, ActorRandom(0))
    assert len(window_frames(8, ClipConfig(num_frames=1), np.random.default_rng(0))) == 1


def test_motions_that_are_too_short_hold_their_last_frame():
    np.testing.assert_array_equal(ActorFrames(5).choose(3, ActorRandom(0)), [0, 1, 2, 2, 2])


def test_a_window_as_long_as_its_motion_moves_the_stream_on():
    rng, twin = ActorRandom(3), ActorRandom(3)
    np.testing.assert_array_equal(ActorFrames(5).choose(5, rng), np.arange(5))
    twin.python.randint(0, 0)
    assert rng.python.random() == twin.python.random()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"num_frames": 0}, "positive"), ({"num_frames": -3}, "positive"), ({"num_frames": -2}, "min_len")],
)
def test_impossible_windows_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ActorFrames(**wrong)
