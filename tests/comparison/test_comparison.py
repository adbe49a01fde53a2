import json
import math
from dataclasses import replace

import numpy as np
import pytest

from motionary.body.assets import load_body
from motionary.comparison import Clip, CompareConfig, Contender, read_contenders, write_comparison
from motionary.comparison.contenders import Stretch
from motionary.comparison.measures import MEASURES, apart_mm, averages, common_times, measure_clips, shown_at
from motionary.comparison.scores import Seen, fid_between, look
from motionary.motion import Motion
from motionary.recognition import load_recogniser


@pytest.fixture(scope="module")
def body():
    return load_body()


def swing(scale=1.0, frames=60, noise=0.0):
    t = np.arange(frames) / 30
    pose = np.zeros((frames, 24, 3))
    pose[:, 16, 2] = scale * np.sin(2 * np.pi * t)
    pose[:, 4, 0] = 0.5 + 0.4 * scale * np.sin(2 * np.pi * t)
    pose += noise * np.random.default_rng(0).normal(size=pose.shape)
    return Motion(pose, np.zeros((frames, 3)), 30.0)


def contender(name, motion, start_s=0.0, duration_s=2.0):
    return Contender(name, {"a.mp4": Clip((Stretch(start_s, motion),), duration_s)}, "estimates")


def write_estimate(folder, motion, estimator, video="a.mp4"):
    folder.mkdir(parents=True)
    motion.save(folder / "person_1.npz")
    entry = {"file": "person_1.npz", "person": 1, "start_s": 0.0, "fps": 30.0, "frames_seen": len(motion)}
    entry["quality"] = {"verdict": "good"}
    content = {"video": {"name": video, "duration_s": 2.0}, "estimator": estimator, "people": [entry]}
    (folder / "estimate.json").write_text(json.dumps(content))


def test_estimates_of_the_same_videos_are_matched_by_name(tmp_path):
    for estimator in ("one", "two"):
        write_estimate(tmp_path / estimator / "a", swing(), estimator)
    write_estimate(tmp_path / "one" / "b", swing(), "one", "b.mp4")
    first, second = read_contenders([str(tmp_path / "one"), str(tmp_path / "two" / "a")])
    assert (first.name, second.name) == ("one", "two")
    assert list(first.clips) == list(second.clips) == ["a.mp4"]
    assert first.clips["a.mp4"].verdicts == ("good",)


def test_contenders_of_one_estimator_go_by_their_folders(tmp_path):
    for folder in ("old", "new"):
        write_estimate(tmp_path / folder / "a", swing(), "blazepose")
    names = [c.name for c in read_contenders([str(tmp_path / "old"), str(tmp_path / "new")])]
    assert names == ["old", "new"]


def test_what_cannot_be_compared_is_a_clear_error(tmp_path):
    write_estimate(tmp_path / "one" / "a", swing(), "one")
    write_estimate(tmp_path / "two" / "b", swing(), "two", "b.mp4")
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "estimate.json").write_text('{"people": []}')
    one = str(tmp_path / "one")
    for others, error, words in [
        ([], ValueError, "at least two"),
        ([str(tmp_path / "two")], ValueError, "no video or action is in all"),
        ([str(tmp_path / "empty")], FileNotFoundError, "holds neither"),
        ([str(broken)], ValueError, "no estimate that"),
        (["hdm05"], ValueError, "models with models"),
        (["nonsense"], FileNotFoundError, "nonsense"),
    ]:
        with pytest.raises(error, match=words):
            read_contenders([one, *others], num=1)


def test_a_larger_swing_has_the_larger_range_and_a_noisy_one_the_larger_jerk(body):
    found = measure_clips(
        (contender("small", swing(0.5)), contender("large", swing()), contender("noisy", swing(noise=0.02))),
        body,
    )
    small, large, noisy = (found[name]["a.mp4"] for name in ("small", "large", "noisy"))
    assert small["range"] < large["range"]
    assert small["completeness"] < 1 < large["completeness"]
    assert noisy["jitter"] > 2 * large["jitter"]
    assert large["coverage"] == pytest.approx(1.0)


def test_coverage_counts_valid_frames_of_the_whole_video(body):
    motion = replace(swing(), valid=np.arange(60) < 30)
    (found,) = measure_clips((contender("half", motion, duration_s=2.0),), body).values()
    assert found["a.mp4"]["coverage"] == pytest.approx(0.5)


def test_averages_leave_out_what_is_not_known():
    row = dict.fromkeys(MEASURES, 1.0)
    means = averages({"a": row, "b": row | {"skate": math.nan, "range": 3.0}})
    assert (means["skate"], means["range"]) == (1.0, 2.0)


def test_contenders_are_as_far_apart_as_their_poses_however_turned(body):
    same = contender("turned", swing().turn(1.0))
    apart = apart_mm((contender("a", swing()), same, contender("b", swing(0.2))), body)
    assert apart["a", "turned"] < 1
    assert apart["a", "b"] > 10


def test_common_times_are_those_that_all_show():
    early, late = contender("early", swing()), contender("late", swing(), start_s=1.0, duration_s=3.0)
    clips = (early.clips["a.mp4"], late.clips["a.mp4"])
    times_s = common_times(clips, 0.1)
    assert times_s[0] == pytest.approx(1.0)
    assert times_s[-1] < 2.0
    assert len(times_s) == 10
    np.testing.assert_allclose(shown_at(clips[1], times_s).pose[0], swing().pose[0])


def test_a_contender_is_at_no_distance_from_itself():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 4))
    seen = {
        "a": Seen(features, ("x",) * 40, ("x",) * 20 + ("y",) * 20),
        "b": Seen(features.copy(), ("x",) * 40, (None,) * 40),
        "c": Seen(features + 3, ("x",) * 40, (None,) * 40),
    }
    fid = fid_between(seen)
    assert fid["a", "b"] == pytest.approx(0, abs=1e-4)
    assert fid["a", "c"] == pytest.approx(36, rel=1e-3)
    assert seen["a"].accuracy == 0.5
    assert math.isnan(seen["b"].accuracy)
    assert seen["b"].commonest == "x 100 %"


def test_the_page_is_whole_and_every_number_is_in_the_json(body, tmp_path):
    pair = (contender("one", swing()), contender("two", swing(0.5)))
    judge = load_recogniser("hdm05")
    assert len(look(pair[0], judge).features) >= 1
    config = CompareConfig(every=30, row_px=60)
    page = write_comparison(pair, {"hdm05": judge}, tmp_path, body, config).read_text()
    assert "one and two" in page
    assert "data:image/png;base64," in page
    assert "http" not in page.split("</style>")[1].replace("data:image", "")
    content = json.loads((tmp_path / "compare.json").read_text())
    assert content["contenders"] == ["one", "two"]
    assert content["clips"]["a.mp4"]["one"]["range"] > content["clips"]["a.mp4"]["two"]["range"]
    assert set(content["recognisers"]["hdm05"]) == {"accuracy", "windows", "fid"}


def test_poses_cannot_be_less_than_a_frame_apart():
    with pytest.raises(ValueError, match="at least 1"):
        CompareConfig(every=0)
