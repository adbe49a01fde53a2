"""Whatever is held out, nothing of its recording is learned from."""

from collections import Counter

import numpy as np
import pytest

from motionary.datasets.actions import ClipRecord
from motionary.datasets.splitting import (
    SplitOptions,
    grouped,
    source_of,
    split_clips,
    stratified_split,
    subject_split,
)


def a_clip(index: int, action: str, subject: str | None = None, source: str | None = None) -> ClipRecord:
    return ClipRecord(f"{action}/{index}.npz", action, 60, 30.0, subject=subject, source=source)


def random_clips(seed: int, count: int = 80) -> list[ClipRecord]:
    """Recordings of one person each, with several clips of several actions."""
    rng = np.random.default_rng(seed)
    sources = rng.integers(0, 25, count).tolist()
    actions = rng.choice(["walk", "run", "jump"], count).tolist()
    return [a_clip(i, actions[i], f"person {sources[i] % 6}", f"{sources[i]}.mp4") for i in range(count)]


@pytest.mark.parametrize("by", ["random", "video", "subject"])
@pytest.mark.parametrize("seed", range(5))
def test_no_source_is_on_both_sides(by, seed):
    clips = split_clips(random_clips(seed), SplitOptions(by, 0.25, seed=seed))
    sides = {(source_of(clip), clip.split) for clip in clips}
    assert len(sides) == len({source for source, _ in sides})
    held_out = Counter(clip.split for clip in clips)["test"]
    assert 0.1 * len(clips) < held_out < 0.45 * len(clips)
    assert {clip.action for clip in clips if clip.split == "train"} == {"walk", "run", "jump"}
    if by == "subject":
        people = {(clip.subject, clip.split) for clip in clips}
        assert len(people) == 6


@pytest.mark.parametrize("by", ["random", "video", "subject"])
def test_the_seed_alone_decides(by):
    clips = random_clips(0)
    first, second = (split_clips(clips, SplitOptions(by, seed=4)) for _ in range(2))
    assert first == second
    assert any(split_clips(clips, SplitOptions(by, seed=seed)) != first for seed in range(5, 12))


def test_clips_without_a_source_are_each_their_own():
    clips = [a_clip(index, "walk") for index in range(10)]
    assert sum(clip.split == "test" for clip in stratified_split(clips, 0.3)) == 3


def test_a_share_of_nothing_holds_nothing_out():
    assert {clip.split for clip in stratified_split(random_clips(1), 0.0)} == {"train"}
    assert {clip.split for clip in split_clips(random_clips(1), SplitOptions("video", 0.0))} == {"train"}


def test_every_action_keeps_a_clip_to_learn_from():
    clips = [a_clip(0, "walk", source="a"), a_clip(1, "run", source="a"), a_clip(2, "walk", source="b")]
    split = stratified_split(clips, 0.5)
    assert {clip.action for clip in split if clip.split == "train"} == {"walk", "run"}
    assert [clip.split for clip in split] == ["train", "train", "test"]


@pytest.mark.parametrize("name", ["in/a b.mp4", "a b.mp4", "a b"])
def test_videos_are_held_out_by_name(name):
    clips = [a_clip(0, "walk", source="in/a b.mp4"), a_clip(1, "walk", source="in/c.mp4")]
    split = split_clips(clips, SplitOptions("video", test=(name,)))
    assert [clip.split for clip in split] == ["test", "train"]
    with pytest.raises(ValueError, match="No clip comes from d"):
        split_clips(clips, SplitOptions("video", test=("d",)))


def test_people_in_one_video_stay_together():
    clips = [
        a_clip(0, "walk", "ann", "duet.mp4"),
        a_clip(1, "walk", "bob", "duet.mp4"),
        a_clip(2, "walk", "bob", "solo.mp4"),
        a_clip(3, "walk", "cat", "other.mp4"),
    ]
    with pytest.raises(ValueError, match=r"duet\.mp4 shows ann, bob"):
        subject_split(clips, ["ann"])
    assert [clip.split for clip in subject_split(clips, ["ann", "bob"])] == ["test", "test", "test", "train"]
    for seed in range(6):
        split = split_clips(clips, SplitOptions("subject", 0.3, seed=seed))
        assert len({clip.split for clip in split[:3]}) == 1


def test_groups_join_over_any_key():
    clips = [
        a_clip(0, "x", "p", "1"),
        a_clip(1, "x", "q", "1"),
        a_clip(2, "x", "q", "2"),
        a_clip(3, "x", "r", "3"),
    ]
    assert grouped(clips, [source_of, lambda clip: f"subject {clip.subject}"]) == [[0, 1, 2], [3]]


@pytest.mark.parametrize(
    ("clips", "options", "said"),
    [
        ([a_clip(0, "walk"), a_clip(1, "walk")], SplitOptions("subject"), "no subject"),
        ([a_clip(0, "walk", "a", "x"), a_clip(1, "walk", "a", "x")], SplitOptions("video"), "hang together"),
        ([a_clip(0, "walk")], SplitOptions("random", test=("a",)), "by name"),
        ([a_clip(0, "walk")], SplitOptions("random", 1.0), "below 1"),
    ],
)
def test_a_split_that_cannot_be_is_refused(clips, options, said):
    with pytest.raises(ValueError, match=said):
        split_clips(clips, options)
