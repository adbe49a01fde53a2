"""Published data sets: ACTOR's items of them to the last digit, and our Motions with their real labels."""

import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from motionary.datasets import Dataset
from motionary.datasets.actor_sampling import ActorFrames, ActorRandom
from motionary.datasets.humanact12 import read_humanact12
from motionary.datasets.ntu13 import TRAINING_SUBJECTS as NTU_SUBJECTS
from motionary.datasets.ntu13 import read_ntu13
from motionary.datasets.published import DATA_PROTOCOLS, actor_batch, actor_item
from motionary.datasets.published_import import PublishedImport, import_published_set
from motionary.datasets.uestc import TRAINING_SUBJECTS as UESTC_SUBJECTS
from motionary.datasets.uestc import read_uestc, root_way
from motionary.features import half_turn, motion_to_features
from motionary.labels import HUMANACT12_ACTIONS, NTU13_ACTIONS
from motionary.pickles import numbers, read_data_file

ACTOR = DATA_PROTOCOLS["actor"]
ITEM_TOLERANCE = 2e-6
"""Float32 rounding of values up to 2, as the vectors' README allows."""
FOLDERS = {"ntu13": "ntu13", "humanact12": "HumanAct12Poses", "uestc": "uestc"}


@pytest.fixture(scope="module")
def data(golden):
    return golden / "actor/data"


@pytest.fixture(scope="module")
def published(data):
    return {
        "ntu13": read_ntu13(data / "ntu13", ACTOR),
        "humanact12": read_humanact12(data / "HumanAct12Poses"),
    }


def theirs(item: torch.Tensor) -> np.ndarray:
    """(T, J, F) as the published (J, F, T)."""
    return item.permute(1, 2, 0).numpy()


# ---- golden ----


@pytest.mark.parametrize("name", ["ntu13", "humanact12"])
def test_items_are_the_published_ones(name, golden, published):
    expected, source = np.load(golden / f"actor/case4/loader_{name}.npz"), published[name]
    indices = source.indices("train", 60)
    assert len(indices) == expected["len"]
    assert len(source.actions) == expected["num_classes"]
    np.testing.assert_array_equal([len(clip) for clip in source.clips], expected["num_frames_in_video"])
    for row, (index, seed) in enumerate(zip(indices, expected["seeds"].tolist(), strict=True)):
        clip = source.clips[index]
        item = actor_item(clip, ActorFrames(60).choose(len(clip), ActorRandom(seed)))
        assert clip.label == expected["rot6d_trans_glob_60_y"][row]
        np.testing.assert_allclose(
            theirs(item), expected["rot6d_trans_glob_60_x"][row], atol=ITEM_TOLERANCE, rtol=0
        )


@pytest.mark.parametrize("name", ["ntu13", "humanact12"])
def test_every_representation_is_the_published_one(name, golden, published):
    expected = np.load(golden / f"actor/case4/loader_{name}.npz")
    clip = published[name].clips[int(expected["item_index"])]
    for key in (key for key in expected.files if key.startswith("item_") and key != "item_index"):
        _, representation, translation, global_rotation = key.split("_")
        item = actor_item(
            clip,
            np.arange(len(clip)),
            representation,
            translation=translation == "trans1",
            global_rotation=global_rotation == "glob1",
        )
        np.testing.assert_allclose(theirs(item), expected[key], atol=ITEM_TOLERANCE, rtol=0, err_msg=key)


@pytest.mark.parametrize("name", ["ntu13", "humanact12"])
def test_batches_are_padded_as_published(name, golden, published):
    expected, clips = np.load(golden / f"actor/case4/loader_{name}.npz"), published[name].clips
    chosen = [clips[index] for index in expected["collate_idx"]]
    longest = int(expected["collate_lengths"].max())
    rule = ActorFrames(-1, max_len=longest)
    # A clip at the longest length is cut at a drawn place: the items that are not cut are compared.
    items = [actor_item(clip, rule.choose(len(clip), ActorRandom(0))) for clip in chosen]
    batch = actor_batch(items, [clip.label for clip in chosen])
    np.testing.assert_array_equal(batch.labels, expected["collate_y"])
    np.testing.assert_array_equal(batch.mask, expected["collate_mask"])
    np.testing.assert_array_equal(batch.mask.sum(1), expected["collate_lengths"])
    for row, clip in enumerate(chosen):
        if len(clip) <= longest:
            got = theirs(batch.features[row])
            np.testing.assert_allclose(got, expected["collate_x"][row], atol=ITEM_TOLERANCE, rtol=0)


