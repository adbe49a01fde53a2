"""Each rule finds its own defect, in clips composed of a real video, and nothing else."""

import csv
import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from motionary.body.assets import fetch_sample_video
from motionary.cli import main
from motionary.datasets.listing import read_listing
from motionary.finegym.looking import BlazePosePeople, Found, Sightings, Sights, look_at, most_prominent_first
from motionary.finegym.movement import Burst, BurstConfig, camera_step, find_bursts, person_speed_px
from motionary.finegym.named import FINEGYM
from motionary.finegym.plan import PlannedClip, write_plan
from motionary.finegym.rules import RuleConfig, alone, judge, one_camera, quality, whole_movement
from motionary.finegym.sharpness import sharpness

PLAYED = list(range(5, 75, 3))
"""Frames of the sample video in which a person raises the arms, three times as fast."""
REST = 15
FPS = 30
ELEMENT_S = ((REST - 3) / FPS, (REST + len(PLAYED) + 3) / FPS)


@pytest.fixture(scope="module")
def find_people() -> BlazePosePeople:
    try:
        return BlazePosePeople(num_threads=1)
    except FileNotFoundError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")


@pytest.fixture(scope="module")
def park() -> dict[int, np.ndarray]:
    """The first frames of the sample video: a person on a wall."""
    try:
        path = fetch_sample_video()
    except FileNotFoundError as error:
        pytest.skip(f"needs the sample video: {error}")
    with av.open(str(path)) as container:
        frames = enumerate(container.decode(video=0))
        return {k: frame.to_ndarray(format="rgb24") for k, frame in frames if k <= PLAYED[-1]}


def part(picture: np.ndarray, left: int = 0) -> np.ndarray:
    return picture[:720, left : left + 1280]


def numbers(backwards: bool = False) -> list[int]:
    """A rest, the movement and a rest."""
    played = PLAYED[::-1] if backwards else PLAYED
    return [played[0]] * REST + played + [played[-1]] * REST


def composed(park, defect: str) -> tuple[list[np.ndarray], tuple[float, float]]:
    """A clip with one defect, and where the element is in it."""
    clean = [part(park[k]) for k in numbers()]
    late = len(clean) - 8
    if defect == "a cut":
        other = [cv2.resize(p[:450, 200:1000][:, ::-1], (1280, 720)) for p in clean[late:]]
        return clean[:late] + other, ELEMENT_S
    if defect == "two people":
        return [np.hstack([p[:, 300:940], p[:, 300:940][:, ::-1]]) for p in clean], ELEMENT_S
    if defect == "two movements":
        again = [part(park[k]) for k in numbers(backwards=True)][REST:]
        return clean + again, (ELEMENT_S[0], ELEMENT_S[1] + (REST + len(PLAYED)) / FPS)
    changes = {
        "a moving camera": lambda k, p: part(park[numbers()[k]], 4 * k),
        "blur": lambda k, p: cv2.GaussianBlur(p, (0, 0), 4),
        "low resolution": lambda k, p: cv2.resize(p, (640, 360), interpolation=cv2.INTER_AREA),
    }
    change = changes.get(defect, lambda k, p: p)
    pictures = [change(k, p) for k, p in enumerate(clean)]
    if defect == "begun before":
        return pictures[REST + 5 :], (0.0, ELEMENT_S[1] - (REST + 5) / FPS)
    if defect == "not over":
        return pictures[: -REST - 5], (ELEMENT_S[0], (len(pictures) - REST - 5) / FPS)
    return pictures, ELEMENT_S


