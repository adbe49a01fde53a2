"""`motionary import` and `motionary dataset ...`: making data sets, looking at them, changing them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from rich.table import Table
from tyro.conf import Positional

from motionary import progress
from motionary.commands.speaking import Answer

if TYPE_CHECKING:
    from motionary.datasets import Dataset
    from motionary.datasets.named import NamedImport
    from motionary.datasets.results import ResultImport

SHOWN = ("action", "clips", "train", "test", "seconds_total", "seconds_min", "seconds_max", "coverage")
"""Columns of the table of actions."""
MOST_LINES = 50
"""Lines in a terminal; a filtered data set may have thousands."""

Recordings = Literal["auto", "bvh", "amc", "amass"]
Results = Literal["vibe", "pare", "wham", "gvhmr", "4dhumans", "tram", "smplx"]
Named = Literal["hdm05", "bandai", "ntu13", "humanact12", "uestc"]


def import_(
    source: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    format: Recordings | Results | Named = "auto",
    label_pattern: str | None = None,
    fps: float | None = None,
    test_fraction: float = 0.2,
    test_subject: tuple[str, ...] = (),
    seed: int = 0,
    licence: str | None = None,
    workers: int | None = None,
    units: Literal["auto", "m", "cm", "mm", "inch"] = "auto",
    up: Literal["auto", "x", "y", "z"] = "auto",
    amc_fps: float = 120.0,
) -> Answer:
    """Make a data set of motion capture, estimates, or a set with a name.

    Args:
        source: Files, or folders searched for them; a list of clips, a .csv with the columns file,start,end,
            action,subject; the folder or archive of a named data set.
        out: Folder of the new data set.
        format: What the files are; auto goes by suffix and content. vibe to smplx are results of pose
            estimators; hdm05 to uestc are data sets that `motionary dataset list` tells about.
        label_pattern: Regular expression with (?P<action>...) and perhaps (?P<subject>...), searched in each
            file's name. Without it the label is the parent folder's name, or what a named data set says.
        fps: Frame rate that every clip is brought to; each keeps its own when not given: training resamples.
            Of estimates the rate of their video, which few files say; 30 where it is needed and not given.
        test_fraction: Share of every action's clips held out for testing, where no split by subject was
            published.
        test_subject: Hold out all clips of these subjects instead.
        seed: Chooses the held-out clips.
        licence: Of the recordings, noted in models trained on them; a named data set's own when not given.
        workers: Processes; one per core when not given.
        units: Unit of length of BVH files, where what is found from the skeleton is wrong.
        up: Vertical axis of the files, likewise.
        amc_fps: Frame rate of .amc files, which do not tell it.
    """
    from motionary.datasets.named import NamedImport
    from motionary.datasets.recordings import RecordingImport, import_data_set
    from motionary.datasets.results import ResultImport, holds_results

    if not source:
        raise ValueError("Expected a file or folder to import; none was given.")
    split = (test_fraction, test_subject, seed)
    own = (units, up, amc_fps) != ("auto", "auto", 120.0)
    if format in get_args(Results) or (format == "auto" and holds_results(source)):
        _refuse(own, format)
        results = ResultImport(format, label_pattern, fps, *split, licence or "unknown")
        dataset = _import_results(source, out, results)
    elif format in get_args(Named) or (format == "amass" and not own and _is_one_folder(source)):
        _refuse(own, format)
        named = NamedImport(fps, label_pattern, *split, licence, workers)
        dataset = _import_named(format, source, out, named)
    else:
        kind, licence = cast(Recordings, format), licence or "unknown"
        options = RecordingImport(kind, label_pattern, fps, *split, licence, units, up, amc_fps)
        dataset = import_data_set(source, out, options, workers=workers)
    return _imported(dataset, out)


def _refuse(own: bool, format: str) -> None:
    if own:
        raise ValueError(f"--units, --up and --amc-fps are for other motion capture; {format} has its own.")


def _is_one_folder(source: tuple[Path, ...]) -> bool:
    """Or one file, but no list of clips."""
    return len(source) == 1 and source[0].suffix.lower() != ".csv"


def _import_results(source: tuple[Path, ...], out: Path, options: "ResultImport") -> "Dataset":
    from motionary.datasets.results import import_results

    dataset = import_results(source, out, options)
    if "fps_assumed" in dataset.provenance:
        progress.say("note: no frame rate in the files; took 30, --fps gives the video's")
    return dataset


def _import_named(name: str, source: tuple[Path, ...], out: Path, options: "NamedImport") -> "Dataset":
    from motionary.datasets.named import load_named

    if len(source) > 1:
        raise ValueError(f"{name} is one folder or archive; got {len(source)}.")
    return load_named(name).import_(source[0], out, options)


def _imported(dataset: "Dataset", out: Path) -> Answer:
    for item in dataset.rejected:
        progress.say(f"rejected {item.source}: {item.reason}")
    summary = dataset.summary()
    for line in suspect_lines(summary):
        progress.say(line)
    said = (
        f"{len(dataset)} clips of {len(dataset.actions)} actions, {len(summary['suspect'])} of them suspect, "
        f"{len(dataset.rejected)} rejected -> {out}"
    )
    return Answer({"out": str(out), **summary}, (said,))


def suspect_lines(summary: dict[str, Any]) -> list[str]:
    """A line for each clip that looks wrong, by a data set's summary."""
    return _first_lines("suspect", [(item["clip"], item["reason"]) for item in summary["suspect"]])