def test_uestc_is_split_and_turned_as_published(golden, data, golden_seed):
    expected, seed = np.load(golden / "actor/case4/loader_uestc.npz"), golden_seed("case4/loader_uestc")
    every, front = read_uestc(data / "uestc", protocol=ACTOR), read_uestc(data / "uestc", "frontview", ACTOR)
    for split in ("train", "test"):
        np.testing.assert_array_equal(every.indices(split, 60), expected[f"{split}_all"])
        np.testing.assert_array_equal(front.indices(split, 60), expected[f"{split}_front"])
        np.testing.assert_array_equal(every.indices(split, -1), expected[f"{split}_all_nf-1"])
        for row, index in enumerate(every.indices(split, 60)):
            clip = every.clips[index]
            frames = ActorFrames(60).choose(len(clip), ActorRandom(seed + row))
            assert clip.label == expected[f"{split}_y_{row}"]
            np.testing.assert_allclose(
                theirs(actor_item(clip, frames)), expected[f"{split}_x_{row}"], atol=ITEM_TOLERANCE, rtol=0
            )
            if f"xyz_{split}_x_{row}" in expected:
                item = actor_item(clip, frames, "xyz")
                np.testing.assert_allclose(
                    theirs(item), expected[f"xyz_{split}_x_{row}"], atol=ITEM_TOLERANCE, rtol=0
                )
    np.testing.assert_array_equal([len(clip) for clip in every.clips], expected["num_frames_in_video"])
    for index, clip in enumerate(every.clips):
        frames = slice(0, len(clip))  # theirs cuts later
        pose, joints = (expected[f"{what}_after_init_{index}"][frames] for what in ("pose", "joints"))
        np.testing.assert_allclose(clip.pose[:, 0], pose, atol=ITEM_TOLERANCE, rtol=0)
        np.testing.assert_allclose(clip.joints[:, [8, 0, 17]], joints, atol=ITEM_TOLERANCE, rtol=0)


def test_the_way_of_uestc_s_root_is_the_published_one(golden, data):
    expected = np.load(golden / "actor/case4/loader_uestc.npz")
    stored = read_data_file(data / "uestc/vibe_cache_refined.pkl")
    computed = [name for name in expected.files if name.startswith("globtrans_computed_")]
    assert computed
    for name in computed:
        index = int(name.rpartition("_")[2])
        way = root_way(numbers(stored["joints3d"][index]), numbers(stored["orig_cam"][index]))
        np.testing.assert_allclose(way, expected[name], atol=ITEM_TOLERANCE, rtol=0)


# ---- our reading ----


def test_ntu13_s_actions_and_subjects_come_from_the_names(data):
    source = read_ntu13(data / "ntu13")
    for clip in source.clips:
        assert source.actions[clip.label] == NTU13_ACTIONS[int(clip.name[-3:])]
        assert clip.subject == clip.name[8:12]
        assert (clip.split == "train") == (int(clip.name[9:12]) in NTU_SUBJECTS)
    train, test = source.indices("train", 60), source.indices("test", 60)
    assert sorted(train + test) == list(range(len(source)))
    assert all("no person 1" in item.reason for item in source.rejected)
    listed = (data / "ntu13/ntu_vibe_list.txt").read_text().split()
    assert len(source) + len(source.rejected) == len(listed)


def test_subject_lists_have_the_published_sizes():
    assert (len(NTU_SUBJECTS), len(UESTC_SUBJECTS)) == (53, 51)
    assert len([subject for subject in NTU_SUBJECTS if subject <= 40]) == 20


def test_a_capital_a_in_the_path_does_not_change_the_action(data, tmp_path):
    shutil.copytree(data / "ntu13", tmp_path / "ntu13")
    lines = (data / "ntu13/ntu_vibe_list.txt").read_text().split()
    (tmp_path / "ntu13/refined_ntu").rename(tmp_path / "ntu13/A1_refined")
    (tmp_path / "ntu13/ntu_vibe_list.txt").write_text(
        "\n".join(line.replace("refined_ntu", "A1_refined") for line in lines)
    )
    labels = [
        [clip.label for clip in read_ntu13(folder).clips] for folder in (tmp_path / "ntu13", data / "ntu13")
    ]
    assert labels[0] == labels[1]


def test_ours_keeps_short_clips_and_turns_exactly(data):
    ours, actor = read_uestc(data / "uestc"), read_uestc(data / "uestc", protocol=ACTOR)
    assert set(ours.indices("train", 60)) >= set(actor.indices("train", 60))
    for clip, other in zip(ours.clips, actor.clips, strict=True):
        np.testing.assert_allclose(np.cos(clip.pose[:, 0]), np.cos(other.pose[:, 0]), atol=5e-3)
        if clip.split is None:
            assert clip.name in [item.source for item in ours.rejected]


# ---- import ----