@pytest.mark.parametrize(
    ("defect", "verdict", "failed"),
    [
        ("nothing", "accept", []),
        ("a moving camera", "accept", []),
        ("two movements", "trim", []),
        ("begun before", "reject", ["whole"]),
        ("not over", "reject", ["whole"]),
        ("two people", "reject", ["alone"]),
        ("a cut", "reject", ["one camera"]),
        ("blur", "reject", ["quality"]),
        ("low resolution", "reject", ["quality"]),
    ],
)
def test_each_rule_finds_its_own_defect(defect, verdict, failed, park, find_people, write_film, tmp_path):
    pictures, element_s = composed(park, defect)
    sights = look_at(write_film(tmp_path / "clip.mp4", pictures, FPS), find_people)
    told = judge(sights, element_s, RuleConfig())
    assert [finding.rule for finding in told.findings if not finding.good] == failed, told
    assert told.verdict == verdict
    figures = {finding.rule: finding.figures for finding in told.findings}
    moving = figures["one camera"]["camera_widths_per_s"]
    assert moving == pytest.approx(4 * FPS / 1280 if defect == "a moving camera" else 0, abs=0.02)
    if defect == "a cut":
        assert "1.53 s" in told.reason
    if defect == "two movements":
        second_s = (2 * REST + len(PLAYED)) / FPS  # when it begins
        assert told.keep_start == pytest.approx(second_s - RuleConfig().margin_s, abs=0.15)
        assert told.keep_end == pytest.approx(second_s + len(PLAYED) / FPS + RuleConfig().margin_s, abs=0.15)


TIMES = np.arange(0, 3, 1 / 25)


def speed(*bursts: tuple[float, float, float]) -> np.ndarray:
    """Heights per second over TIMES, with bursts (start, end, fastest) of one arch each."""
    total = np.full(len(TIMES), 0.02)
    for start, end, fastest in bursts:
        inside = (start <= TIMES) & (end >= TIMES)
        total[inside] += fastest * np.sin(np.pi * (TIMES[inside] - start) / (end - start))
    return total


def seen(values, **other) -> Sights:
    boxes = np.tile([100.0, 100.0, 200.0, 500.0], (len(TIMES), 1))
    person = Sightings(TIMES, boxes)
    facts = {
        "times_s": TIMES, "width": 1280, "height": 720, "people": (person,), "cuts": (), "speed": values,
        "camera": np.zeros(len(TIMES)), "sharpness": np.full(len(TIMES), 0.6),
    }  # fmt: skip
    return Sights(**(facts | other))


def test_one_movement_is_kept_as_it_is():
    finding, kept = whole_movement(seen(speed((1, 1.9, 2.0))), (1.0, 2.0), RuleConfig())
    assert finding.good
    assert kept == (0.0, pytest.approx(3.0))


def test_the_part_after_a_round_off_is_kept():
    values = speed((0.5, 1.2, 2.0), (1.4, 2.2, 2.4))
    finding, (start_s, end_s) = whole_movement(seen(values), (0.4, 2.3), RuleConfig())
    assert finding.good
    assert finding.figures["movements"] == 2
    assert start_s == pytest.approx(1.35, abs=0.1)
    assert end_s == pytest.approx(2.3, abs=0.1)


def test_movements_outside_the_element_are_left_out():
    values = speed((0.2, 0.7, 2.0), (1.2, 1.9, 2.4), (2.3, 2.8, 2.0))
    finding, (start_s, end_s) = whole_movement(seen(values), (1.1, 2.0), RuleConfig())
    assert finding.good
    assert finding.figures == {
        "movements": 1.0,
        "elsewhere": 2.0,
        "fastest_heights_per_s": pytest.approx(2.3, abs=0.2),
    }
    assert 0.9 < start_s < 1.3
    assert 1.8 < end_s < 2.15


@pytest.mark.parametrize(
    ("bursts", "reason"),
    [
        ([], "no movement"),
        ([(0.2, 0.6, 2.0), (1.0, 1.5, 2.0), (2.0, 2.6, 2.0)], "3 movements"),
        ([(-0.5, 1.0, 2.0)], "under way"),
        ([(2.2, 3.4, 2.0)], "not over"),
    ],
)
def test_a_movement_that_is_not_whole_or_not_one_is_told(bursts, reason):
    finding, _ = whole_movement(seen(speed(*bursts)), (0.0, 3.0), RuleConfig())
    assert not finding.good
    assert reason in finding.reason


