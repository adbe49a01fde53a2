"""Real processes, killed for real: nothing is lost, nothing done twice, and results do not depend on it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict

import pytest

from motionary.estimators.batch import BatchConfig, estimate_all, videos_in
from motionary.motion import Motion


def run(videos, out, workers=2, **options):
    return estimate_all(videos_in([videos], out), out, BatchConfig("puppet", workers=workers, **options))


def files(out):
    """Checksum of every result by its path."""
    found = [path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def manifest(out):
    return {entry["video"]: entry for entry in json.loads((out / "manifest.json").read_text())["videos"]}


def started(stage):
    return Counter(video for video, _ in stage.log("start"))


@pytest.fixture
def command(stage, tmp_path):
    """Function that starts `motionary estimate` in a process of its own, to be killed."""
    running = []

    def start(videos, out, workers=2):
        words = [sys.executable, "-m", "motionary", "estimate", str(videos), "--out", str(out)]
        words += ["--estimator", "puppet", "--workers", str(workers)]
        running.append(
            subprocess.Popen(
                words,
                env=stage.environment(),
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                # Shells start what they run in the background deaf to Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_results_are_the_same_for_any_number_of_workers_and_done_once(stage, make_videos, tmp_path):
    videos = make_videos(walk__a={}, walk__b={"nobody": 1}, jump__c={"bug": 1}, jump__d={})
    entries = run(videos, tmp_path / "out", workers=2)
    assert [(entry.video, entry.status) for entry in entries] == [
        ("jump/c.mp4", "failed"),
        ("jump/d.mp4", "done"),
        ("walk/a.mp4", "done"),
        ("walk/b.mp4", "failed"),
    ]
    assert entries[0].reason.endswith(f"failed on {videos}/jump/c.mp4: IndexError: list index out of range.")
    assert "No person found" in entries[3].reason
    for entry in entries:
        assert entry.checksum == hashlib.sha256((videos / entry.video).read_bytes()).hexdigest()
        assert manifest(tmp_path / "out")[entry.video] == asdict(entry)
    assert set(files(tmp_path / "out")) == {
        f"{video}/{name}"
        for video in ("jump/d", "walk/a")
        for name in ("person_1.npz", "views.json", "estimate.json")
    }
    assert len(stage.log("end on 1 threads")) == len(stage.log("end")) == 2
    assert run(videos, tmp_path / "out", workers=1) == entries
    assert set(started(stage).values()) == {1}, "the second run has nothing to do"
    run(videos, tmp_path / "alone", workers=1)
    assert files(tmp_path / "alone") == files(tmp_path / "out")


def test_what_changed_is_done_again_and_nothing_else(stage, make_videos, tmp_path):
    videos = make_videos(a={}, b={}, c={"nobody": 1}, d={})
    run(videos, tmp_path / "out")
    (videos / "a.mp4").write_text(json.dumps({"seed": 7}))
    (tmp_path / "out" / "b" / "person_1.npz").unlink()
    os.utime(videos / "d.mp4")  # another time, but the same video
    entries = run(videos, tmp_path / "out", workers=1, retry_failed=True)
    assert [entry.status for entry in entries] == ["done", "done", "failed", "done"]
    assert started(stage) == {"a.mp4": 2, "b.mp4": 2, "c.mp4": 2, "d.mp4": 1}


def test_a_killed_workers_video_is_done_by_another(stage, make_videos, tmp_path, command):
    names = [f"v{k}" for k in range(5)]
    victim = "v0.mp4"
    videos = make_videos(**{name: {"seconds": 5.0 if name == "v0" else 0.3} for name in names})
    process = command(videos, tmp_path / "out")
    while victim not in (begun := dict(stage.wait_for("start"))):
        time.sleep(0.02)
    pid = begun[victim]
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode == 0
    entries = manifest(tmp_path / "out")
    assert {entry["status"] for entry in entries.values()} == {"done"}
    assert started(stage) == {video: 1 + (video == victim) for video in entries}
    assert sorted(video for video, _ in stage.log("end")) == sorted(entries)
    assert dict(stage.log("end"))[victim] != pid
    for name in names:
        assert len(Motion.load(tmp_path / "out" / name / "person_1.npz")) == 30


@pytest.mark.slow
def test_a_video_that_kills_its_workers_is_given_up_with_the_reason(stage, make_videos, tmp_path):
    entries = run(make_videos(a={}, bad={"die": 1}, c={}), tmp_path / "out", workers=1)
    assert [entry.status for entry in entries] == ["done", "failed", "done"]
    assert entries[1].reason == "3 workers died with this video; the last was killed by SIGKILL."
    assert started(stage) == {"a.mp4": 1, "bad.mp4": 3, "c.mp4": 1}


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (signal.SIGTERM, 143),
        (signal.SIGKILL, -9),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_ends_its_workers_and_the_next_one_goes_on(
    stop, code, stage, make_videos, tmp_path, command
):
    names = [f"v{k}.mp4" for k in range(4)]
    videos = make_videos(**{name[:2]: {"seconds": 5.0 if name == "v2.mp4" else 0.2} for name in names})
    process = command(videos, tmp_path / "out", workers=1)
    stage.wait_for("start", 3)  # two are done, and the third takes its time
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    stage.wait_for_end([pid for _, pid in stage.log("start")])
    assert started(stage) == dict.fromkeys(names[:3], 1), "nothing is begun after the stop"

    entries = run(videos, tmp_path / "out", workers=1)
    assert {entry.status for entry in entries} == {"done"}
    assert started(stage) == {"v0.mp4": 1, "v1.mp4": 1, "v2.mp4": 2, "v3.mp4": 1}
    assert Counter(video for video, _ in stage.log("end")) == dict.fromkeys(names, 1)
    assert not [path for path in (tmp_path / "out").rglob(".*") if path.is_file()], (
        "nothing half written is left"
    )


def test_two_runs_do_not_work_on_one_folder(stage, make_videos, tmp_path, command):
    videos = make_videos(a={"seconds": 30})
    process = command(videos, tmp_path / "out")
    stage.wait_for("start")
    with pytest.raises(ValueError, match=f"Another run is working on .*process {process.pid} on"):
        run(videos, tmp_path / "out")
    process.kill()


def test_missing_weights_are_one_error_and_leave_nothing(stage, make_videos, tmp_path):
    (stage.site / "no_weights").touch()
    with pytest.raises(FileNotFoundError, match="no weights at all"):
        run(make_videos(a={}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_result_that_cannot_be_written_ends_the_run(stage, make_videos, tmp_path):
    videos = make_videos(a={})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="out/a"):
        run(videos, tmp_path / "out")
    assert manifest(tmp_path / "out")["a.mp4"]["status"] == "waiting"


def test_a_folder_of_results_is_of_one_estimator_and_one_set_of_videos(stage, make_videos, tmp_path):
    videos = make_videos(a={})
    run(videos, tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds estimates by puppet.*give another --out"):
        estimate_all(videos_in([videos], tmp_path), tmp_path / "out", BatchConfig("blazepose"))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.mp4").write_text("{}")
    with pytest.raises(ValueError, match=r"belongs to .*videos/a\.mp4"):
        run(tmp_path / "others", tmp_path / "out")
    (tmp_path / "moved").mkdir()
    (videos / "a.mp4").rename(tmp_path / "moved" / "a.mp4")
    assert [entry.status for entry in run(tmp_path / "moved", tmp_path / "out")] == ["done"]
    assert started(stage) == {"a.mp4": 1}


def test_a_damaged_manifest_says_what_to_do(make_videos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"manifest\.json is not a readable manifest.*Remove it"):
        run(make_videos(a={}), tmp_path / "out")
