"""The comparison as one self-contained page: strips one above the other, tables, and the numbers as JSON."""

import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from motionary import progress
from motionary.atomic import write_atomically
from motionary.body.smpl import BodyModel
from motionary.comparison.contenders import Contender
from motionary.comparison.measures import MEASURES, apart_mm, averages, common_times, measure_clips, shown_at
from motionary.comparison.scores import Seen, fid_between, look
from motionary.export.figure import save_png, strip
from motionary.export.floor import BACKGROUND
from motionary.export.lettering import write_text
from motionary.export.render import Renderer, load_renderer
from motionary.models.recognisers import Recogniser
from motionary.report import Section, write_report

POSES = 10
"""In a strip, where nothing else is asked for."""

MOST_POSES = 14
"""In a strip; of a long clip they are taken from its beginning."""


@dataclass(frozen=True)
class CompareConfig:
    """What the page shows."""

    every: int | None = None
    """Frames, of the first contender, from one pose of a strip to the next; ten poses when None."""
    most_strips: int = 12
    """Clips that are drawn; all are measured."""
    row_px: int = 220
    """Height of a strip."""

    def __post_init__(self) -> None:
        """Check that there is something to draw."""
        if self.every is not None and self.every < 1:
            raise ValueError(f"`every` counts frames and must be at least 1; got {self.every}.")


