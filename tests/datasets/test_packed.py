"""The packed file says what the Motion files say, and never anything older."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from motionary.datasets import ClipConfig, Clips, Dataset, write_dataset
from motionary.datasets.folder import clip_record
from motionary.datasets.packed import PACKED_NAME, open_packed
from motionary.motion import Motion


def a_motion(num_frames: int, seed: int, fps: float = 30.0) -> Motion:
    rng = np.random.default_rng(seed)
    return Motion(
        pose=rng.normal(0, 0.3, (num_frames, 24, 3)),
        translation=rng.normal(0, 1, (num_frames, 3)),
        fps=fps,
        betas=rng.normal(0, 1, 10),
        valid=rng.random(num_frames) < 0.8,
    )


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    clips = []
    for seed, (split, length, fps) in enumerate([("train", 9, 30.0), ("test", 7, 60.0), ("train", 5, 25.0)]):
        motion = a_motion(length, seed, fps)
        motion.save(tmp_path / f"{seed}.npz")
        clips.append(replace(clip_record(motion, f"{seed}.npz", "walk"), split=split))
    return write_dataset(tmp_path, clips, fps=30.0)


def test_packed_motions_are_those_of_the_files(dataset):
    for _ in ("made", "opened"):
        packed = open_packed(dataset)
        for clip in dataset.clips:
            motion, truth = packed.motion(clip.path), Motion.load(dataset.root / clip.path)
            assert (motion.pose == truth.pose).all()
            assert (motion.translation == truth.translation).all()
            assert (motion.valid == truth.valid).all()
            assert (motion.betas == truth.betas).all()
            assert motion.fps == truth.fps


def test_the_packed_file_is_readable_safetensors(dataset):
    open_packed(dataset)
    arrays = load_file(dataset.root / PACKED_NAME)
    assert arrays["pose"].shape == (21, 24, 3)
    assert (arrays["betas"][1] == Motion.load(dataset.root / "1.npz").betas).all()


def test_a_split_packs_the_whole_data_set(dataset):
    open_packed(dataset.split("train"))
    before = (dataset.root / PACKED_NAME).stat()
    assert "1.npz" in open_packed(dataset.split("test"))
    assert (dataset.root / PACKED_NAME).stat().st_ino == before.st_ino


def test_unchanged_files_are_not_read_again(dataset, monkeypatch):
    open_packed(dataset)
    monkeypatch.setattr(Motion, "load", lambda path: pytest.fail(f"{path} was read"))
    assert len(open_packed(dataset).motion("0.npz")) == 9


def test_a_changed_file_is_read_again_and_the_others_are_not(dataset, monkeypatch):
    open_packed(dataset)
    changed = a_motion(9, 77)
    changed.save(dataset.root / "0.npz")
    read = []
    load = Motion.load
    monkeypatch.setattr(Motion, "load", lambda path: read.append(path.name) or load(path))
    assert (open_packed(dataset).motion("0.npz").pose == changed.pose).all()
    assert read == ["0.npz"]


def test_a_change_that_keeps_size_and_time_is_seen(dataset):
    path = dataset.root / "0.npz"
    open_packed(dataset)
    facts = path.stat()
    changed = replace(Motion.load(path), fps=31.0)
    changed.save(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert open_packed(dataset).motion("0.npz").fps == 31.0


@pytest.mark.parametrize("damage", [b"", b"\x08\0\0\0\0\0\0\0notjson!", b"\xff" * 64])
def test_a_damaged_packed_file_is_made_anew(dataset, damage):
    open_packed(dataset)
    (dataset.root / PACKED_NAME).write_bytes(damage)
    assert len(open_packed(dataset).motion("2.npz")) == 5


def test_a_cut_packed_file_is_made_anew(dataset):
    open_packed(dataset)
    whole = (dataset.root / PACKED_NAME).read_bytes()
    (dataset.root / PACKED_NAME).write_bytes(whole[:-40])
    assert (open_packed(dataset).motion("2.npz").betas == Motion.load(dataset.root / "2.npz").betas).all()


def test_what_is_done_to_a_motion_in_memory_stays_there(dataset):
    open_packed(dataset)
    open_packed(dataset).motion("0.npz").pose[:] = 5
    assert (open_packed(dataset).motion("0.npz").pose == Motion.load(dataset.root / "0.npz").pose).all()


def test_two_at_once_both_get_the_truth(dataset):
    with ThreadPoolExecutor(8) as pool:
        all_packed = list(pool.map(open_packed, [dataset] * 8))
    truth = Motion.load(dataset.root / "1.npz")
    assert all((packed.motion("1.npz").pose == truth.pose).all() for packed in all_packed)
    assert [path.name for path in dataset.root.iterdir() if path.name.startswith(".")] == []


def test_a_folder_without_an_index_gets_no_packed_file(dataset):
    (dataset.root / "dataset.json").unlink()
    loose = Dataset.load(dataset.root)
    assert (open_packed(loose).motion("0.npz").pose == Motion.load(dataset.root / "0.npz").pose).all()
    assert not (dataset.root / PACKED_NAME).exists()


def test_where_nothing_may_be_written_motions_are_read_all_the_same(dataset, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr("motionary.datasets.packed.open_atomically", refuse)
    assert len(open_packed(dataset).motion("0.npz")) == 9


def test_a_missing_or_damaged_file_is_named(dataset):
    open_packed(dataset)
    (dataset.root / "1.npz").write_bytes(b"no motion")
    assert len(open_packed(dataset.split("train")).motion("0.npz")) == 9
    with pytest.raises(ValueError, match=r"1\.npz"):
        Clips(dataset, ClipConfig(num_frames=4))
    (dataset.root / "1.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.npz"):
        open_packed(dataset)
