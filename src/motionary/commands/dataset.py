"""`motionary import` and `motionary dataset ...`: making data sets, looking at them, changing them."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal, get_args

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional, arg

Recordings = Literal["auto", "bvh", "amc", "amass"]
Results = Literal["vibe", "pare", "wham", "gvhmr", "4dhumans", "tram", "smplx"]
Published = Literal["ntu13", "humanact12", "uestc"]


def import_(
    source: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    format: Recordings | Results | Published = "auto",
    label_pattern: str | None = None,
    fps: float | None = None,
    test_fraction: float = 0.2,
    test_subject: tuple[str, ...] = (),
    seed: int = 0,
    licence: str = "unknown",
    workers: int | None = None,
) -> None:
    """Turn motion capture, other systems' estimates, or a data set ACTOR was published on into a data set.

    Args:
        source: Files, or folders searched for them; the folder of a published data set.
        out: Folder of the new data set.
        format: What the files are; auto goes by suffix and content. vibe to smplx are results of pose
            estimators; ntu13, humanact12 and uestc are published data sets.
        label_pattern: Regular expression with (?P<action>...) and perhaps (?P<subject>...), searched in each
            file's name. Without it the label is the parent folder's name.
        fps: Frame rate of the data set; 30 for motion capture, its own for a published data set. Of estimates
            the rate of their video, which few files say; 30 where it is needed and not given.
        test_fraction: Share of every action's clips held out for testing, where no split by subject was
            published.
        test_subject: Hold out all clips of these subjects instead.
        seed: Chooses the held-out clips.
        licence: Licence of the recordings, noted in the data set and in models trained on it.
        workers: Processes; one per core when not given.
    """
    from motionary.datasets.published_import import PublishedImport, import_published_set
    from motionary.datasets.recordings import RecordingImport, import_data_set
    from motionary.datasets.results import ResultImport, holds_results, import_results

    if not source:
        raise ValueError("Expected a file or folder to import; none was given.")
    if format in get_args(Results) or (format == "auto" and holds_results(source)):
        dataset = import_results(
            source, out, ResultImport(format, label_pattern, fps, test_fraction, test_subject, seed, licence)
        )
        if "fps_assumed" in dataset.provenance:
            print("note: no frame rate in the files; took 30, --fps gives the video's", file=sys.stderr)
    elif format in ("auto", "bvh", "amc", "amass"):
        options = RecordingImport(
            format, label_pattern, fps or 30.0, test_fraction, test_subject, seed, licence
        )
        dataset = import_data_set(source, out, options, workers=workers)
    elif len(source) > 1 or label_pattern:
        raise ValueError(f"{format} is one folder with labels of its own: give one SOURCE and no pattern.")
    else:
        published = PublishedImport(fps, test_fraction, test_subject, seed, licence)
        dataset = import_published_set(source[0], format, out, published)
    for item in dataset.rejected:
        print(f"rejected {item.source}: {item.reason}", file=sys.stderr)
    print(
        f"{len(dataset)} clips of {len(dataset.actions)} actions, {len(dataset.rejected)} rejected -> {out}"
    )


def dataset_inspect(
    dataset: Positional[Path], /, *, json_: Annotated[bool, arg(name="json")] = False
) -> None:
    """Show what a data set holds: actions, clips, durations, and what was rejected and why.

    Args:
        dataset: Data set folder.
        json_: Print JSON instead of tables.
    """
    from motionary.datasets import Dataset

    summary = Dataset.load(dataset).summary()
    if json_:
        print(json.dumps(summary, indent=1))
        return
    console = Console()
    table = Table(
        title=f"{summary['clips']} clips at {summary['fps']:g} frames/s, licence: {summary['licence']}"
    )
    table.add_column("action", overflow="fold", ratio=1)
    for heading in ("clips", "train", "test", "sum s", "min s", "max s", "seen"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary["actions"]:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)
    for item in summary["rejected"]:
        console.print(f"rejected {item['source']}: {item['reason']}", highlight=False)
