"""A data set folder says what it holds, and refuses what it cannot."""

import json
from dataclasses import replace

import numpy as np
import pytest

from motionary.datasets import ClipRecord, Dataset, Rejected, stratified_split, write_dataset
from motionary.datasets.folder import clip_record
from motionary.datasets.splitting import subject_split
from motionary.motion import Motion


def still(num_frames: int = 5) -> Motion:
    return Motion(pose=np.zeros((num_frames, 24, 3)), translation=np.zeros((num_frames, 3)), fps=30.0)


def records(**counts: int) -> list[ClipRecord]:
    return [
        ClipRecord(f"{action}/{i}.npz", action, 30, 30.0, subject=f"s{i % 2}")
        for action, count in counts.items()
        for i in range(count)
    ]


def test_an_index_reads_back_as_written(tmp_path):
    for name in ("walk/a", "jump/b"):
        still().save(tmp_path / f"{name}.npz")
    clips = [clip_record(still(), f"{name}.npz", name.split("/")[0]) for name in ("walk/a", "jump/b")]
    written = write_dataset(tmp_path, clips, fps=30.0, rejected=[Rejected("c", "one frame")], licence="CC0")
    assert Dataset.load(tmp_path) == written
    assert written.actions == ("jump", "walk")
    assert [motion.action for motion in written.motions()] == ["walk", "jump"]


def test_a_folder_without_index_takes_labels_from_files_then_folders(tmp_path):
    still().save(tmp_path / "walk" / "a.npz")
    replace(still(), action="jump").save(tmp_path / "walk" / "b.npz")
    (tmp_path / "walk" / "broken.npz").write_bytes(b"no zip")
    dataset = Dataset.load(tmp_path)
    assert [clip.action for clip in dataset.clips] == ["walk", "jump"]
    assert [item.source for item in dataset.rejected] == ["walk/broken.npz"]


def test_a_stratified_split_holds_out_a_share_of_every_action():
    clips = stratified_split(records(walk=10, jump=2, sit=1), 0.2)
    held_out = [clip.action for clip in clips if clip.split == "test"]
    assert sorted(held_out) == ["jump", "walk", "walk"]
    assert clips == stratified_split(records(walk=10, jump=2, sit=1), 0.2)


def test_a_subject_split_never_shares_a_subject():
    clips = subject_split(records(walk=4, jump=3), {"s1"})
    assert {clip.subject for clip in clips if clip.split == "test"} == {"s1"}
    assert {clip.subject for clip in clips if clip.split == "train"} == {"s0"}
    with pytest.raises(ValueError, match="subjects are: s0, s1"):
        subject_split(clips, {"nobody"})


def test_the_summary_counts_clips_and_reasons(tmp_path):
    dataset = replace(
        Dataset(tmp_path, ("jump", "walk"), 30.0, stratified_split(records(walk=10, jump=5), 0.2)),
        rejected=(Rejected("x.bvh", "cut short"),),
    )
    summary = dataset.summary()
    assert [(row["action"], row["clips"], row["test"]) for row in summary["actions"]] == [
        ("jump", 5, 1),
        ("walk", 10, 2),
    ]
    assert json.loads(json.dumps(summary))["rejected"] == [{"source": "x.bvh", "reason": "cut short"}]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"format_version": 99}',
        b'{"format_version": 1, "actions": ["a"], "fps": 30, "clips": [{"path": "x"}], "rejected": []}',
    ],
)
def test_a_damaged_index_is_one_clear_error(tmp_path, content):
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"dataset\.json"):
        Dataset.load(tmp_path)


def test_an_index_may_not_name_files_outside_its_folder(tmp_path):
    clip = ClipRecord("../outside.npz", "walk", 5, 30.0)
    with pytest.raises(ValueError, match="outside"):
        write_dataset(tmp_path, [clip], fps=30.0) and Dataset.load(tmp_path)


def test_missing_folders_and_empty_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Dataset.load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="No Motion file"):
        Dataset.load(tmp_path)


def test_an_unknown_action_lists_the_known_ones(tmp_path):
    dataset = Dataset(tmp_path, ("jump", "walk"), 30.0, ())
    with pytest.raises(ValueError, match="jump, walk"):
        dataset.label("fly")


@pytest.mark.parametrize(
    "path", ["../out.npz", "/dev/zero", "link.npz", "links/a.npz", "circle.npz", "nul\0.npz", "\ud800.npz"]
)
def test_an_index_that_leads_out_of_its_folder_is_refused(path, tmp_path):
    root = tmp_path / "data"
    still().save(root / "a.npz")
    still().save(tmp_path / "out.npz")
    (root / "link.npz").symlink_to(tmp_path / "out.npz")
    (root / "links").symlink_to(tmp_path)
    (root / "circle.npz").symlink_to("circle.npz")
    write_dataset(root, [clip_record(still(), "a.npz", "walk")], fps=30.0)
    index = root / "dataset.json"
    index.write_text(index.read_text().replace('"a.npz"', json.dumps(path)))
    with pytest.raises(ValueError, match=r"dataset\.json names .* files outside its folder"):
        Dataset.load(root)


def test_a_clip_of_more_frames_than_any_motion_is_refused(tmp_path):
    write_dataset(tmp_path, [replace(records(walk=1)[0], num_frames=10**400)], fps=30.0)
    with pytest.raises(ValueError, match="MOTIONARY_MAX_FRAMES"):
        Dataset.load(tmp_path)


def test_labels_and_sources_are_taken_for_what_can_be_written_of_them(tmp_path):
    """Names of files may be bytes of no encoding, or work a terminal."""
    still().save(tmp_path / "a.npz")
    clips = [clip_record(still(), "a.npz", "caf\udce9\nau lait", source="\x1b[2Ja.bvh")]
    write_dataset(tmp_path, clips, fps=30.0, rejected=[Rejected("b\udcff.bvh", "no\nBVH")])
    dataset = Dataset.load(tmp_path)
    assert dataset.actions == ("caf\ufffd au lait",) == (dataset.clips[0].action,)
    assert dataset.clips[0].source == "\ufffd[2Ja.bvh"
    assert dataset.rejected == (Rejected("b\ufffd.bvh", "no BVH"),)
    json.dumps(dataset.summary(), ensure_ascii=False).encode()
