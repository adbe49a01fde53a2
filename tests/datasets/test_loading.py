"""What is loaded at once is what each clip would have given alone."""

import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from motionary.datasets import ClipConfig, Clips, Dataset, write_dataset
from motionary.datasets.folder import clip_record
from motionary.datasets.loading import ahead, load_features
from motionary.features import headings_rad, motion_to_features
from motionary.motion import Motion

CPU = torch.device("cpu")


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    clips = []
    for seed, fps in enumerate([30.0, 30.0, 120.0, 25.0, 25.0, 29.97]):
        rng = np.random.default_rng(seed)
        pose = rng.normal(0, 0.02, (30 + seed, 24, 3)).cumsum(0)
        Motion(pose=pose, translation=pose[:, 3] + 5, fps=fps).save(tmp_path / f"{seed}.npz")
        clips.append(clip_record(Motion.load(tmp_path / f"{seed}.npz"), f"{seed}.npz", "walk"))
    return write_dataset(tmp_path, clips, fps=30.0)


@pytest.mark.parametrize("fps", [30.0, 24.0, 60.0])
@pytest.mark.parametrize("frames_at_once", [4096, 40])
@pytest.mark.parametrize("most_in_memory", [1 << 28, 0])
def test_every_clip_is_resampled_from_its_own_rate(dataset, fps, frames_at_once, most_in_memory, monkeypatch):
    monkeypatch.setattr("motionary.datasets.loading.MOST_IN_MEMORY_BYTES", most_in_memory)
    monkeypatch.setattr("motionary.datasets.loading.FRAMES_AT_ONCE", frames_at_once)
    loaded = load_features(dataset, fps)
    for clip, start, length in zip(dataset.clips, loaded.starts, loaded.lengths, strict=True):
        motion = dataset.motion(clip).resample(fps)
        rows = slice(start, start + length)
        features = loaded.features.windows(np.arange(start, start + length)[None], CPU)[0]
        np.testing.assert_allclose(features, motion_to_features(motion), atol=2e-6)
        np.testing.assert_allclose(loaded.headings_rad[rows], headings_rad(motion), atol=2e-6)


def test_a_data_set_without_clips_has_no_features(dataset):
    assert len(load_features(dataset.split("test"), 30.0).headings_rad) == 0


def test_windows_from_a_file_are_those_from_memory(dataset, monkeypatch):
    rows = np.array([[3, 4, 4, 9], [150, 149, 20, 21]])
    expected = load_features(dataset, 30.0).features.windows(rows, CPU)
    monkeypatch.setattr("motionary.datasets.loading.MOST_IN_MEMORY_BYTES", 0)
    assert np.array_equal(load_features(dataset, 30.0).features.windows(rows, CPU), expected)


def test_memory_does_not_grow_with_the_number_of_clips(dataset, monkeypatch):
    monkeypatch.setattr("motionary.datasets.loading.MOST_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr("motionary.datasets.loading.FRAMES_AT_ONCE", 100)
    peaks = []
    for times in (1, 4, 20):
        many = replace(dataset, clips=dataset.clips * times)
        load_features(many, 30.0)  # which packs the motions
        tracemalloc.start()
        clips = Clips(many, ClipConfig(num_frames=20))
        clips.batch(range(6), np.random.default_rng(0))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    frames = [times * sum(clip.num_frames for clip in dataset.clips) for times in (1, 4, 20)]
    features_bytes = 600 * (frames[2] - frames[1])
    assert peaks[2] - peaks[1] < 0.2 * features_bytes  # what a clip is called, and how frames are turned


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_results_come_in_the_order_of_their_jobs(workers):
    def slow_at_first(job: int) -> int:
        time.sleep(0.02 / (job + 1))
        return job

    assert list(ahead(range(9), slow_at_first, workers)) == list(range(9))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failed_job_fails_when_its_turn_comes(workers):
    results = ahead([4, 2, 0, 1], lambda job: 8 // job, workers)
    assert [next(results), next(results)] == [2, 4]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_no_more_than_a_few_are_made_ahead():
    made = []
    results = ahead(range(100), made.append, 2)
    next(results)
    time.sleep(0.05)
    assert len(made) <= 6
    results.close()
