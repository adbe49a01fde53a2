"""Many recordings at once: found, labelled, read in parallel; a bad one never stops the rest."""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from motionary.body.assets import default_body
from motionary.mocap.amc import DEFAULT_FPS
from motionary.mocap.parallel import map_in_processes
from motionary.mocap.placement import Axis, Unit
from motionary.mocap.reading import SUFFIXES, Format, read_motion
from motionary.mocap.suspicion import in_words, suspicions
from motionary.motion import Motion

LATE_END_S = 0.5
"""A list may say that a piece ends so much after its recording does: whole seconds are often rounded up."""


@dataclass(frozen=True)
class Piece:
    """A part of a recording that is to become a motion."""

    action: str | None
    """None where the label pattern does not match."""
    subject: str | None = None
    start_s: float = 0.0
    end_s: float | None = None
    """None: up to the recording's end."""
    overrides: bool = False
    """Whether the action goes before the one that the file itself holds."""


@dataclass(frozen=True)
class Imported:
    """What became of a piece of a recording: a motion, or the reason why there is none."""

    path: Path
    motion: Motion | None = None
    reason: str | None = None
    subject: str | None = None
    """Who performed it, where the label pattern has a group of that name."""
    start_s: float = 0.0
    suspect: str | None = None
    """What looks wrong in the motion all the same."""


def find_recordings(source: Path | str, format: Format = "auto") -> list[Path]:
    """The recordings in a folder and the folders below, sorted; a file stands for itself.

    Raises:
        FileNotFoundError: If source does not exist or holds none.
    """
    source = Path(source)
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise FileNotFoundError(f"No file or folder at {source}.")
    suffixes = [suffix for suffix, kind in SUFFIXES.items() if format in ("auto", kind)]
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise FileNotFoundError(f"{source} holds no motion capture; looked for {', '.join(suffixes)} files.")
    return found


def import_recordings(
    sources: Sequence[Path | str] | Path | str,
    format: Format = "auto",
    label_pattern: str | None = None,
    fps: float | None = 30.0,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    units: Unit = "auto",
    up: Axis = "auto",
    amc_fps: float = DEFAULT_FPS,
) -> Iterator[Imported]:
    """Read all recordings of some files and folders in parallel; results come in the order of the files.

    Args:
        sources: Files or folders.
        format: What the files are; "auto" goes by each one's suffix.
        label_pattern: Regular expression with a group `action`, and perhaps `subject`, searched in the
            file's name, then in its path below the source; None takes the label in the file, else its
            folder's name.
        fps: Frames per second of the motions; None keeps each recording's own.
        workers: Processes; as many as there are processors when None, 0 for none but this one.
        on_progress: Called with the number of recordings done and in all.
        units: Unit of length of BVH files.
        up: Vertical axis of the files.
        amc_fps: Rate of .amc files, which do not tell it.

    Raises:
        FileNotFoundError: If a source does not exist or holds no recording.
        ValueError: If label_pattern is no regular expression or lacks the group `action`.
    """
    pattern = compiled_label_pattern(label_pattern)
    sources = [sources] if isinstance(sources, str | Path) else sources
    pieces = [
        (path, [Piece(*label_of(path, Path(source), pattern), overrides=pattern is not None)])
        for source in sources
        for path in find_recordings(source, format)
    ]
    return import_pieces(pieces, format, fps, workers, on_progress, units, up, amc_fps)


