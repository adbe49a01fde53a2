from dataclasses import replace

import numpy as np
import pytest

from estimators import Scale, cast, recovery
from motionary.datasets import Dataset, write_dataset
from motionary.datasets.folder import clip_record
from motionary.estimators.batch import Entry


@pytest.fixture
def true(dataset, body, tmp_path):
    return cast(dataset, Scale(train_clips=2, test_clips=1, longest_s=0.4), body, tmp_path / "true")


def found_of(true, folder, change):
    """What an estimator that changes motions so makes of the videos."""
    records = []
    for clip in true.clips:
        motion, start_s = change(true.motion(clip))
        motion.save(folder / clip.path)
        record = clip_record(
            motion, clip.path, clip.action, source=clip.path.replace(".npz", ".mp4"), start_s=start_s
        )
        records.append(replace(record, split=clip.split))
    return write_dataset(folder, records, fps=true.fps)


def entries_of(true):
    return [Entry(clip.path, clip.path, clip.path, status="done") for clip in true.clips]


def test_so_many_clips_of_every_action_and_split_are_cut_and_stay(true, dataset, body, tmp_path):
    counts = {
        (action, split): sum((clip.action, clip.split) == (action, split) for clip in true.clips)
        for action in true.actions
        for split in ("train", "test")
    }
    assert counts == {(a, s): n for a in ("kick", "mirrored") for s, n in (("train", 2), ("test", 1))}
    assert {clip.num_frames for clip in true.clips} == {12}
    again = cast(dataset, Scale(train_clips=4), body, tmp_path / "true")
    assert again == Dataset.load(tmp_path / "true") == true


def test_a_perfect_estimate_has_no_error_wherever_it_puts_the_person(true, body, tmp_path):
    found = found_of(true, tmp_path / "found", lambda m: (m.turn(1.0).crop(3, 12), 3 / 30))
    numbers = recovery(found, true, entries_of(true), body)
    assert numbers.pa_mpjpe_mm == pytest.approx(0, abs=0.01)
    assert numbers.covered == pytest.approx(9 / 12)
    assert (numbers.videos, numbers.found, numbers.frames) == (6, 6, 72)


def test_a_wrong_pose_and_wrong_times_are_errors(true, body, tmp_path):
    def stretched(motion):
        pose = motion.pose.copy()
        pose[:, 4, 0] += 1.0
        return replace(motion, pose=pose), 0.0

    bent = recovery(found_of(true, tmp_path / "a", stretched), true, entries_of(true), body)
    late = recovery(
        found_of(true, tmp_path / "b", lambda m: (m.crop(0, 8), 4 / 30)),
        true,
        entries_of(true),
        body,
    )
    assert 5 < bent.pa_mpjpe_mm < 100
    assert 5 < late.pa_mpjpe_mm < 100


def test_frames_nobody_was_seen_in_are_not_covered(true, body, tmp_path):
    half = np.arange(12) % 2 == 0
    found = found_of(
        true, tmp_path / "found", lambda m: (replace(m, valid=half, trust=half.astype(np.float32)), 0.0)
    )
    assert recovery(found, true, entries_of(true), body).covered == 0.5
