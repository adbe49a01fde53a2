"""The whole path in one command, on a bundled model: estimate, generate, score, export, report."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from motionary import progress
from motionary.body.assets import get_asset, load_body
from motionary.body.smpl import BodyModel
from motionary.estimators import VideoEstimate, load_estimator, save_estimate
from motionary.estimators.video import Video
from motionary.export import EXPORTERS, export_motion
from motionary.export.figure import save_png, tile
from motionary.export.overlay import draw_people
from motionary.export.render import load_renderer
from motionary.export.surface import Surface
from motionary.generation import generate
from motionary.models import Model, load_model
from motionary.motion import Motion
from motionary.report import ReportConfig, Section, credits_of, run_sections, score_bundled, write_report

MODEL_NAME = "hdm05"
PER_ACTION = 3
SEEDS = 20
OVERLAYS = 4
OVERLAY_FACES = 30_000
OVERLAY_WIDTH_PX = 720


@dataclass(frozen=True)
class Stage:
    """One step of the demo."""

    title: str
    run: Callable[[], list[Section]]


def run_demo(out: Path) -> Path:
    """Run every stage and write OUT/report.html.

    A stage that needs the network says so when it is not there, and the rest goes on.

    Returns:
        The report's path.
    """
    model, body = load_model(MODEL_NAME), load_body()
    made: dict[str, list[Section]] = {}
    stages = (
        Stage("Motion from a video", lambda: [_estimate(out / "estimate", body)]),
        Stage("Every learned action, performed anew", lambda: _perform(model, out)),
        Stage("One motion, to take away", lambda: [_export(out, body)]),
    )
    for number, stage in enumerate(stages, 1):
        progress.say(f"{number}/{len(stages)} {stage.title} ...")
        started = perf_counter()
        made[stage.title] = stage.run()
        progress.say(f"    done in {perf_counter() - started:.0f} s")
    seen, performed, taken = made.values()
    footer = f"{credits_of(model)}\nPose estimator: BlazePose (Apache-2.0)."
    return write_report(out / "report.html", "Motionary demo", [*seen, *performed, *taken], footer)


def _estimate(out: Path, body: BodyModel) -> Section:
    title = "Motion from a video"
    try:
        video = get_asset("sample-video")
        estimator = load_estimator("blazepose")
    except OSError as error:
        progress.say(f"    skipped: {error}")
        return Section(title, f"Left out, because a download did not succeed: {error}")
    estimate = estimator(video)
    save_estimate(estimate, out)
    overlay = out / "overlay.png"
    save_png(tile(_overlays(video, estimate, body), columns=2), overlay)
    facts = estimate.summary()
    people = [("person", "from s", "to s", "frames", "seen", "confidence")]
    people += [
        (
            str(person["person"]),
            f"{person['start_s']:.1f}",
            f"{person['end_s']:.1f}",
            str(person["frames"]),
            str(person["frames_seen"]),
            f"{person['mean_confidence']:.2f}",
        )
        for person in facts["people"]
    ]
    text = (
        f"{video.name}: {estimate.video.frames} frames of {estimate.video.width} x {estimate.video.height} "
        "pixels, from the Sports2D package (BSD-3-Clause). The estimated bodies are drawn over its frames."
    )
    return Section(title, text, media=(overlay,), table=tuple(people))


def _overlays(video: Path, estimate: VideoEstimate, body: BodyModel) -> list[UInt8[ndarray, "H W 3"]]:
    """A few frames of a video, evenly spread over the time in which its first person is seen."""
    surface, renderer = Surface.of(body, OVERLAY_FACES), load_renderer()
    first = next(iter(estimate.people.values()))
    people = [person.pictured() for person in estimate.people.values()]
    wanted = np.linspace(first.times_s[0], first.times_s[-1], OVERLAYS + 2)[1:-1].tolist()
    pictures = []
    for frame in Video(video).frames():
        if wanted and frame.time_s >= wanted[0]:
            wanted.pop(0)
            drawn = draw_people(frame.rgb(), frame.time_s, people, surface, renderer)
            size = (OVERLAY_WIDTH_PX, round(drawn.shape[0] * OVERLAY_WIDTH_PX / drawn.shape[1]))
            pictures.append(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA))
    return pictures


def _perform(model: Model, out: Path) -> list[Section]:
    """What `motionary report` says of the model, its motions and scores kept beside it."""
    result = score_bundled(MODEL_NAME, model, SEEDS)
    result.save(out / "metrics.json")
    for action in model.actions:
        for index, motion in enumerate(generate(model, action, PER_ACTION, seed=0)):
            motion.save(out / "motions" / f"{action}_{index}.npz")
    return run_sections(MODEL_NAME, model, result, ReportConfig(samples=PER_ACTION))


def _export(out: Path, body: BodyModel) -> Section:
    motion = Motion.load(min((out / "motions").glob("*_0.npz")))
    folder = out / "export"
    files = [export_motion(motion, folder / f"{motion.action}{suffix}", body) for suffix in EXPORTERS]
    names = [("file", "kB")] + [(path.name, f"{path.stat().st_size / 1000:.0f}") for path in files]
    film = next(path for path in files if path.suffix == ".mp4")
    return Section(
        "One motion, to take away", f"All of them lie in {folder}.", media=(film,), table=tuple(names)
    )
