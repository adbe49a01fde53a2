from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from motionary.evaluation.physical import MEASURES
from motionary.evaluation.real import RealFeatures, check_same_actions
from motionary.evaluation.windows import WINDOWS_PER_CLIP


@pytest.fixture
def real(dataset, recogniser):
    return RealFeatures.of(dataset, recogniser)


def same(first, second):
    return all(np.array_equal(array, getattr(second, name)) for name, array in vars(first).items())


def test_every_clip_of_the_split_gives_its_windows(real, dataset):
    assert real.windows.features.shape == (WINDOWS_PER_CLIP * 7, 30)
    assert real.others.features.shape == (WINDOWS_PER_CLIP * 13, 30)
    assert_array_equal(np.unique(real.windows.clip, return_counts=True)[1], WINDOWS_PER_CLIP)
    assert real.actions == dataset.actions


def test_saved_features_are_the_same_when_loaded(real, tmp_path):
    real.save(tmp_path / "real.safetensors")
    loaded = RealFeatures.load(tmp_path / "real.safetensors")
    assert same(loaded.windows, real.windows)
    assert same(loaded.others, real.others)
    assert (loaded.actions, loaded.split) == (real.actions, real.split)
    assert loaded.recogniser_digest == real.recogniser_digest
    replace(real, others=None).save(tmp_path / "real.safetensors")
    assert RealFeatures.load(tmp_path / "real.safetensors").others is None


def test_physical_numbers_go_with_their_windows(real, tmp_path):
    assert real.physics.measures.shape == (WINDOWS_PER_CLIP * 7, len(MEASURES))
    real.save(tmp_path / "real.safetensors")
    loaded = RealFeatures.load(tmp_path / "real.safetensors")
    assert_array_equal(loaded.physics.measures, real.physics.measures)
    assert_array_equal(loaded.physics.habits.range_m, real.physics.habits.range_m)
    sample = loaded.draw(5, np.random.default_rng(0))
    for features, measures in zip(sample.compared.features, sample.measures, strict=True):
        index = np.flatnonzero((real.windows.features == features).all(1))[0]
        assert_array_equal(measures, real.physics.measures[index])


def test_files_without_physical_numbers_are_read(real, tmp_path):
    replace(real, physics=None).save(tmp_path / "older.safetensors")
    loaded = RealFeatures.load(tmp_path / "older.safetensors")
    assert loaded.physics is None
    assert loaded.draw(5, np.random.default_rng(0)).measures is None


def test_a_draw_with_replacement_has_the_number_asked_for(real):
    sample = real.draw_with_replacement(50, np.random.default_rng(0))
    assert len(sample.compared.labels) == len(sample.second.labels) == 50
    assert not same(sample.compared, sample.second)


def test_training_windows_are_those_of_the_train_split(real, dataset, recogniser):
    assert len(np.unique(real.training().clip)) == 13
    flipped = RealFeatures.of(dataset, recogniser, split="train")
    assert len(np.unique(flipped.training().clip)) == 13
    assert replace(real, others=None).training() is None


@pytest.mark.parametrize("content", [b"", b"something else", b"PK\x03\x04"])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "real.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        RealFeatures.load(tmp_path / "real.safetensors")
    with pytest.raises(FileNotFoundError, match="No model file"):
        RealFeatures.load(tmp_path / "missing.npz")


def test_another_safetensors_file_is_refused(recogniser, tmp_path):
    recogniser.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="not a readable file of real features"):
        RealFeatures.load(tmp_path / "model.safetensors")


def test_a_draw_takes_one_window_of_every_clip_and_as_many_others_of_each_action(real):
    sample = real.draw(100, np.random.default_rng(0))
    compared, second = sample.compared, sample.second
    assert_array_equal(np.sort(compared.clip), np.unique(real.windows.clip))
    assert_array_equal(np.sort(second.labels), np.sort(compared.labels))
    assert len(np.unique(second.clip)) == len(second.clip)


def test_a_draw_takes_no_more_than_asked_for(real):
    sample = real.draw(3, np.random.default_rng(0))
    compared, second = sample.compared, sample.second
    assert len(compared.labels) == len(second.labels) == 3


def test_a_draw_from_too_few_others_repeats_clips_evenly(real):
    swapped = replace(
        real, windows=real.others, others=real.windows, physics=None
    )  # 6 and 5 clips against 4 and 3
    sample = swapped.draw(100, np.random.default_rng(0))
    compared, second = sample.compared, sample.second
    wanted = compared.labels[compared.labels != 2]  # the test split has no clip of the third action
    assert_array_equal(np.sort(second.labels), np.sort(wanted))
    assert np.unique(second.clip, return_counts=True)[1].max() == 2


def test_without_another_split_the_second_sample_is_other_windows(real):
    sample = replace(real, others=None).draw(100, np.random.default_rng(0))
    compared, second = sample.compared, sample.second
    assert_array_equal(np.sort(second.labels), np.sort(compared.labels))
    taken = {tuple(row) for row in compared.features} & {tuple(row) for row in second.features}
    assert len(taken) < len(compared.features)


def test_whole_clips_without_another_split_have_no_second_sample(real, dataset, recogniser):
    whole = replace(recogniser, num_frames=-1)
    features = RealFeatures.of(dataset.split("test"), whole)
    assert (features.windows.lengths == 20).all()
    assert features.draw(100, np.random.default_rng(0)).second is None


def test_too_few_clips_are_refused(dataset, recogniser):
    with pytest.raises(ValueError, match="at least two clips in the test split"):
        RealFeatures.of(dataset.split("train"), recogniser)


def test_different_actions_are_listed():
    check_same_actions(model=("a", "b"), recogniser=("a", "b"))
    with pytest.raises(ValueError, match=r"\[a, b\].*\[b, a\]"):
        check_same_actions(model=("a", "b"), recogniser=("b", "a"))