def _first_lines(what: str, named: list[tuple[str, str]]) -> list[str]:
    """A line for each of the first clips that something is wrong with, named and with the reason."""
    lines = [f"{what} {name}: {reason}" for name, reason in named[:MOST_LINES]]
    more = len(named) - len(lines)
    return [*lines, f"and {more} more {what}: --json lists them all"] if more else lines


def dataset_inspect(
    dataset: Positional[Path],
    /,
    *,
    html: Path | None = None,
    pictures: int = 1000,
) -> Answer:
    """Show what a data set holds: actions, clips, durations, and what was rejected and why.

    Args:
        dataset: Data set folder.
        html: Also write a page with a strip picture of each clip; it opens offline.
        pictures: Most pictures on the page: a thousand take about a minute.
    """
    from motionary.datasets import Dataset

    loaded = Dataset.load(dataset)
    if html is not None:
        _write_page(loaded, html, pictures)
    page = {} if html is None else {"page": str(html)}
    lines = [f"{what}: {path}" for what, path in page.items()]
    summary = loaded.summary()
    return Answer(summary | page, (*_tables(summary), *lines))


def made_line(dataset: "Dataset") -> str:
    """What a data set that was just made holds, in a line."""
    held_out = len(dataset.split("test"))
    return (
        f"{len(dataset)} clips of {len(dataset.actions)} actions, {held_out} held out, "
        f"{len(dataset.rejected)} rejected -> {dataset.root}"
    )


def _write_page(dataset: "Dataset", html: Path, pictures: int) -> None:
    from motionary.catalogue import write_catalogue

    with progress.stage("drawing", unit="picture") as stage:
        write_catalogue(dataset, html, pictures, stage.tell)


def _tables(summary: dict[str, Any]) -> list[Table | str]:
    rates = ", ".join(f"{count} at {fps}" for fps, count in summary["frame_rates"].items())
    table = Table(title=f"{summary['clips']} clips: {rates} frames/s, licence: {summary['licence']}")
    table.add_column("action", overflow="fold", ratio=1)
    for heading in ("clips", "train", "test", "sum s", "min s", "max s", "seen"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary["actions"]:
        table.add_row(*(str(row[name]) for name in SHOWN))
    rejected = [(item["source"], item["reason"]) for item in summary["rejected"]]
    return [table, *suspect_lines(summary), *_first_lines("rejected", rejected)]
