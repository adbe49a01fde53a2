from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from motionary.evaluation.real import WINDOWS_PER_CLIP, RealFeatures, check_same_actions


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
    compared, second = real.draw(100, np.random.default_rng(0))
    assert_array_equal(np.sort(compared.clip), np.unique(real.windows.clip))
    assert_array_equal(np.sort(second.labels), np.sort(compared.labels))
    assert len(np.unique(second.clip)) == len(second.clip)


def test_a_draw_takes_no_more_than_asked_for(real):
    compared, second = real.draw(3, np.random.default_rng(0))
    assert len(compared.labels) == len(second.labels) == 3


def test_a_draw_from_too_few_others_repeats_clips_evenly(real):
    swapped = replace(real, windows=real.others, others=real.windows)  # 6 and 5 clips against 4 and 3
    compared, second = swapped.draw(100, np.random.default_rng(0))
    wanted = compared.labels[compared.labels != 2]  # the test split has no clip of the third action
    assert_array_equal(np.sort(second.labels), np.sort(wanted))
    assert np.unique(second.clip, return_counts=True)[1].max() == 2


def test_without_another_split_the_second_sample_is_other_windows(real):
    compared, second = replace(real, others=None).draw(100, np.random.default_rng(0))
    assert_array_equal(np.sort(second.labels), np.sort(compared.labels))
    taken = {tuple(row) for row in compared.features} & {tuple(row) for row in second.features}
    assert len(taken) < len(compared.features)


def test_whole_clips_without_another_split_have_no_second_sample(real, dataset, recogniser):
    whole = replace(recogniser, num_frames=-1)
    features = RealFeatures.of(dataset.split("test"), whole)
    assert (features.windows.lengths == 20).all()
    assert features.draw(100, np.random.default_rng(0))[1] is None


def test_too_few_clips_are_refused(dataset, recogniser):
    with pytest.raises(ValueError, match="at least two clips in the test split"):
        RealFeatures.of(dataset.split("train"), recogniser)


def test_different_actions_are_listed():
    check_same_actions(model=("a", "b"), recogniser=("a", "b"))
    with pytest.raises(ValueError, match=r"\[a, b\].*\[b, a\]"):
        check_same_actions(model=("a", "b"), recogniser=("b", "a"))
