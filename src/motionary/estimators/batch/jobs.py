"""Which videos there are to estimate, and where each one's result goes."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".wmv", ".mts", ".3gp")
"""Of the files in a folder that are taken for videos."""


@dataclass(frozen=True)
class Job:
    """One video to estimate."""

    video: str
    """Its path below the source it was found in, with forward slashes: what the manifest calls it."""
    path: Path
    """Absolute."""
    folder: str
    """Where its result goes, below the folder of all results."""


def find_videos(source: Path, *, leave_out: Path | None = None) -> list[Path]:
    """The videos in a folder and the folders below, sorted, without hidden ones; a file stands for itself.

    Args:
        source: Folder or file.
        leave_out: A folder that is not looked into: that of the results, which may lie in the source.

    Raises:
        FileNotFoundError: If there is no such folder or file, or the folder holds no video.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise FileNotFoundError(f"No video or folder at {source}.")
    found = sorted(_walk(source, leave_out.resolve() if leave_out else None))
    if not found:
        raise FileNotFoundError(f"{source} holds no video; looked for {', '.join(SUFFIXES)} files.")
    return found


def _walk(source: Path, leave_out: Path | None) -> Iterator[Path]:
    for folder, below, names in os.walk(source, followlinks=True):
        below[:] = [
            name
            for name in below
            if not name.startswith(".") and Path(folder, name).resolve() not in (leave_out, source.resolve())
        ]
        for name in names:
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(folder, name)


def videos_in(sources: Sequence[Path], out: Path) -> dict[str, Path]:
    """Every video of some files and folders, by its path below its source.

    Args:
        sources: Files and folders.
        out: Folder of the results, which is not looked into.

    Raises:
        FileNotFoundError: If a source does not exist or holds no video.
        ValueError: If two sources hold videos of one name.
    """
    videos: dict[str, Path] = {}
    for source in sources:
        for path in find_videos(source, leave_out=out):
            add_video(videos, path.relative_to(source).as_posix() if source.is_dir() else path.name, path)
    return videos


def add_video(videos: dict[str, Path], name: str, path: Path) -> None:
    """Add a video under a name, by which its result will go.

    Raises:
        ValueError: If there is another one of that name.
    """
    other = videos.setdefault(name, path.resolve())
    if other != path.resolve():
        raise ValueError(
            f"{other} and {path.resolve()} are both called {name}, and so would be their results; "
            "give them different --out folders."
        )


def plan(videos: Mapping[str, Path], placed: Iterable[tuple[str, str]] = ()) -> list[Job]:
    """One job for each video.

    A result goes to the video's own place below its source, without the suffix; with it, where that tells it
    from another video.

    Args:
        videos: Absolute paths by name.
        placed: (video, folder) of earlier runs, which keep their places.
    """
    folders = _folders(videos, dict(placed))
    return [Job(video, path, folders[video]) for video, path in videos.items()]


def _folders(videos: Iterable[str], placed: dict[str, str]) -> dict[str, str]:
    folders = {video: placed[video] for video in videos if video in placed}
    taken = {folder.lower() for folder in placed.values()}  # some file systems ignore case
    alike: dict[str, list[str]] = defaultdict(list)
    for video in videos:
        if video not in placed:
            alike[PurePosixPath(video).with_suffix("").as_posix().lower()].append(video)
    for short, members in alike.items():
        alone = len(members) == 1 and short not in taken
        for video in members:
            folders[video] = PurePosixPath(video).with_suffix("").as_posix() if alone else video
    return folders
