"""FineGym's clips as a data set with a name: chosen with `motionary finegym`, then estimated.

FineGym gives out annotations, no motions: its clips are cut out of videos that each user fetches. What goes
by the name here is the folder of chosen clips that `motionary finegym curate` writes: ACTION/CLIP.mp4 and
listing.csv.
"""

from collections.abc import Iterator
from pathlib import Path

import av

from motionary.datasets.checking import Check, Findings, Problem, Progress, check_of
from motionary.datasets.folder import Dataset
from motionary.datasets.listing import ListedClip, read_listing
from motionary.datasets.named import About, NamedImport

LISTING_NAME = "listing.csv"


class FineGym:
    """The folder of chosen clips."""

    about = About(
        title="FineGym (Shao et al. 2020): gymnastics elements in videos of competitions, 99 or 288 classes",
        page="https://sdolivia.github.io/FineGym",
        licence="annotations CC BY-NC 4.0; the videos are their owners'",
        layout=(
            "the annotation files anywhere; `motionary finegym plan`, `fetch`, `cut` and `curate` make the "
            "folder of clips that is checked"
        ),
    )

    def check(self, path: Path, workers: int | None, on_progress: Progress | None) -> Check:
        """Look at every clip on the list, and at the videos that are not on it."""
        listed = read_listing(_listing(path))
        good: list[tuple[str, str | None]] = []
        problems: list[Problem] = []
        for count, clip in enumerate(listed, start=1):
            problem = _problem(clip, path)
            if problem:
                problems.append(problem)
            else:
                good.append((clip.action, None))
            if on_progress:
                on_progress(count, len(listed))
        problems += _strays(path, {clip.file.resolve() for clip in listed})
        findings: Findings = (good, problems)
        return check_of("finegym", path, findings)

    def import_(self, path: Path, out: Path, options: NamedImport) -> Dataset:
        """Refuse: motions must be estimated first.

        Raises:
            ValueError: Always; it says how.
        """
        listing = _listing(path)
        raise ValueError(
            f"{path} holds videos, not motions: run "
            f"`motionary estimate {listing} --out ESTIMATED --dataset {out}`."
        )


def _listing(path: Path) -> Path:
    listing = path / LISTING_NAME
    if not listing.is_file():
        raise FileNotFoundError(
            f"No {LISTING_NAME} in {path}; `motionary finegym curate` writes such a folder."
        )
    return listing


def _problem(clip: ListedClip, root: Path) -> Problem | None:
    name = clip.file.relative_to(root).as_posix() if clip.file.is_relative_to(root) else str(clip.file)
    if not clip.file.is_file():
        return Problem(name, "missing", f"it is on {LISTING_NAME}, line {clip.line}")
    try:
        with av.open(str(clip.file)) as container:
            next(container.decode(video=0))
    except (av.FFmpegError, StopIteration, IndexError, ValueError) as error:
        return Problem(name, "damaged", f"it shows nothing ({type(error).__name__})")
    return None


def _strays(root: Path, listed: set[Path]) -> Iterator[Problem]:
    for file in sorted(root.rglob("*.mp4")):
        if file.resolve() not in listed:
            yield Problem(file.relative_to(root).as_posix(), "ignored", f"it is not on {LISTING_NAME}")


FINEGYM = FineGym()
