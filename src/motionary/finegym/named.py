"""FineGym by its name: whether the clips that were cut of it, or chosen of those, are all there and whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from motionary.datasets import Dataset
from motionary.datasets.checking import Check, Findings, Problem, Progress, check_of
from motionary.datasets.listing import read_listing
from motionary.datasets.named import About, NamedImport
from motionary.finegym.curation import LISTING_NAME
from motionary.finegym.cut import CLIPS_NAME, LOST_NAME, CutClip, Lost
from motionary.finegym.plan import read_rows
from motionary.mocap.parallel import map_in_processes

CUT = "motionary finegym cut"


@dataclass(frozen=True)
class FineGym:
    """A folder of clips, as `motionary finegym cut` or `curate` leaves it.

    It is a `motionary.datasets.named.NamedSet`.
    """

    about: About

    def check(self, path: Path, workers: int | None, on_progress: Progress | None) -> Check:
        """Decode every clip; see `NamedSet.check`."""
        if (path / LISTING_NAME).is_file():
            return check_of("finegym", path, _chosen(path, workers, on_progress))
        if not (path / CLIPS_NAME).is_file():
            raise FileNotFoundError(
                f"{path} holds no {CLIPS_NAME} and no {LISTING_NAME}. {self.about.layout}"
            )
        clips: list[CutClip] = read_rows(path / CLIPS_NAME, CutClip, CUT)
        lost = read_rows(path / LOST_NAME, Lost, CUT) if (path / LOST_NAME).is_file() else []
        good: list[tuple[str, str | None]] = []
        problems = [Problem(item.clip, "missing", item.reason) for item in lost]
        jobs: list[tuple[Path, int | None]] = [(path / clip.file, clip.frames) for clip in clips]
        for number, (clip, problem) in enumerate(
            zip(clips, map_in_processes(_problem, jobs, workers), strict=True), 1
        ):
            if problem:
                problems.append(problem)
            else:
                good.append((clip.action, None))
            if on_progress:
                on_progress(number, len(clips))
        findings: Findings = (good, problems)
        return check_of("finegym", path, findings)

    def import_(self, path: Path, out: Path, options: NamedImport) -> Dataset:
        """Refuse: clips are videos.

        Raises:
            ValueError: Always, saying what to do instead.
        """
        raise ValueError(
            "FineGym's clips are videos: "
            f"`motionary estimate {path / LISTING_NAME} --out ESTIMATED --dataset {out}` makes motions."
        )


def _chosen(root: Path, workers: int | None, on_progress: Progress | None) -> Findings:
    """Chosen clips, one by one, and those that are on no list."""
    listed = read_listing(root / LISTING_NAME)
    jobs: list[tuple[Path, int | None]] = [(clip.file, None) for clip in listed]
    good: list[tuple[str, str | None]] = []
    problems: list[Problem] = []
    for number, (clip, problem) in enumerate(
        zip(listed, map_in_processes(_problem, jobs, workers), strict=True), 1
    ):
        if problem:
            problems.append(problem)
        else:
            good.append((clip.action, None))
        if on_progress:
            on_progress(number, len(listed))
    return good, [*problems, *_strays(root, {clip.file.resolve() for clip in listed})]


def _strays(root: Path, listed: set[Path]) -> Iterator[Problem]:
    for file in sorted(root.rglob("*.mp4")):
        if file.resolve() not in listed:
            yield Problem(file.relative_to(root).as_posix(), "ignored", f"it is not on {LISTING_NAME}")


def _problem(job: tuple[Path, int | None]) -> Problem | None:
    """What is wrong with one clip; the number of its frames may be known."""
    path, frames = job
    if not path.is_file():
        return Problem(path.name, "missing", "the list names it")
    try:
        with av.open(str(path)) as container:
            found = sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError) as error:  # an IndexError where it holds no video
        return Problem(path.name, "damaged", str(error))
    if not found:
        return Problem(path.name, "damaged", "it shows nothing")
    if frames and found != frames:
        return Problem(path.name, "damaged", f"it has {found} frames, {CLIPS_NAME} says {frames}")
    return None


FINEGYM = FineGym(
    About(
        title="FineGym: elements of gymnastics, annotated in videos",
        page="https://sdolivia.github.io/FineGym",
        licence="annotations CC BY-NC 4.0; the videos belong to their owners",
        layout="Clips by `motionary finegym`: a folder with clips.csv (`cut`) or listing.csv (`curate`).",
    )
)
