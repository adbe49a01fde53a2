"""The whole path in one command, on a bundled model: estimate, generate, score, export, report."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from rich.console import Console

from motionary.body.assets import get_asset, load_body
from motionary.body.smpl import BodyModel
from motionary.estimators import PersonEstimate, VideoEstimate, load_estimator, save_estimate
from motionary.estimators.video import Video
from motionary.evaluation import evaluate
from motionary.evaluation.real import RealFeatures
from motionary.export import EXPORTERS, export_motion
from motionary.export.figure import save_png, sheet, tile
from motionary.export.render import Renderer, load_renderer, render_overlay
from motionary.export.surface import Surface
from motionary.generation import generate
from motionary.models import Model, load_model
from motionary.models.checkpoint import BUNDLED
from motionary.motion import Motion
from motionary.recognition import load_recogniser
from motionary.report import Section, write_report

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
    run: Callable[[], Section]


def run_demo(out: Path) -> Path:
    """Run every stage and write OUT/report.html.

    A stage that needs the network says so when it is not there, and the rest goes on.

    Returns:
        The report's path.
    """
    console = Console()
    model, body = load_model(MODEL_NAME), load_body()
    performed: dict[str, list[Motion]] = {}
    stages = (
        Stage("Motion from a video", lambda: _estimate(out / "estimate", body)),
        Stage(
            "Every learned action, performed anew", lambda: _generate(model, out / "motions", body, performed)
        ),
        Stage("Scores", lambda: _evaluate(model, out / "metrics.json")),
        Stage("One motion, to take away", lambda: _export(performed, out / "export", body)),
    )
    sections = []
    for number, stage in enumerate(stages, 1):
        console.print(f"[bold]{number}/{len(stages)}[/bold] {stage.title} ...")
        started = perf_counter()
        sections.append(stage.run())
        console.print(f"    done in {perf_counter() - started:.0f} s")
    return write_report(out / "report.html", "Motionary demo", sections, footer=_credits(model))


def _estimate(out: Path, body: BodyModel) -> Section:
    title = "Motion from a video"
    try:
        video = get_asset("sample-video")
        estimator = load_estimator("blazepose")
    except OSError as error:
        print(f"    skipped: {error}")
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
    wanted = np.linspace(first.times_s[0], first.times_s[-1], OVERLAYS + 2)[1:-1].tolist()
    pictures = []
    for frame in Video(video).frames():
        if wanted and frame.time_s >= wanted[0]:
            wanted.pop(0)
            drawn = draw_people(frame.rgb(), frame.time_s, estimate.people.values(), surface, renderer)
            size = (OVERLAY_WIDTH_PX, round(drawn.shape[0] * OVERLAY_WIDTH_PX / drawn.shape[1]))
            pictures.append(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA))
    return pictures


def draw_people(
    image: UInt8[ndarray, "H W 3"],
    time_s: float,
    people: Iterable[PersonEstimate],
    surface: Surface,
    renderer: Renderer,
) -> UInt8[ndarray, "H W 3"]:
    """A video's frame with everybody's estimated body drawn where the picture has them."""
    height, width = image.shape[:2]
    bodies, focal_px = [], float(width)
    for person in people:
        index = person.frame_at(time_s)
        if index is not None:
            world_m = surface.vertices(person.as_pictured().crop(index, index + 1))[0]
            bodies.append(person.view.to_camera(world_m).astype(np.float32))
            focal_px = person.view.camera.focal_px  # one camera filmed them all
    if not bodies:
        return image
    return render_overlay(image, bodies, surface.faces, focal_px, (width / 2, height / 2), renderer)


def _generate(model: Model, out: Path, body: BodyModel, performed: dict[str, list[Motion]]) -> Section:
    for action in model.actions:
        performed[action] = generate(model, action, PER_ACTION, seed=0)
        for index, motion in enumerate(performed[action]):
            motion.save(out / f"{action}_{index}.npz")
    picture = out / "actions.png"
    save_png(sheet(list(performed.items()), body), picture)
    count = sum(len(motions) for motions in performed.values())
    text = f"{count} motions of {len(performed)} actions, a row each. Time runs from pale to strong."
    return Section("Every learned action, performed anew", text, media=(picture,))


def _evaluate(model: Model, out: Path) -> Section:
    real = RealFeatures.load(BUNDLED / MODEL_NAME / "real_features.npz")
    result = evaluate(model, real, load_recogniser(MODEL_NAME), seeds=SEEDS)
    result.save(out)
    Console().print(result.table())
    scores = result.grids()[0]
    text = f"{scores.title}. {scores.caption}"
    return Section("Scores", text, table=(scores.headings, *scores.rows))


def _export(performed: dict[str, list[Motion]], out: Path, body: BodyModel) -> Section:
    action, motions = next(iter(performed.items()))
    files = [export_motion(motions[0], out / f"{action}{suffix}", body) for suffix in EXPORTERS]
    names = [("file", "kB")] + [(path.name, f"{path.stat().st_size / 1000:.0f}") for path in files]
    film = next(path for path in files if path.suffix == ".mp4")
    return Section(
        "One motion, to take away", f"All of them lie in {out}.", media=(film,), table=tuple(names)
    )


def _credits(model: Model) -> str:
    return (
        f"Model {MODEL_NAME}: {model.licence}. Body: mannequin-x (Apache-2.0). "
        "Pose estimator: BlazePose (Apache-2.0)."
    )
