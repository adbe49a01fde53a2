"""`motionary estimate` on folders and lists, with processes of its own."""

import json

import pytest

from motionary.cli import main
from motionary.datasets import Dataset
from motionary.motion import Motion


def estimate(*words: object) -> None:
    main(["estimate", "--estimator", "puppet", *map(str, words)])


def test_a_folder_of_actions_becomes_a_data_set_and_nothing_is_done_twice(
    stage, make_videos, tmp_path, capsys
):
    videos = make_videos(kick__a={}, kick__b={}, jump__c={}, jump__d={"nobody": 1})
    words = [
        videos,
        "--out",
        tmp_path / "out",
        "--workers",
        1,
        "--dataset",
        tmp_path / "data",
        "--licence",
        "CC0",
    ]
    estimate(*words)
    said = capsys.readouterr()
    assert "3 videos estimated, 1 failed" in said.out
    assert "3 clips of 2 actions, 1 held out, 1 rejected" in said.out
    assert said.err.count("jump/d.mp4: No person found") == 1
    dataset = Dataset.load(tmp_path / "data")
    assert [clip.path for clip in dataset.clips] == ["jump/c.npz", "kick/a.npz", "kick/b.npz"]
    assert (dataset.licence, dataset.provenance["estimator"]) == ("CC0", "puppet")
    assert len(Motion.load(tmp_path / "out" / "kick" / "a" / "person_1.npz")) == 30

    (videos / "list.csv").write_text("video,start,end,action\nkick/a.mp4,0:00.2,0.7,kick\n")
    estimate(videos / "list.csv", *words[1:-2], "--json")
    told = json.loads(capsys.readouterr().out)
    assert [(video["video"], video["status"]) for video in told["videos"]] == [("kick/a.mp4", "done")]
    assert [clip.num_frames for clip in Dataset.load(tmp_path / "data").clips] == [15]
    assert told["dataset"]["clips"] == 1
    assert len(stage.log("start")) == 4, "the list asked for nothing new"


def test_a_folder_in_which_nobody_is_found_is_an_error(stage, make_videos, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        estimate(make_videos(a={"nobody": 1}), "--out", tmp_path / "out", "--workers", 1)
    assert stopped.value.code == 2
    assert "None of 1 videos gave a motion" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", 0], "At least one worker"),
        (["--person", "tallest"], "A person is chosen by largest"),
        (["--dataset", "videos"], "already in use"),
        (["--estimator", "no-such"], "There is no estimator 'no-such'"),
        (["--label-pattern", "("], "no regular expression"),
    ],
)
def test_a_mistake_is_found_before_anything_is_done(
    words, said, stage, make_videos, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        estimate(make_videos(a={}), "--out", "out", *words)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "videos"]
    assert stage.log("start") == []
