"""Many recordings at once: found, labelled, read in parallel; a bad one never stops the rest."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from motionary.mocap.parallel import map_in_processes
from motionary.mocap.placement import Axis, Unit
from motionary.mocap.reading import SUFFIXES, Format, read_motion
from motionary.motion import Motion


@dataclass(frozen=True)
class Imported:
    """One recording's result: a motion, or the reason why there is none."""

    path: Path
    motion: Motion | None = None
    reason: str | None = None
    subject: str | None = None
    """Who performed it, where the label pattern has a group of that name."""


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
    fps: float = 30.0,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    units: Unit = "auto",
    up: Axis = "auto",
) -> Iterator[Imported]:
    """Read all recordings of some files and folders in parallel; results come in the order of the files.

    Args:
        sources: Files or folders.
        format: What the files are; "auto" goes by each one's suffix.
        label_pattern: Regular expression with a group `action`, and perhaps `subject`, searched in the
            file's name, then in its path below the source; None takes the label in the file, else its
            folder's name.
        fps: Frames per second of the motions.
        workers: Processes; as many as there are processors when None, 0 for none but this one.
        on_progress: Called with the number of recordings done and in all.
        units: Unit of length of BVH files.
        up: Vertical axis of the files.

    Raises:
        FileNotFoundError: If a source does not exist or holds no recording.
        ValueError: If label_pattern is no regular expression or lacks the group `action`.
    """
    pattern = compiled_label_pattern(label_pattern)
    sources = [sources] if isinstance(sources, str | Path) else sources
    named = [
        (path, *label_of(path, Path(source), pattern))
        for source in sources
        for path in find_recordings(source, format)
    ]
    jobs = [
        _Job(path, format, fps, action, pattern is not None, subject, units, up)
        for path, action, subject in named
    ]
    return _run(jobs, workers, on_progress)


@dataclass(frozen=True)
class _Job:
    path: Path
    format: Format
    fps: float
    action: str | None
    """None where the label pattern does not match."""
    overrides: bool
    """Whether the action goes before the one that the file itself holds."""
    subject: str | None
    units: Unit
    up: Axis


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
) -> Iterator[Imported]:
    for done, result in enumerate(map_in_processes(_import, jobs, workers), 1):
        if on_progress:
            on_progress(done, len(jobs))
        yield result


def _import(job: _Job) -> Imported:
    if job.action is None:
        return Imported(job.path, reason="the label pattern does not match it")
    try:
        motion = read_motion(job.path, job.format, job.fps, units=job.units, up=job.up)
    except Exception as error:  # whatever a foreign file provokes is this file's reason alone
        return Imported(job.path, reason=str(error) or type(error).__name__, subject=job.subject)
    action = job.action if job.overrides else motion.action or job.action
    return Imported(job.path, replace(motion, action=action), subject=job.subject)