def import_pieces(
    pieces: Iterable[tuple[Path, Sequence[Piece]]],
    format: Format = "auto",
    fps: float | None = 30.0,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    units: Unit = "auto",
    up: Axis = "auto",
    amc_fps: float = DEFAULT_FPS,
) -> Generator[Imported, None, None]:
    """Read recordings in parallel, each once, and cut pieces from them; results come in the order given.

    Whoever does not take them all closes it, which ends the processes.

    Args:
        pieces: Files, and what is wanted of each.
        format: What the files are; "auto" goes by each one's suffix.
        fps: Frames per second of the motions; None keeps each recording's own.
        workers: Processes; as many as there are processors when None, 0 for none but this one.
        on_progress: Called with the number of recordings done and in all.
        units: Unit of length of BVH files.
        up: Vertical axis of the files.
        amc_fps: Rate of .amc files, which do not tell it.
    """
    jobs = [_Job(path, tuple(wanted), format, fps, units, up, amc_fps) for path, wanted in pieces]
    return _run(jobs, workers, on_progress)


@dataclass(frozen=True)
class _Job:
    path: Path
    pieces: tuple[Piece, ...]
    format: Format
    fps: float | None
    units: Unit
    up: Axis
    amc_fps: float


def compiled_label_pattern(label_pattern: str | None) -> re.Pattern[str] | None:
    """A label pattern, checked.

    Raises:
        ValueError: If it is no regular expression or lacks the group `action`.
    """
    if label_pattern is None:
        return None
    try:
        pattern = re.compile(label_pattern)
    except re.error as error:
        raise ValueError(f"The label pattern {label_pattern!r} is no regular expression: {error}.") from None
    if "action" not in pattern.groupindex:
        raise ValueError(
            f"The label pattern needs a group (?P<action>...) that holds the action; got {label_pattern!r}."
        )
    return pattern


def label_of(path: Path, source: Path, pattern: re.Pattern[str] | None) -> tuple[str | None, str | None]:
    """Action and subject of a file found in a source: by the pattern, else the folder's name and nobody.

    The action is None where the pattern does not match.
    """
    if pattern is None:
        return path.resolve().parent.name, None
    relative = path.relative_to(source).as_posix() if source.is_dir() else path.name
    if not (match := pattern.search(path.name) or pattern.search(relative)):
        return None, None
    return match["action"] or None, match.groupdict().get("subject")


def _run(
    jobs: list[_Job], workers: int | None, on_progress: Callable[[int, int], None] | None
) -> Generator[Imported, None, None]:
    for done, result in enumerate(map_in_processes(_import, jobs, workers), 1):
        if on_progress:
            on_progress(done, len(jobs))
        yield from result


def _import(job: _Job) -> list[Imported]:
    if all(piece.action is None for piece in job.pieces):
        return [_failed(job, piece, "the label pattern does not match it") for piece in job.pieces]
    try:
        motion = read_motion(job.path, job.format, job.fps, units=job.units, up=job.up, amc_fps=job.amc_fps)
    except Exception as error:  # whatever a foreign file provokes is this file's reason alone
        return [_failed(job, piece, str(error) or type(error).__name__) for piece in job.pieces]
    return [_cut(job, motion, piece) for piece in job.pieces]


def _cut(job: _Job, motion: Motion, piece: Piece) -> Imported:
    end_s = motion.duration_s if piece.end_s is None else piece.end_s
    start, stop = round(piece.start_s * motion.fps), round(end_s * motion.fps)
    if piece.action is None:
        return _failed(job, piece, "the label pattern does not match it")
    if stop > len(motion) + LATE_END_S * motion.fps or start >= len(motion):
        reason = f"it lasts {motion.duration_s:.2f} s, not from {piece.start_s:g} to {end_s:g} s"
        return _failed(job, piece, reason)
    part = motion.crop(start, stop)
    if len(part) < 2:
        return _failed(job, piece, f"from {piece.start_s:g} to {end_s:g} s it has no two frames")
    action = piece.action if piece.overrides else motion.action or piece.action
    return Imported(
        job.path,
        replace(part, action=action),
        subject=piece.subject,
        start_s=start / motion.fps,
        suspect=in_words(suspicions(part, default_body())),
    )


def _failed(job: _Job, piece: Piece, reason: str) -> Imported:
    return Imported(job.path, reason=reason, subject=piece.subject, start_s=piece.start_s)
