"""Edits keep motions and their history, and leave what they start from alone."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motionary.datasets import Dataset, Rejected, write_dataset
from motionary.datasets.editing import Edit, merge, write_edited
from motionary.datasets.folder import clip_record
from motionary.datasets.relabelling import mirror_pairs, read_renames, relabel, renames_of
from motionary.motion import Motion


def a_data_set(root: Path, *labelled: tuple[str, int], fps: float = 30.0, **facts) -> Dataset:
    """Clips of an action and a seed each."""
    clips = []
    for action, seed in labelled:
        pose = np.random.default_rng(seed).normal(0, 0.1, (20 + seed, 24, 3))
        motion = Motion(pose=pose, translation=pose[:, 0], fps=fps, action=action)
        motion.save(root / action / f"{seed}.npz")
        clips.append(clip_record(motion, f"{action}/{seed}.npz", action, source=f"{seed}.mp4"))
    facts = {"licence": "CC0", "provenance": {"made_by": "hand"}, **facts}
    return write_dataset(root, clips, fps=fps, rejected=[Rejected("x.mp4", "dark")], **facts)


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return a_data_set(tmp_path / "data", ("walk", 1), ("walk", 2), ("run", 3), ("hop", 4))


def test_the_source_is_untouched_and_the_history_kept(dataset, tmp_path):
    before = digests(dataset.root)
    kept = Edit("filter", {"min_s": 1}, dataset.clips[:2], (Rejected("run/3.npz", "short"),))
    made = write_edited(dataset, kept, tmp_path / "out")
    assert digests(dataset.root) == before
    assert made == Dataset.load(tmp_path / "out")
    assert made.actions == ("walk",)
    assert made.rejected == (*dataset.rejected, Rejected("run/3.npz", "short"))
    assert made.licence == "CC0"
    origin = made.provenance["from"][0]
    assert origin["name"] == "data"
    assert origin["clips"] == 4
    assert origin["index_sha256"] == before["dataset.json"]
    assert origin["provenance"] == {"made_by": "hand"}
    assert (made.provenance["clips"], made.provenance["dropped"]) == (2, 1)
    assert made.provenance["options"] == {"min_s": 1}
    assert (made.motions()[0].pose == dataset.motions()[0].pose).all()


def test_in_place_changes_the_index_alone(dataset):
    before = digests(dataset.root)
    write_edited(dataset, Edit("filter", {}, dataset.clips[:1]), None)
    after = digests(dataset.root)
    assert [name for name in before if before[name] != after[name]] == ["dataset.json"]
    assert before.keys() == after.keys()
    assert len(Dataset.load(dataset.root)) == 1


def test_an_edit_that_leaves_nothing_or_fails_halfway_leaves_nothing_behind(dataset, tmp_path):
    with pytest.raises(ValueError, match=r"No clip .* would be left: walk/1.npz: short"):
        write_edited(dataset, Edit("filter", {}, (), (Rejected("walk/1.npz", "short"),)), tmp_path / "out")
    (dataset.root / "hop/4.npz").unlink()
    with pytest.raises(OSError, match=r"4\.npz"):
        write_edited(dataset, Edit("split", {}, dataset.clips), tmp_path / "out")
    with pytest.raises(ValueError, match="already in use"):
        write_edited(dataset, Edit("split", {}, dataset.clips), dataset.root)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_relabelled_files_say_their_new_action(dataset, tmp_path):
    made = write_edited(dataset, relabel(dataset, {"walk": "go", "run": "go"}), tmp_path / "out")
    assert made.actions == ("hop", "go")
    assert [clip.action for clip in made.clips] == ["go", "go", "go", "hop"]
    assert [Motion.load(made.root / clip.path).action for clip in made.clips] == ["go", "go", "go", "hop"]
    assert {clip.path.split("/")[0] for clip in made.clips} == {"go", "hop"}
    assert [clip.source for clip in made.clips] == [clip.source for clip in dataset.clips]


def test_renaming_happens_all_at_once(dataset, tmp_path):
    made = write_edited(dataset, relabel(dataset, {"walk": "run", "run": "walk"}, ["hop"]), tmp_path / "out")
    assert [clip.action for clip in made.clips] == ["run", "run", "walk"]
    assert made.rejected[-1] == Rejected("hop/4.npz", "dropped with hop")


def test_one_clip_can_be_named_alone(dataset):
    edit = relabel(dataset, {"walk/2.npz": "crawl"}, ["hop/4.npz"])
    assert [clip.action for clip in edit.clips] == ["walk", "crawl", "run"]
    assert edit.dropped == (Rejected("hop/4.npz", "dropped"),)


@pytest.mark.parametrize("names", [{"fly": "walk"}, {"walk": " "}])
def test_a_name_that_means_nothing_is_refused(dataset, names):
    with pytest.raises(ValueError, match=r"fly.*hop, run, walk|is empty"):
        relabel(dataset, names)


def test_a_table_of_names_is_read(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("\ufeffold,new,why\nwalk,go,short\nrun/3.npz,go,\nhop,,never\n", encoding="utf-8")
    assert read_renames(path) == ({"walk": "go", "run/3.npz": "go"}, ("hop",))
    path.write_text("old,new\nwalk,go\nwalk,run\n")
    with pytest.raises(ValueError, match=r"line 3.*another name"):
        read_renames(path)
    path.write_text("from,to\nwalk,go\n")
    with pytest.raises(ValueError, match="columns old,new"):
        read_renames(path)


def test_words_of_new_names_are_checked():
    assert renames_of(["a=b", "b = a"]) == {"a": "b", "b": "a"}
    for words in (["a"], ["a="], ["a=b", "a=c"]):
        with pytest.raises(ValueError, match=r"OLD=NEW|both"):
            renames_of(words)


def test_merging_keeps_every_motion_once(dataset, tmp_path):
    other = a_data_set(tmp_path / "other", ("walk", 2), ("walk", 7), ("crawl", 8), licence="MIT")
    made = merge([dataset, other], tmp_path / "out")
    assert made.actions == ("hop", "run", "walk", "crawl")
    assert len(made) == 6
    assert made.rejected[-1] == Rejected("other/walk/2.npz", "the same motion as data/walk/2.npz")
    assert made.licence == "CC0 AND MIT"
    assert [origin["clips"] for origin in made.provenance["from"]] == [4, 3]
    poses = {motion.pose.tobytes() for part in (dataset, other) for motion in part.motions()}
    assert {motion.pose.tobytes() for motion in made.motions()} == poses


def test_merging_keeps_frame_rates(dataset, tmp_path):
    other = a_data_set(tmp_path / "other", ("walk", 9), fps=50.0)
    made = merge([dataset, other], tmp_path / "out")
    assert [clip.fps for clip in made.clips] == [30.0] * 4 + [50.0]
    assert made.fps == 30.0


def test_merging_never_puts_a_recording_on_both_sides(dataset, tmp_path):
    held_out = tuple(replace(clip, split="test") for clip in dataset.clips)
    write_edited(dataset, Edit("split", {}, held_out), tmp_path / "held_out")
    part = Dataset.load(tmp_path / "held_out")
    other = a_data_set(tmp_path / "other", ("jump", 1))
    made = merge([part, other], tmp_path / "out")
    assert [(clip.source, clip.split) for clip in made.clips] == [
        ("1.mp4", "train"), ("2.mp4", "test"), ("3.mp4", "test"), ("4.mp4", "test"), ("1.mp4", "train"),
    ]  # fmt: skip
    assert made.provenance["moved_to_train"] == 1


def test_a_motion_with_two_labels_is_not_merged(dataset, tmp_path):
    other = a_data_set(tmp_path / "other", ("walk", 5))
    (other.root / "walk/5.npz").write_bytes((dataset.root / "run/3.npz").read_bytes())
    with pytest.raises(ValueError, match=r"labelled walk and the other run"):
        merge([dataset, other], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="two data sets"):
        merge([dataset], tmp_path / "out")


def test_what_mirror_images_show_is_kept_with_the_data_set(dataset, tmp_path):
    made = write_edited(dataset, mirror_pairs(dataset, {"walk": "run"}), None)
    assert Dataset.load(dataset.root).mirrored_actions() == {"hop": "hop", "run": "walk", "walk": "run"}
    renamed = write_edited(made, relabel(made, {"walk": "go"}), tmp_path / "renamed")
    assert renamed.mirrored_actions() == {"hop": "hop", "run": "go", "go": "run"}
    kept = tuple(clip for clip in made.clips if clip.action != "run")
    assert write_edited(made, Edit("filter", {}, kept), tmp_path / "kept").mirror == {}
    with pytest.raises(ValueError, match="two actions"):
        mirror_pairs(dataset, {"walk": "run", "hop": "run"})
    with pytest.raises(ValueError, match="fly"):
        mirror_pairs(dataset, {"walk": "fly"})
