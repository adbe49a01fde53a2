"""Estimates become a data set: the wanted part of each video, whole, labelled, on one side of the split."""

import json

import numpy as np
import pytest

from motionary.datasets import Dataset
from motionary.datasets.estimated import EstimatedSet, check_target, gather, write_estimated
from motionary.estimators import Camera, PersonEstimate, VideoEstimate, View, save_estimate
from motionary.estimators.batch import Entry
from motionary.estimators.video import VideoFacts
from motionary.motion import Motion

FPS = 10.0


def a_person(number, start_s, seconds, height_px, seed=0):
    count = round(seconds * FPS)
    pose = np.random.default_rng(seed + number).normal(0, 0.1, (count, 24, 3))
    left = 10.0 * number
    return PersonEstimate(
        person=number,
        motion=Motion(pose, pose[:, 0], FPS, valid=np.arange(count) != 3),
        times_s=start_s + np.arange(count) / FPS,
        confidence=np.ones(count),
        boxes_px=np.tile([left, 0.0, left + 40.0, float(height_px)], (count, 1)),
        view=View(Camera(100.0, 100, 100), np.eye(3), np.zeros(3)),
    )


@pytest.fixture
def estimated(tmp_path):
    """Function from videos' names and people to the manifest's entries; a video of nobody has failed."""

    def save(checksums=None, **videos):
        entries = []
        for name, people in videos.items():
            video = f"{name.replace('__', '/')}.mp4"
            path = tmp_path / "videos" / video
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
            folder = video.removesuffix(".mp4")
            checksum = (checksums or {}).get(name, name)
            status, reason = ("done", "") if people else ("failed", "No person found.")
            entries.append(Entry(video, str(path), folder, 1, 1, status, reason, checksum, len(people)))
            if people:
                facts = VideoFacts(path.name, 100, 100, FPS, 100, 10.0)
                numbered = dict(enumerate(people, start=1))
                save_estimate(VideoEstimate(facts, "made-up", numbered), tmp_path / "out" / folder)
        return entries

    return save


@pytest.fixture
def make(tmp_path):
    """Function from sources and entries to the data set."""

    def write(source, entries, **options):
        _, wanted = gather([source], tmp_path / "out", options.get("label_pattern"))
        return write_estimated(
            wanted,
            entries,
            tmp_path / "out",
            tmp_path / "data",
            EstimatedSet(**options),
            {"estimator": "made-up"},
        )

    return write


def a_list(tmp_path, *lines):
    path = tmp_path / "videos" / "clips.csv"
    path.write_text("\n".join(["video,start,end,action,person", *lines]))
    return path


def test_a_tree_is_labelled_by_its_folders_and_says_where_clips_come_from(estimated, make, tmp_path):
    entries = estimated(
        kick__a=[a_person(1, 0.5, 4, 80)],
        kick__b=[a_person(1, 0, 3, 80)],
        jump__a=[a_person(1, 0, 2, 80)],
        jump__c=[],
    )
    dataset = make(tmp_path / "videos", entries, licence="CC0")
    assert dataset == Dataset.load(tmp_path / "data")
    assert {(clip.action, clip.source, clip.num_frames) for clip in dataset.clips} == {
        ("kick", "kick/a.mp4", 40),
        ("kick", "kick/b.mp4", 30),
        ("jump", "jump/a.mp4", 20),
    }
    first = next(clip for clip in dataset.clips if clip.source == "kick/a.mp4")
    assert (first.start_s, first.person, first.fps, first.coverage) == (0.5, 1, FPS, 0.975)
    motion = dataset.motion(first)
    assert motion.action == "kick"
    assert not motion.valid[3]
    assert dataset.provenance["estimator"] == "made-up"
    assert dataset.licence == "CC0"
    assert [(item.source, item.reason) for item in dataset.rejected] == [("jump/c.mp4", "No person found.")]


def test_a_list_cuts_out_the_stretch_it_names_frame_by_frame(estimated, make, tmp_path):
    person = a_person(1, 0.5, 8, 80)
    entries = estimated(a=[person])
    listing = a_list(
        tmp_path, "a.mp4,0:01,2.5,kick,", "a.mp4,3,,jump,ann", "a.mp4,,1,stand,", "a.mp4,8.45,9,fall,"
    )
    dataset = make(listing, entries)
    clips = {clip.action: clip for clip in dataset.clips}
    np.testing.assert_array_equal(
        dataset.motion(clips["kick"]).pose, person.motion.pose[5:20]
    )  # 1.0 s to 2.4 s
    np.testing.assert_array_equal(dataset.motion(clips["jump"]).pose, person.motion.pose[25:])
    np.testing.assert_array_equal(dataset.motion(clips["stand"]).pose, person.motion.pose[:5])
    assert (clips["kick"].start_s, clips["stand"].start_s, clips["jump"].subject) == (1.0, 0.5, "ann")
    (rejected,) = dataset.rejected
    assert rejected.source == "clips.csv, line 5: a.mp4"
    assert rejected.reason == "nobody is seen from 8.45 s to 9 s"


