"""Every video of the sources is a job, with a place of its own."""

import pytest

from motionary.estimators.batch.jobs import plan, videos_in


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def places(jobs):
    return {job.video: job.folder for job in jobs}


def test_videos_of_a_tree_keep_their_places(tmp_path):
    source = touch(
        tmp_path / "in", "walk/a.mp4", "walk/b.MOV", "jump/a.mp4", "notes.txt", "walk/._a.mp4", ".x/a.mp4"
    )
    assert places(plan(videos_in([source], tmp_path / "out"))) == {
        "jump/a.mp4": "jump/a",
        "walk/a.mp4": "walk/a",
        "walk/b.MOV": "walk/b",
    }


def test_the_suffix_tells_videos_of_one_stem_apart(tmp_path):
    source = touch(tmp_path / "in", "a.mp4", "A.mov", "b.mp4")
    assert places(plan(videos_in([source], tmp_path / "out"))) == {
        "a.mp4": "a.mp4",
        "A.mov": "A.mov",
        "b.mp4": "b",
    }


def test_a_video_that_comes_later_moves_no_earlier_one(tmp_path):
    source = touch(tmp_path / "in", "a.mp4")
    earlier = places(plan(videos_in([source], tmp_path / "out")))
    touch(source, "a.mov")
    assert places(plan(videos_in([source], tmp_path / "out"), earlier.items())) == {
        "a.mp4": "a",
        "a.mov": "a.mov",
    }


def test_results_inside_the_source_are_not_searched(tmp_path):
    source = touch(tmp_path / "in", "a.mp4", "out/a/strip.mp4")
    assert list(places(plan(videos_in([source], source / "out")))) == ["a.mp4"]


def test_folders_linked_in_a_circle_end(tmp_path):
    source = touch(tmp_path / "in", "walk/a.mp4")
    (source / "walk" / "again").symlink_to(source)
    assert list(places(plan(videos_in([source], tmp_path / "out")))) == ["walk/a.mp4"]


def test_files_and_folders_may_be_mixed_but_not_collide(tmp_path):
    one, other = touch(tmp_path / "one", "a.mp4"), touch(tmp_path / "other", "a.mp4", "b.mp4")
    assert list(places(plan(videos_in([one, other / "b.mp4"], tmp_path / "out")))) == ["a.mp4", "b.mp4"]
    assert len(plan(videos_in([one, one / "a.mp4"], tmp_path / "out"))) == 1
    with pytest.raises(ValueError, match=r"one/a\.mp4 and .*other/a\.mp4"):
        plan(videos_in([one, other], tmp_path / "out"))


def test_a_source_without_videos_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no video; looked for \.mp4"):
        plan(videos_in([touch(tmp_path, "a.txt")], tmp_path / "out"))
    with pytest.raises(FileNotFoundError, match="No video or folder at"):
        plan(videos_in([tmp_path / "nowhere"], tmp_path / "out"))
