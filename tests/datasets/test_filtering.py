"""A filter drops what it says, with a reason, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from motionary.datasets import Dataset, write_dataset
from motionary.datasets.filtering import FilterOptions, filter_clips, top_speeds_m_s
from motionary.datasets.folder import clip_record
from motionary.motion import Motion


def swinging(num_frames: int, seed: int, fps: float = 30.0) -> Motion:
    """An arm that swings at a pace of its own."""
    time_s = np.arange(num_frames) / fps
    pose = np.zeros((num_frames, 24, 3))
    pose[:, 16, 2] = np.sin(time_s * (5 + 0.1 * seed))
    return Motion(pose=pose, translation=np.zeros((num_frames, 3)), fps=fps)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    motions = {f"swing{seed}": swinging(60, seed) for seed in range(8)}
    still = swinging(60, 0)
    away = np.where(np.arange(60) < 30, 0, 1)[:, None] * np.ones(3)  # 52 m/s from one frame to the next
    motions["jump"] = replace(still, translation=away)
    motions["short"] = swinging(10, 1)
    motions["fast"] = swinging(240, 2, fps=120.0)
    motions["unseen"] = replace(
        swinging(60, 3), valid=np.arange(60) < 20, trust=(np.arange(60) < 20).astype(float)
    )
    motions["doubted"] = replace(swinging(60, 4), trust=np.full(60, 0.3))
    clips = []
    for name, motion in motions.items():
        motion.save(tmp_path / f"{name}.npz")
        clips.append(clip_record(motion, f"{name}.npz", "swing", "ann" if name == "fast" else "bob"))
    clips[1] = replace(clips[1], verdict="bad")
    clips[2] = replace(clips[2], verdict="good", action="wave")
    return write_dataset(tmp_path, clips, fps=30.0)


@pytest.mark.parametrize(
    ("options", "dropped", "reason"),
    [
        (FilterOptions(min_s=1.0), {"short"}, "0.33 s, less than 1 s"),
        (
            FilterOptions(max_s=1.5),
            {*(f"swing{k}" for k in range(8)), "jump", "fast", "unseen", "doubted"},
            "2.00 s",
        ),
        (FilterOptions(min_coverage=0.5), {"unseen"}, "33% of its frames"),
        (FilterOptions(min_trust=0.4), {"unseen", "doubted"}, "trust is 0.3"),
        (FilterOptions(verdicts=("good",)), {"swing1"}, "verdict is bad"),
        (FilterOptions(max_speed_m_s=20.0), {"jump"}, "m/s, above 20 m/s"),
        (FilterOptions(speed_outliers=5.0), {"jump"}, "deviations"),
        (FilterOptions(actions=("wave",), max_speed_m_s=20.0), None, "shows swing"),
        (FilterOptions(subjects=("bob",)), {"fast"}, "shows ann"),
    ],
)
def test_each_bound_drops_its_own(dataset, options, dropped, reason):
    edit = filter_clips(dataset, options)
    names = {item.source.removesuffix(".npz") for item in edit.dropped}
    assert names == ({*names} - {"swing2"} if dropped is None else dropped)
    assert all(reason in item.reason for item in edit.dropped if dropped is None or len(dropped) == 1)
    assert len(edit.clips) + len(edit.dropped) == len(dataset)
    assert [clip for clip in dataset.clips if clip in edit.clips] == list(edit.clips)


def test_options_given_are_noted_and_others_not(dataset):
    assert filter_clips(dataset, FilterOptions(min_s=0.5)).options == {"min_s": 0.5}


def test_speed_is_metres_per_second_whatever_the_frame_rate(dataset):
    speeds = dict(zip((clip.path for clip in dataset.clips), top_speeds_m_s(dataset), strict=True))
    assert speeds["fast.npz"] == pytest.approx(speeds["swing2.npz"], rel=0.02)
    assert speeds["jump.npz"] == pytest.approx(30 * 3**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (FilterOptions(actions=("fly",)), "no action fly; it has: swing, wave"),
        (FilterOptions(subjects=("eve",)), "no subject eve; it has: ann, bob"),
    ],
)
def test_names_that_nothing_has_are_refused(dataset, options, said):
    with pytest.raises(ValueError, match=said):
        filter_clips(dataset, options)
    with pytest.raises(ValueError, match="has a verdict"):
        filter_clips(replace(dataset, clips=dataset.clips[3:]), FilterOptions(verdicts=("good",)))


@pytest.mark.parametrize(
    "bounds", [{"min_s": -1.0}, {"min_s": 2.0, "max_s": 1.0}, {"max_speed_m_s": float("nan")}]
)
def test_bounds_that_nothing_can_keep_are_refused(bounds):
    with pytest.raises(ValueError, match="must"):
        FilterOptions(**bounds)
