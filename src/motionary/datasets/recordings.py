"""Motion capture files -> a data set."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from motionary import progress
from motionary.datasets.actions import ClipRecord, Rejected, usual_fps
from motionary.datasets.estimate_notes import estimated
from motionary.datasets.folder import (
    Dataset,
    clip_path,
    clip_record,
    folder_in_one_piece,
    source_name,
    write_dataset,
)
from motionary.datasets.listing import read_listing
from motionary.datasets.splitting import imported_split
from motionary.mocap import (
    Imported,
    Piece,
    compiled_label_pattern,
    find_recordings,
    import_pieces,
    label_of,
)
from motionary.mocap.amc import DEFAULT_FPS
from motionary.mocap.placement import Axis, Unit
from motionary.mocap.reading import Format
from motionary.motion import Motion


@dataclass(frozen=True)
class RecordingImport:
    """How recordings become a data set."""

    format: Format = "auto"
    label_pattern: str | None = None
    """Regular expression with (?P<action>...) and perhaps (?P<subject>...); None labels by parent folder."""
    fps: float | None = None
    """Of every clip; None lets each keep its own."""
    test_fraction: float = 0.2
    test_subjects: tuple[str, ...] = ()
    """Where given, all clips of these subjects are held out instead of a fraction."""
    seed: int = 0
    licence: str = "unknown"
    units: Unit = "auto"
    """Unit of length of BVH files."""
    up: Axis = "auto"
    """Vertical axis of the files."""
    amc_fps: float = DEFAULT_FPS
    """Rate of .amc files, which do not tell it."""


def import_data_set(
    sources: Sequence[Path], out: Path, options: RecordingImport, *, workers: int | None = None
) -> Dataset:
    """Read recordings in parallel and write them as a data set, whole or not at all.

    Args:
        sources: Files, folders, and lists of clips (`.csv`, see `datasets.listing`).
        out: The data set's folder; it must not exist yet, or be empty.
        options: Format, labels, frame rate and split.
        workers: Processes; one per core when None.

    Raises:
        FileNotFoundError: If a source is missing or holds no recording.
        ValueError: If out is in use, or no recording could be read.
    """
    with folder_in_one_piece(out) as folder, progress.stage("importing", unit="recording") as stage:
        results = import_pieces(
            _pieces(sources, options),
            options.format,
            options.fps,
            workers,
            stage.tell,
            options.units,
            options.up,
            options.amc_fps,
        )
        with closing(results):  # a full disk ends its processes before anything else
            clips, rejected = _save_all(results, _roots(sources), folder)
        if not clips:
            reasons = "; ".join(f"{item.source}: {item.reason}" for item in rejected[:3])
            raise ValueError(f"None of {len(rejected)} recordings could be read: {reasons}")
        write_dataset(
            folder,
            imported_split(clips, options.test_fraction, options.test_subjects, options.seed),
            fps=options.fps or usual_fps(clips),
            rejected=rejected,
            provenance=_provenance(sources, options),
            licence=options.licence,
        )
    return Dataset.load(out)


def _pieces(sources: Sequence[Path], options: RecordingImport) -> Iterator[tuple[Path, Sequence[Piece]]]:
    """Files and what is wanted of each, from lists, folders and files."""
    pattern = compiled_label_pattern(options.label_pattern)
    for source in sources:
        if source.suffix.lower() == ".csv":
            by_file: dict[Path, list[Piece]] = {}
            for item in read_listing(source):
                piece = Piece(item.action, item.person, item.start_s, item.end_s, overrides=True)
                by_file.setdefault(item.file, []).append(piece)
            yield from by_file.items()
            continue
        for path in find_recordings(source, options.format):
            action, subject = label_of(path, source, pattern)
            if pattern is None and estimated(path) and path.parent.parent not in (source, source.parent):
                action = path.resolve().parent.parent.name  # its folder is named after the video
            yield path, [Piece(action, subject, overrides=pattern is not None)]


def _roots(sources: Sequence[Path]) -> list[Path]:
    """Folders that sources are named from."""
    return [source if source.is_dir() else source.parent for source in sources]


def _save_all(
    results: Iterator[Imported], roots: Sequence[Path], folder: Path
) -> tuple[list[ClipRecord], list[Rejected]]:
    clips: list[ClipRecord] = []
    rejected: list[Rejected] = []
    taken: set[str] = set()
    for result in results:
        if result.motion is None:
            where = f"{result.path.name} from {result.start_s:g} s" if result.start_s else result.path.name
            reason = (result.reason or "unknown").replace(str(result.path), result.path.name)
            rejected.append(Rejected(where, reason.removeprefix(f"{result.path.name}: ")))
            continue
        action = result.motion.action or result.path.parent.name
        relative = clip_path(action, result.path.stem, taken)
        result.motion.save(folder / relative)
        clips.append(_record(result, result.motion, relative, action, roots))
    return clips, rejected


def _record(
    result: Imported, motion: Motion, relative: str, action: str, roots: Sequence[Path]
) -> ClipRecord:
    known = estimated(result.path)
    name = source_name(result.path, roots)
    return clip_record(
        motion,
        relative,
        action,
        result.subject,
        source=f"{name.rpartition('/')[0]}/{known.video}" if known else name,
        start_s=result.start_s + (known.start_s if known else 0.0),
        verdict=known.verdict if known else None,
        suspect=result.suspect,
    )


def _provenance(sources: Sequence[Path], options: RecordingImport) -> dict[str, object]:
    return {
        "made_by": f"motionary {version('motionary')} import",
        "sources": [source.name for source in sources],  # not the path: models carry this along
        "options": asdict(options),
    }