def write_comparison(
    contenders: tuple[Contender, ...],
    recognisers: dict[str, Recogniser],
    out: Path,
    body: BodyModel,
    config: CompareConfig,
) -> Path:
    """Write OUT/compare.html, and compare.json with every number in it.

    Args:
        contenders: From `read_contenders`.
        recognisers: By name; none is needed.
        out: Folder.
        body: Whose skin, and whose joints are measured.
        config: What is shown.
    """
    measured = measure_clips(contenders, body)
    apart = apart_mm(contenders, body) if contenders[0].kind == "estimates" else {}
    seen = {name: {c.name: look(c, judge) for c in contenders} for name, judge in recognisers.items()}
    with tempfile.TemporaryDirectory(prefix="motionary-") as folder:
        strips = _strips(contenders, body, config, Path(folder))
        sections = [
            _overall(contenders, measured),
            *_apart_sections(contenders, apart),
            *(_judged_section(name, found) for name, found in seen.items()),
            *strips,
            _every_clip(contenders, measured),
        ]
        names = " and ".join(contender.name for contender in contenders)
        what = "videos" if contenders[0].kind == "estimates" else "actions"
        footer = f"{len(contenders[0].clips)} {what} that all of them have. Made by `motionary compare`."
        page = write_report(out / "compare.html", f"{names} beside one another", sections, footer)
    content = _content(contenders, measured, apart, seen)
    write_atomically(out / "compare.json", (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    return page


def _overall(contenders: tuple[Contender, ...], measured: dict[str, dict[str, dict[str, float]]]) -> Section:
    means = {name: averages(clips) for name, clips in measured.items()}
    rows = [
        (measure.heading, *(_number(means[c.name][key], measure.scale, measure.digits) for c in contenders))
        for key, measure in MEASURES.items()
    ]
    verdicts = [[v for clip in c.clips.values() for v in clip.verdicts] for c in contenders]
    if any(verdicts):
        rows.append(("stretches judged good", *(f"{v.count('good')} of {len(v)}" for v in verdicts)))
    text = (
        "Means over the clips. Coverage: share of the video with a valid pose. Range of motion: the diagonal "
        "of the box that each joint moves in, the pelvis' path left out. Completeness: range of the leading "
        "joints against the contenders' mean: 100 % says that they agree, not that they are right. Freeze: "
        "share of the time in which nothing moves that should."
    )
    return Section("All clips", text, table=(("", *(c.name for c in contenders)), *rows))


def _apart_sections(contenders: tuple[Contender, ...], apart: dict[tuple[str, str], float]) -> list[Section]:
    if not apart:
        return []
    rows = [(f"{a} - {b}", _number(mm, 1.0, 0)) for (a, b), mm in apart.items()]
    text = (
        "Distance of joints at the same times, after the best turn about the pelvis: it says who differs, "
        "not who is right."
    )
    return [Section("How far apart", text, table=(("", "mm"), *rows))]


def _judged_section(name: str, seen: dict[str, Seen]) -> Section:
    fid = fid_between(seen)
    heads = ("", "windows", "accuracy %", *(f"FID to {other}" for other in seen), "recognised most")
    rows = [
        (
            who,
            str(len(found.features)),
            _number(found.accuracy, 100.0, 1),
            *(_number(fid.get((who, other), math.nan), 1.0, 2) for other in seen),
            found.commonest,
        )
        for who, found in seen.items()
    ]
    size = next(iter(seen.values())).features.shape[1]
    text = (
        f"FID from fewer windows than the {size} features of this recogniser is biased upwards: compare it "
        "within this table only."
    )
    return Section(f"As {name} recognises them", text, table=(heads, *rows))


def _every_clip(
    contenders: tuple[Contender, ...], measured: dict[str, dict[str, dict[str, float]]]
) -> Section:
    shown = ("coverage", "range", "jitter")
    heads = ("clip", *(f"{c.name}: {MEASURES[key].heading}" for key in shown for c in contenders))
    rows = [
        (
            clip,
            *(
                _number(measured[c.name][clip][key], MEASURES[key].scale, MEASURES[key].digits)
                for key in shown
                for c in contenders
            ),
        )
        for clip in contenders[0].clips
    ]
    return Section("Every clip", table=(heads, *rows))


def _strips(
    contenders: tuple[Contender, ...], body: BodyModel, config: CompareConfig, folder: Path
) -> list[Section]:
    renderer, shown = load_renderer(), list(contenders[0].clips)[: config.most_strips]
    return [
        _clip_section(contenders, name, body, config, renderer, folder / f"strip_{index}.png")
        for index, name in enumerate(progress.each(shown, "drawing", unit="strip"))
    ]


def _clip_section(
    contenders: tuple[Contender, ...],
    name: str,
    body: BodyModel,
    config: CompareConfig,
    renderer: Renderer,
    path: Path,
) -> Section:
    """Strips of one clip, one above the other, at times at which everybody shows the person."""
    clips = tuple(contender.clips[name] for contender in contenders)
    times_s = common_times(clips, (config.every or 1) / clips[0].stretches[0].motion.fps)
    if not len(times_s):
        return Section(name, "There is no time at which all of them show the person.")
    if config.every is None:
        times_s = times_s[np.unique(np.linspace(0, len(times_s) - 1, POSES).round().astype(int))]
    times_s = times_s[:MOST_POSES]
    rows = [
        _captioned(strip(shown_at(clip, times_s), body, 1, config.row_px, renderer), contender.name)
        for clip, contender in zip(clips, contenders, strict=True)
    ]
    save_png(_one_above_the_other(rows), path)
    return Section(name, f"Poses at {', '.join(f'{time_s:.2f}' for time_s in times_s)} s.", media=(path,))


def _captioned(picture: UInt8[ndarray, "H W 3"], caption: str) -> UInt8[ndarray, "H2 W 3"]:
    letters_px = max(12, picture.shape[0] // 14)
    band = np.full((2 * letters_px, picture.shape[1], 3), BACKGROUND, np.uint8)
    return np.concatenate(
        [write_text(band, caption, (letters_px, letters_px), letters_px, anchor="lm"), picture]
    )


def _one_above_the_other(rows: list[UInt8[ndarray, "_ _ 3"]]) -> UInt8[ndarray, "H W 3"]:
    """Pictures brought to one width, so that poses of one time stand about below one another."""
    width = max(row.shape[1] for row in rows)
    sized = [
        cv2.resize(row, (width, round(row.shape[0] * width / row.shape[1])), interpolation=cv2.INTER_CUBIC)
        for row in rows
    ]
    return np.concatenate(sized)


def _number(value: float, scale: float, digits: int) -> str:
    return f"{scale * value:.{digits}f}" if math.isfinite(value) else "-"


def _content(
    contenders: tuple[Contender, ...],
    measured: dict[str, dict[str, dict[str, float]]],
    apart: dict[tuple[str, str], float],
    seen: dict[str, dict[str, Seen]],
) -> dict[str, Any]:
    judged = {
        judge: {
            "accuracy": {who: _or_none(found.accuracy) for who, found in by_contender.items()},
            "windows": {who: len(found.features) for who, found in by_contender.items()},
            "fid": [
                {"of": a, "to": b, "fid": _or_none(value)}
                for (a, b), value in fid_between(by_contender).items()
            ],
        }
        for judge, by_contender in seen.items()
    }
    return {
        "contenders": [contender.name for contender in contenders],
        "kind": contenders[0].kind,
        "clips": {
            name: {
                c.name: {key: _or_none(v) for key, v in measured[c.name][name].items()} for c in contenders
            }
            for name in contenders[0].clips
        },
        "apart_mm": [{"a": a, "b": b, "mm": _or_none(mm)} for (a, b), mm in apart.items()],
        "recognisers": judged,
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