def test_estimates_that_look_wrong_are_named(estimated, make, tmp_path):
    thrown, stiff = a_person(1, 0, 3, 80), a_person(1, 0, 3, 80)
    thrown.motion.translation[15:] += 6.0  # ten metres within a tenth of a second
    stiff.motion.pose[:] /= 1000
    made = make(
        tmp_path / "videos", estimated(kick__a=[thrown], kick__b=[stiff], kick__c=[a_person(1, 0, 3, 80)])
    )
    named = {clip.source: clip.suspect for clip in made.clips if clip.suspect}
    assert set(named) == {"kick/a.mp4", "kick/b.mp4"}
    assert "jumps at 10" in named["kick/a.mp4"]
    assert "in frame 16" in named["kick/a.mp4"]
    assert "radians taken for degrees" in named["kick/b.mp4"]
    assert [item["clip"] for item in made.summary()["suspect"]] == sorted(
        clip.path for clip in made.clips if clip.suspect
    )


def test_clips_carry_the_verdict_on_their_person(estimated, make, tmp_path):
    entries = estimated(kick__a=[a_person(1, 0, 3, 50)], kick__b=[a_person(1, 0, 3, 50)])
    index = tmp_path / "out" / "kick" / "b" / "estimate.json"
    content = json.loads(index.read_text())
    content["people"][0]["quality"] = {"verdict": "partly"}
    index.write_text(json.dumps(content))
    dataset = make(tmp_path / "videos", entries)
    assert {clip.source: clip.verdict for clip in dataset.clips} == {
        "kick/a.mp4": None,
        "kick/b.mp4": "partly",
    }


def test_the_person_is_chosen_in_the_stretch_and_by_the_list_first(estimated, make, tmp_path):
    people = [a_person(1, 0, 10, 50), a_person(2, 0, 10, 70), a_person(3, 0, 1, 90), a_person(4, 6, 4, 60)]
    entries = estimated(a=people)
    listing = a_list(
        tmp_path,
        "a.mp4,0,5,kick,",
        "a.mp4,0,1,wave,",
        "a.mp4,5,9,fall,4",
        "a.mp4,5,9,sit,central",
        "a.mp4,6,9,run,all",
    )
    dataset = make(listing, entries)
    chosen = {}
    for clip in dataset.clips:
        chosen.setdefault(clip.action, []).append(clip.person)
    # Person 3 is the largest, but gone after a second.
    assert chosen == {"kick": [2], "wave": [3], "fall": [4], "sit": [2], "run": [1, 2, 4]}


def test_no_video_nor_its_copy_is_on_both_sides(estimated, make, tmp_path):
    people = [a_person(1, 0, 9, 50)]
    names = [f"kick__{k}" for k in range(6)]
    copies = {"kick__4": "same", "kick__5": "same"}
    entries = estimated(checksums=copies, **dict.fromkeys(names, people))
    rows = [
        f"kick/{k}.mp4,{start},{start + 2},{action},"
        for k in range(6)
        for start, action in ((0, "kick"), (4, "fall"))
    ]
    dataset = make(a_list(tmp_path, *rows), entries, test_fraction=0.4)
    sides = {}
    for clip in dataset.clips:
        sides.setdefault(clip.source, set()).add(clip.split)
    assert len(dataset.clips) == 12
    assert len(sides) == 5
    assert all(len(side) == 1 for side in sides.values())
    assert {clip.split for clip in dataset.clips} == {"train", "test"}


def test_a_pattern_labels_and_what_it_does_not_match_is_rejected(estimated, make, tmp_path):
    people = [a_person(1, 0, 3, 50)]
    entries = estimated(x__ann_kick_1=people, x__notes=people)
    dataset = make(tmp_path / "videos", entries, label_pattern="(?P<subject>[a-z]+)_(?P<action>[a-z]+)_")
    assert [(clip.action, clip.subject) for clip in dataset.clips] == [("kick", "ann")]
    assert [item.source for item in dataset.rejected] == ["x/notes.mp4"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a.mp4,soon,2,kick,"], r"clips\.csv, line 2: start must be seconds"),
        (["a.mp4,,,kick,", "nowhere.mp4,,,kick,"], r"clips\.csv, line 3: no video at .*nowhere\.mp4"),
        (["a.mp4,1,2,kick,", "a.mp4,1,2,kick,"], r"clips\.csv, line 3 says the same as line 2"),
    ],
)
def test_what_is_wrong_with_a_list_names_the_line(lines, said, estimated, tmp_path):
    estimated(a=[])
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        gather([a_list(tmp_path, *lines)], tmp_path / "out")


def test_only_a_data_set_of_its_own_is_replaced(estimated, make, tmp_path):
    entries = estimated(kick__a=[a_person(1, 0, 3, 50)])
    make(tmp_path / "videos", entries)
    check_target(tmp_path / "data")
    more = estimated(kick__a=[a_person(1, 0, 3, 50)], kick__b=[a_person(1, 0, 3, 50)])
    assert len(make(tmp_path / "videos", more)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out", "videos"]
    index = tmp_path / "data" / "dataset.json"
    content = json.loads(index.read_text())
    content["provenance"]["made_by"] = "motionary dataset relabel"
    index.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="already in use"):
        check_target(tmp_path / "data")


def test_nothing_is_written_when_nothing_is_there(estimated, make, tmp_path):
    with pytest.raises(ValueError, match=r"None of 1 clips could be had: kick/a\.mp4: No person found"):
        make(tmp_path / "videos", estimated(kick__a=[]))
    assert not (tmp_path / "data").exists()
