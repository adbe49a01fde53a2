"""Motion capture files -> a data set."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from motionary.datasets.actions import ClipRecord, Rejected
from motionary.datasets.folder import (
    Dataset,
    clip_path,
    clip_record,
    folder_in_one_piece,
    write_dataset,
)
from motionary.datasets.splitting import stratified_split, subject_split
from motionary.mocap import Imported, import_recordings
from motionary.mocap.reading import Format


@dataclass(frozen=True)
class RecordingImport:
    """How recordings become a data set."""

    format: Format = "auto"
    label_pattern: str | None = None
    """Regular expression with (?P<action>...) and perhaps (?P<subject>...); None labels by parent folder."""
    fps: float = 30.0
    test_fraction: float = 0.2
    test_subjects: tuple[str, ...] = ()
    """Where given, all clips of these subjects are held out instead of a fraction."""
    seed: int = 0
    licence: str = "unknown"


def import_data_set(
    sources: Sequence[Path], out: Path, options: RecordingImport, *, workers: int | None = None
) -> Dataset:
    """Read recordings in parallel and write them as a data set, whole or not at all.

    Args:
        sources: Files and folders.
        out: The data set's folder; it must not exist yet, or be empty.
        options: Format, labels, frame rate and split.
        workers: Processes; one per core when None.

    Raises:
        FileNotFoundError: If a source is missing or holds no recording.
        ValueError: If out is in use, or no recording could be read.
    """
    with folder_in_one_piece(out) as folder, _progress() as progress:
        task = progress.add_task("importing", total=None)
        results = import_recordings(
            sources,
            options.format,
            options.label_pattern,
            options.fps,
            workers,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
        clips, rejected = _save_all(results, folder)
        if not clips:
            reasons = "; ".join(f"{item.source}: {item.reason}" for item in rejected[:3])
            raise ValueError(f"None of {len(rejected)} recordings could be read: {reasons}")
        if options.test_subjects:
            clips = list(subject_split(clips, options.test_subjects))
        else:
            clips = list(stratified_split(clips, options.test_fraction, options.seed))
        write_dataset(
            folder,
            clips,
            fps=options.fps,
            rejected=rejected,
            provenance=_provenance(sources, options),
            licence=options.licence,
        )
    return Dataset.load(out)


def _save_all(results: Iterator[Imported], folder: Path) -> tuple[list[ClipRecord], list[Rejected]]:
    clips: list[ClipRecord] = []
    rejected: list[Rejected] = []
    taken: set[str] = set()
    for result in results:
        if result.motion is None:
            rejected.append(Rejected(result.path.name, result.reason or "unknown"))
            continue
        action = result.motion.action or result.path.parent.name
        relative = clip_path(action, result.path.stem, taken)
        result.motion.save(folder / relative)
        clips.append(clip_record(result.motion, relative, action, result.subject))
    return clips, rejected


def _provenance(sources: Sequence[Path], options: RecordingImport) -> dict[str, object]:
    return {
        "made_by": f"motionary {version('motionary')} import",
        "sources": [source.name for source in sources],  # not the path: models carry this along
        "options": asdict(options),
    }


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