@pytest.fixture(scope="module")
def imported(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("imported")
    return {name: import_published_set(data / folder, name, out / name) for name, folder in FOLDERS.items()}


def test_imported_motions_turned_back_are_the_published_items(imported, data):
    sources = {
        "ntu13": read_ntu13(data / "ntu13"),
        "humanact12": read_humanact12(data / "HumanAct12Poses"),
        "uestc": read_uestc(data / "uestc"),
    }
    for name, dataset in imported.items():
        clips = {clip.name: clip for clip in sources[name].clips}
        for record in dataset.clips:
            clip = clips[record.path.rpartition("/")[2].removesuffix(".npz")]
            features = torch.from_numpy(motion_to_features(dataset.motion(record)))
            expected = actor_item(clip, np.arange(len(clip)))
            # axis-angle -> matrix -> axis-angle once more, in float32
            torch.testing.assert_close(half_turn(features), expected, atol=1e-5, rtol=0)


def test_imported_sets_have_their_labels_rates_and_subjects(imported):
    assert imported["ntu13"].actions == tuple(NTU13_ACTIONS.values())
    assert imported["humanact12"].actions == HUMANACT12_ACTIONS
    assert imported["ntu13"].fps == 30.0
    splits = {(clip.subject, clip.split) for clip in imported["ntu13"].clips}
    assert len({subject for subject, _ in splits}) == len(splits)
    assert all((int(s[1:]) in NTU_SUBJECTS) == (split == "train") for s, split in splits)
    splits = {(clip.subject, clip.split) for clip in imported["uestc"].clips}
    assert all((int(s[1:]) in UESTC_SUBJECTS) == (split == "train") for s, split in splits)


def test_imported_people_stand_upright_on_the_ground(imported, published):
    for name in ("ntu13", "humanact12"):
        dataset = imported[name]
        for record, clip in zip(dataset.clips, published[name].clips, strict=True):
            motion = dataset.motion(record)
            camera_down = clip.joints[:, 0, 1] - clip.joints[0, 0, 1]
            np.testing.assert_allclose(
                motion.translation[:, 1] - motion.translation[0, 1], -camera_down, atol=1e-5
            )


def test_clips_of_unknown_people_are_drawn_for_testing(data, tmp_path):
    pose, joints = np.zeros((6, 72)), np.zeros((6, 24, 3))
    stored = {"poses": [pose] * 10, "joints3D": [joints] * 10, "y": [0, 1] * 5, "oldposes": []}
    (tmp_path / "humanact12poses.pkl").write_bytes(pickle.dumps(stored))
    dataset = import_published_set(
        tmp_path, "humanact12", tmp_path / "out", PublishedImport(test_fraction=0.4)
    )
    assert dataset.actions == HUMANACT12_ACTIONS[:2]
    assert [row["test"] for row in dataset.summary()["actions"]] == [2, 2]
    faster = import_published_set(tmp_path, "humanact12", tmp_path / "fast", PublishedImport(fps=40.0))
    assert {(clip.fps, clip.num_frames) for clip in faster.clips} == {(40.0, 11)}


def test_published_clips_that_look_wrong_are_named(tmp_path):
    pose, joints = np.random.default_rng(0).normal(0, 0.1, (20, 72)), np.zeros((20, 24, 3))
    stored = {"poses": [pose, np.degrees(pose)], "joints3D": [joints] * 2, "y": [0, 1], "oldposes": []}
    (tmp_path / "humanact12poses.pkl").write_bytes(pickle.dumps(stored))
    dataset = import_published_set(tmp_path, "humanact12", tmp_path / "out")
    good, spoilt = dataset.clips
    assert good.suspect is None
    assert "degrees taken for radians" in spoilt.suspect


def test_damaged_or_malicious_files_are_refused_and_leave_nothing(data, tmp_path):
    folder = tmp_path / "HumanAct12Poses"
    folder.mkdir()
    for content, message in [
        (b"cos\nsystem\n(S'true'\ntR.", "system"),
        (pickle.dumps({"poses": []}), "is no HumanAct12 file"),
        (pickle.dumps({"poses": [1], "joints3D": [], "y": []}), "as many poses"),
        (pickle.dumps({"poses": [np.zeros((2, 5))], "joints3D": [0], "y": [0]}), r"\(T, 72\)"),
        (
            pickle.dumps({"poses": [np.zeros((2, 72))], "joints3D": [np.zeros((3, 24, 3))], "y": [0]}),
            "joints",
        ),
        (
            pickle.dumps({"poses": [np.zeros((2, 72))], "joints3D": [np.zeros((2, 24, 3))], "y": [12]}),
            "labels",
        ),
    ]:
        (folder / "humanact12poses.pkl").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            import_published_set(folder, "humanact12", tmp_path / "out")
    for name in ("ntu13", "uestc", "humanact12"):
        with pytest.raises(FileNotFoundError, match="expected the folder"):
            import_published_set(tmp_path / "empty", name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_imports_a_published_set(data, tmp_path):
    command = [sys.executable, "-m", "motionary", "import", data / "uestc", "--format", "uestc"]
    run = subprocess.run([*command, "--out", tmp_path / "o"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    dataset = Dataset.load(tmp_path / "o")
    names = (data / "uestc/info/action_classes.txt").read_text().splitlines()
    assert set(dataset.actions) <= set(names)
    assert str(len(dataset)) in run.stdout
    again = subprocess.run([*command, "--out", tmp_path / "o"], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert len(again.stderr.strip().splitlines()) == 1