@pytest.mark.parametrize("fps", [10, 25, 60, 240])
def test_bursts_do_not_depend_on_the_frame_rate(fps):
    times = np.arange(0, 3, 1 / fps)
    values = np.interp(times, TIMES, speed((0.5, 1.2, 2.0), (1.8, 2.5, 2.4)))
    bursts, begun, unended = find_bursts(times.tolist(), values.tolist(), BurstConfig())
    assert (len(bursts), begun, unended) == (2, False, False)
    assert bursts[1].start_s == pytest.approx(1.87, abs=0.12)


def test_a_gap_in_what_is_known_is_no_burst():
    values = speed((1, 1.9, 2.0))
    values[[0, 30]] = np.nan
    (burst,), _, _ = find_bursts(TIMES.tolist(), values.tolist(), BurstConfig())
    assert isinstance(burst, Burst)
    assert find_bursts(TIMES.tolist(), np.full(len(TIMES), np.nan).tolist(), BurstConfig()) == (
        [],
        False,
        False,
    )


def other(left: float, tall: float, first: int, last: int) -> Sightings:
    boxes = np.tile([left, 500 - tall, left + 0.3 * tall, 500.0], (last - first, 1))
    return Sightings(TIMES[first:last], boxes)


@pytest.mark.parametrize(
    ("person", "people"),
    [
        (other(600.0, 380.0, 0, 75), 2),
        (other(600.0, 120.0, 0, 75), 1),  # far off
        (other(600.0, 380.0, 0, 5), 1),  # for an instant
        (other(105.0, 390.0, 0, 75), 1),  # the same person, followed twice
    ],
)
def test_who_counts_as_another_person(person, people):
    sights = seen(speed((1, 2, 2.0)))
    finding = alone(seen(sights.speed, people=(sights.people[0], person)), RuleConfig())
    assert (finding.figures["people"], finding.good) == (people, people == 1)


def test_nobody_is_told_too():
    assert alone(seen(speed(), people=()), RuleConfig()).reason == "nobody was found"


def test_the_gymnast_is_the_largest_in_every_shot():
    first, second = other(100.0, 400.0, 0, 30), other(700.0, 380.0, 30, 75)
    spectator = other(400.0, 150.0, 0, 75)
    gymnast, rest = most_prominent_first(Found((spectator, second, first), (float(TIMES[30]),)))
    assert len(gymnast.times_s) == 75
    assert gymnast.at(2.0)[0] == 700.0
    assert rest is spectator


def test_a_swung_camera_and_a_small_or_blurred_picture_are_told():
    config, values = RuleConfig(), speed((1, 2, 2.0))
    assert "swung" in one_camera(seen(values, camera=np.full(75, 2.0)), config).reason
    assert one_camera(seen(values, camera=np.full(75, np.nan)), config).good
    assert "cut at 1.20 s" in one_camera(seen(values, cuts=(30,)), config).reason
    assert not quality(seen(values, height=719), config).good
    assert quality(seen(values, width=720, height=1280), config).good
    blurred_for_an_instant = np.where(np.arange(75) % 3 == 0, 0.6, 0.1)
    assert quality(seen(values, sharpness=blurred_for_an_instant), config).good
    assert not quality(seen(values, sharpness=np.full(75, 0.2)), config).good


