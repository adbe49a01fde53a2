"""Which parts of which videos are wanted: the plan, a CSV file with one line per clip."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from motionary.atomic import write_atomically
from motionary.documents import csv_rows, read_text
from motionary.finegym.annotations import Annotations, Category, Element
from motionary.finegym.durations import of_times, of_whole_seconds


@dataclass(frozen=True)
class PlanConfig:
    """What is wanted."""

    labels: tuple[int, ...]
    before_s: float = 0.5
    """Kept before each element: a movement starts before it is told apart, and a rest shows where."""
    after_s: float = 0.5
    splits: tuple[str, ...] = ()
    """All when empty."""
    names: dict[int, str] = field(default_factory=dict)
    """Action names of labels; those of the category list otherwise."""


@dataclass(frozen=True)
class PlannedClip:
    """One line of a plan. Times are seconds of the video."""

    clip: str
    """The element's name, which names the files."""
    video: str
    start: float
    end: float
    element_start: float
    element_end: float
    label: int
    action: str
    split: str
    times: str
    """"exact" or "whole seconds"."""


def plan_clips(annotations: Annotations, config: PlanConfig) -> list[PlannedClip]:
    """The clips of the wanted labels, by video and time.

    Raises:
        ValueError: If a label or a split does not occur.
    """
    elements = annotations.elements
    labels = {element.label for element in elements}
    splits = sorted({element.split for element in elements})
    unknown = sorted(set(config.labels) - labels)
    if unknown or not config.labels:
        raise ValueError(
            f"Expected labels that the lists hold ({min(labels)} to {max(labels)}); got {list(unknown)}."
        )
    if strange := sorted(set(config.splits) - set(splits)):
        raise ValueError(f"No split {', '.join(strange)} in the lists; there is {', '.join(splits)}.")
    actions = action_names(annotations.categories, config)
    wanted = [
        element
        for element in elements
        if element.label in config.labels and (not config.splits or element.split in config.splits)
    ]
    wanted.sort(key=lambda element: (element.video, element.start_s, element.name))
    return [_planned(element, actions[element.label], config) for element in wanted]


def _planned(element: Element, action: str, config: PlanConfig) -> PlannedClip:
    return PlannedClip(
        clip=element.name,
        video=element.video,
        start=round(max(element.start_s - config.before_s, 0.0), 3),
        end=round(element.end_s + config.after_s, 3),
        element_start=round(element.start_s, 3),
        element_end=round(element.end_s, 3),
        label=element.label,
        action=action,
        split=element.split,
        times="exact" if element.exact else "whole seconds",
    )


def action_names(categories: dict[int, Category], config: PlanConfig) -> dict[int, str]:
    """A name, fit for a folder, for every wanted label; the label is added where two would be alike."""
    named = {
        label: config.names.get(label)
        or (categories[label].name if label in categories else f"label_{label}")
        for label in config.labels
    }
    short = {
        label: re.sub(r"[^\w-]+", "_", re.split(r"[,(/]", name)[0].strip()).strip("_") or f"label_{label}"
        for label, name in named.items()
    }
    counts = Counter(name for label, name in short.items() if label not in config.names)
    return {
        label: name if label in config.names or counts[name] < 2 else f"{name}_{label}"
        for label, name in short.items()
    }


@dataclass(frozen=True)
class PlanRow:
    """What a plan holds of one label."""

    label: int
    action: str
    category: str
    counts: dict[str, int]
    """Elements by split."""
    videos: int
    median_s: float
    short_share: float
    exact: bool
    """Whether the durations are annotated ones or estimated from whole seconds."""


def summarise(
    plan: Sequence[PlannedClip], annotations: Annotations, short_frames: int = 25, fps: float = 25.0
) -> list[PlanRow]:
    """Counts and durations of the plan's labels.

    Args:
        plan: The clips.
        annotations: Those they were planned from.
        short_frames: Elements that have fewer frames than this at `fps` count as short.
        fps: Frames per second.
    """
    elements = {element.name: element for element in annotations.elements}
    rows = []
    for label in sorted({clip.label for clip in plan}):
        clips = [clip for clip in plan if clip.label == label]
        members = [elements[clip.clip] for clip in clips]
        exact = all(element.exact for element in members)
        short_s = short_frames / fps
        if exact:
            figures = of_times([element.end_s - element.start_s for element in members], short_s)
        else:
            figures = of_whole_seconds([element.whole_s for element in members], short_s)
        category = annotations.categories.get(label)
        rows.append(
            PlanRow(
                label=label,
                action=clips[0].action,
                category=f"{category.apparatus} {category.name}".strip() if category else "",
                counts=dict(sorted(Counter(clip.split for clip in clips).items())),
                videos=len({clip.video for clip in clips}),
                median_s=figures.median_s,
                short_share=figures.short_share,
                exact=exact,
            )
        )
    return rows


def write_plan(plan: Sequence[PlannedClip], path: Path) -> None:
    """Write the plan as CSV."""
    write_rows(path, plan, PlannedClip)


def read_plan(path: Path) -> list[PlannedClip]:
    """Read a plan.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no plan, or names a clip twice or in a way that would leave its folder.
    """
    plan: list[PlannedClip] = read_rows(path, PlannedClip, "motionary finegym plan")
    seen: set[str] = set()
    for clip in plan:
        if clip.clip in seen or not all(map(safe, (clip.clip, clip.video, clip.action))):
            raise ValueError(
                f"{path}: the clip {clip.clip!r} of {clip.video!r} is listed twice or no file name."
            )
        if not 0 <= clip.start < clip.end:
            raise ValueError(
                f"{path}: {clip.clip} must end after its start; got {clip.start} to {clip.end} s."
            )
        seen.add(clip.clip)
    return plan


def safe(name: str) -> bool:
    """Whether a name stays in its folder when it becomes a file's."""
    return bool(re.fullmatch(r"[\w-][\w.+-]*", name)) and len(name) < 200


def write_rows(path: Path, rows: Sequence[Any], kind: type) -> None:
    """Write dataclasses of one kind as a CSV file with their field names as headings."""
    text = io.StringIO()
    headings = [item.name for item in fields(kind)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([getattr(row, heading) for heading in headings] for row in rows)
    write_atomically(path, text.getvalue().encode())


def read_rows(path: Path, kind: type, made_by: str) -> list[Any]:
    """Read what `write_rows` wrote; other columns are left alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing or a value is not of its kind.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No file at {path}; `{made_by}` makes it.")
    types = get_type_hints(kind)
    rows = []
    lines = csv_rows(io.StringIO(read_text(path), newline=""), path)
    _, headings = next(lines, (1, []))
    if missing := [name for name in types if name not in headings]:
        raise ValueError(f"{path} has no column {', '.join(missing)}; `{made_by}` makes such files.")
    for number, cells in lines:
        if not cells:
            continue
        row = dict(zip(headings, cells, strict=False))
        try:
            rows.append(kind(**{name: convert(row[name]) for name, convert in types.items()}))
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path}, line {number}: {error}.") from None
    return rows
