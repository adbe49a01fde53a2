from dataclasses import replace

import numpy as np
import pytest

from motionary.mocap import find_recordings, import_recordings, read_motion


@pytest.fixture
def folder(tmp_path, walk, rest, to_bvh):
    good = to_bvh(walk, rest)
    jump = walk.translation.copy()
    jump[20:] += 3
    for name, text in {
        "walk/bob_walk_1.bvh": good,
        "walk/bob_walk_2.bvh": good[: len(good) // 2],
        "run/eve_run_1.bvh": to_bvh(replace(walk, translation=jump), rest),
        "run/eve_run_2.BVH": good,
        "run/eve_run_3.bvh": to_bvh(walk.crop(0, 1), rest),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_recordings_are_found_below_a_folder(folder):
    names = [path.name for path in find_recordings(folder)]
    assert names == ["eve_run_1.bvh", "eve_run_2.BVH", "eve_run_3.bvh", "bob_walk_1.bvh", "bob_walk_2.bvh"]
    with pytest.raises(FileNotFoundError, match="no motion capture"):
        find_recordings(folder, "amc")
    with pytest.raises(FileNotFoundError, match="No file or folder"):
        find_recordings(folder / "gone")


def test_bad_files_never_stop_the_rest(folder):
    seen = []
    results = list(
        import_recordings(folder, workers=0, on_progress=lambda done, total: seen.append((done, total)))
    )
    reasons = {result.path.name: result.reason for result in results}
    assert reasons["bob_walk_1.bvh"] is None
    assert reasons["eve_run_2.BVH"] is None
    assert "cut" in reasons["bob_walk_2.bvh"]
    assert "jumps" in reasons["eve_run_1.bvh"]
    assert "single frame" in reasons["eve_run_3.bvh"]
    assert seen == [(done, 5) for done in range(1, 6)]


def test_processes_give_what_one_process_gives(folder):
    alone, together = (list(import_recordings(folder, workers=workers)) for workers in (0, 2))
    assert [(a.path, a.reason) for a in alone] == [(b.path, b.reason) for b in together]
    for a, b in zip(alone, together, strict=True):
        assert (a.motion is None) == (b.motion is None)
        if a.motion is not None:
            assert np.array_equal(a.motion.pose, b.motion.pose)
            assert a.motion.action == b.motion.action


def test_the_folder_names_the_action(folder):
    actions = {r.path.name: r.motion.action for r in import_recordings(folder, workers=0) if r.motion}
    assert actions == {"bob_walk_1.bvh": "walk", "eve_run_2.BVH": "run"}


def test_a_pattern_names_action_and_subject(folder):
    results = import_recordings(folder, label_pattern=r"(?P<subject>[a-z]+)_(?P<action>walk)", workers=0)
    labels = {r.path.name: (r.motion.action if r.motion else r.reason, r.subject) for r in results}
    assert labels["bob_walk_1.bvh"] == ("walk", "bob")
    assert labels["eve_run_2.BVH"] == ("the label pattern does not match it", None)


@pytest.mark.parametrize(
    ("pattern", "says"), [("walk", "needs a group"), ("(?P<action>", "no regular expression")]
)
def test_a_pattern_without_an_action_is_refused_at_once(folder, pattern, says):
    with pytest.raises(ValueError, match=says):
        import_recordings(folder, label_pattern=pattern)


def test_a_file_is_resampled_to_the_wanted_rate(folder):
    path = folder / "walk" / "bob_walk_1.bvh"
    slow = read_motion(path, fps=15.0, action="stroll")
    full = read_motion(path)
    assert (len(full), len(slow), slow.fps, slow.action) == (40, 20, 15, "stroll")


def test_an_unknown_suffix_is_refused(tmp_path):
    (tmp_path / "a.fbx").write_text("")
    with pytest.raises(ValueError, match=r"\.bvh, \.amc, \.npz"):
        read_motion(tmp_path / "a.fbx")