def test_the_speed_of_a_person_is_theirs_and_not_the_cameras():
    rng = np.random.default_rng(0)
    place = cv2.GaussianBlur(rng.integers(0, 255, (200, 360)).astype(np.uint8), (0, 0), 2)
    person = cv2.GaussianBlur(rng.integers(0, 255, (80, 30)).astype(np.uint8), (0, 0), 1.5)
    background = np.full((180, 320), 255, np.uint8)
    background[50:150, 90:150] = 0
    for camera_px, own_px in ((0, 0), (5, 0), (0, 3), (5, 3)):
        before, now = place[10:190, 10:330].copy(), place[10:190, 10 + camera_px : 330 + camera_px].copy()
        before[60:140, 100:130] = person
        now[60:140, 100 + own_px - camera_px : 130 + own_px - camera_px] = person
        step = camera_step(before, now, background)
        assert step.found
        assert step.T_now_before[0, 2] == pytest.approx(-camera_px, abs=0.3)
        box = np.array([100.0 - camera_px, 60.0, 130.0 - camera_px, 140.0])
        assert person_speed_px(before, now, box, step.T_now_before) == pytest.approx(own_px, abs=1.0)


@pytest.mark.parametrize("source", ["squats", "park"])
def test_blur_lowers_sharpness_whatever_is_shown(source, shared, park):
    if source == "park":
        picture = cv2.cvtColor(park[5], cv2.COLOR_RGB2GRAY)
    else:
        with av.open(str(shared / "data/videos/squats.mp4")) as container:
            picture = next(container.decode(video=0)).to_ndarray(format="gray")
    values = [
        sharpness(cv2.GaussianBlur(picture, (0, 0), sigma)) if sigma else sharpness(picture)
        for sigma in (0, 1, 2, 4)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.55 > 0.45 > values[2]
    assert sharpness(np.zeros((20, 20), np.uint8)) == 0.0


def test_nobody_is_found_in_an_empty_picture(find_people, write_film, tmp_path: Path):
    flat = [np.full((120, 160, 3), 100 + k, np.uint8) for k in range(8)]
    assert find_people(write_film(tmp_path / "flat.mp4", flat)) == Found((), ())
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a readable video"):
        find_people(tmp_path / "no.mp4")


def test_the_commands_lead_from_a_plan_to_a_list_of_clips(park, find_people, write_film, tmp_path, capsys):
    """Two clips of one video, one of them of two people, decided by the rules."""
    good, bad = (composed(park, defect)[0] for defect in ("nothing", "two people"))
    write_film(tmp_path / "videos/vvvvvvvvvvv.mp4", good + bad, FPS)
    seconds = len(good) / FPS
    plan = [
        PlannedClip(
            f"vvvvvvvvvvv_E_000000_000009_A_000{k}_0009", "vvvvvvvvvvv", k * seconds, (k + 1) * seconds,
            k * seconds + ELEMENT_S[0], k * seconds + ELEMENT_S[1], 43, "arms_up", "train", "exact",
        )
        for k in (0, 1)
    ]  # fmt: skip
    write_plan(plan, tmp_path / "plan.csv")
    clips, out = tmp_path / "clips", tmp_path / "chosen"
    main(
        [
            "finegym",
            "cut",
            str(tmp_path / "plan.csv"),
            "--videos",
            str(tmp_path / "videos"),
            "--out",
            str(clips),
        ]
    )
    command = ["finegym", "curate", str(clips), "--out", str(out), "--by", "rules", "--threads", "1"]
    main(command)
    assert "1 accept, 0 trim, 1 reject" in capsys.readouterr().out
    (listed,) = read_listing(out / "listing.csv")
    assert (listed.action, listed.file) == ("arms_up", out / "arms_up" / f"{plan[0].clip}.mp4")
    with (clips / "checks.csv").open() as file:
        rows = {row["clip"]: row for row in csv.DictReader(file)}
    assert [rows[clip.clip]["failed"] for clip in plan] == ["", "alone"]
    written = (clips / "checks.json").stat().st_mtime_ns
    before = json.loads((clips / "checks.json").read_text())
    main(command)  # nothing is looked at again, and an earlier choice is replaced
    assert json.loads((clips / "checks.json").read_text()) == before
    assert written <= (clips / "checks.json").stat().st_mtime_ns
    assert FINEGYM.check(out, 0, None).actions == {"arms_up": 1}
