"""`motionary estimate`: videos -> motions."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

from motionary import progress
from motionary.commands.dataset import made_line, suspect_lines
from motionary.commands.speaking import Answer

if TYPE_CHECKING:
    from motionary.datasets import Dataset
    from motionary.datasets.estimated import Wanted
    from motionary.estimators.batch import BatchConfig, Entry


@dataclass(frozen=True)
class Network:
    """Of the estimators vibe and pare."""

    protocol: Literal["motionary", "vibe"] | None = None
    """vibe does as their own programs do, slips included."""
    smoothing: Literal["geodesic", "elementwise", "none"] | None = None
    """Of rotations over time; elementwise is as published."""
    device: str | None = None
    """auto, cpu, cuda, cuda:1 ..."""

    def given(self) -> dict[str, Any]:
        """What was asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Workers:
    """Who does the work."""

    workers: int | None = None
    """Processes, each on one processor; for a folder or list one per processor when not given."""
    ray: str | None = None
    """Address of a Ray cluster whose machines work instead: auto, host:port or ray://host:port. All must see
    the videos and OUT under the same paths."""
    retry_failed: bool = False
    """Look again at videos that failed in an earlier run."""


@dataclass(frozen=True)
class Made:
    """A data set of the estimates."""

    dataset: Path | None = None
    """Folder of a data set made of the estimates; one that this command made there before is replaced."""
    label_pattern: str | None = None
    """Regular expression with (?P<action>...) and perhaps (?P<subject>...), searched in each video's name.
    Without it the action is the parent folder's name."""
    licence: str = "unknown"
    """Licence of the videos, noted in the data set and in models trained on it."""


BYTES_PER_FRAME = 33_000
"""Of memory, that a person takes while being fitted: 0.35 GB for six minutes at 30 frames/s."""
SAVED_BYTES_PER_FRAME = 310

_NETWORK, _WORKERS, _MADE = Network(), Workers(), Made()


def estimate(
    source: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    estimator: str = "blazepose",
    person: str | None = None,
    focal_px: float | None = None,
    network: Annotated[Network, arg(name="")] = _NETWORK,
    workers: Annotated[Workers, arg(name="")] = _WORKERS,
    made: Annotated[Made, arg(name="")] = _MADE,
    anyway: FlagCreatePairsOff[bool] = False,
) -> Answer:
    """Recover the 3D motion of every person in videos.

    With --dataset the motions become a labelled data set. The videos of a folder or list are shared out
    among workers, and OUT/manifest.json says what became of each. Stopped or killed, the same command goes on
    where it was.

    Args:
        source: Video files, folders searched for them, or lists of clips (.csv with the columns video, action
            and perhaps start, end, person).
        out: Folder for the results: OUT/<video>/person_<k>.npz and estimate.json.
        estimator: Name of a pose estimator, built in or installed as a plug-in.
        person: Whose motion is kept: largest, central, longest, a number, or all. With a data set everybody
            stays in OUT, and this says whose motion a clip is where the list does not. If not given, all, and
            largest for a data set.
        focal_px: The camera's focal length in pixels, which makes distances true; when not given, the
            picture's diagonal.
        network: Of the estimators vibe and pare.
        workers: Who does the work.
        made: A data set of the estimates.
        anyway: Begin even if memory or disk seem too small for a long video.
    """
    _check_ends(source, out)
    options = network.given() | ({} if focal_px is None else {"focal_px": focal_px})
    many = any(path.is_dir() or path.suffix.lower() == ".csv" for path in source)
    if not many and workers == _WORKERS and made.dataset is None:
        from motionary.atomic import working_in

        if not anyway:
            _check_lengths(source, out)
        with working_in(out):
            return _estimate_here(source, out, estimator, person or "all", options)
    from motionary.datasets.estimated import check_target, gather
    from motionary.estimators.batch import BatchConfig

    if made.dataset is not None:
        check_target(made.dataset)
    videos, wanted = gather(source, out, made.label_pattern)
    kept = "all" if made.dataset else person or "all"
    config = BatchConfig(estimator, options, kept, **asdict(workers))
    entries = _estimate_all(videos, out, config)
    dataset = None
    if made.dataset is not None and any(entry.status == "done" for entry in entries):
        provenance = {"estimator": estimator, "sources": [path.name for path in source]}
        dataset = _make_dataset(wanted, entries, out, made, person, provenance)
    return _answer(entries, out, dataset)


def _check_ends(source: tuple[Path, ...], out: Path) -> None:
    """Refuse to begin with nothing, or to end in a data set."""
    from motionary.datasets.folder import check_no_data_set

    if not source:
        raise ValueError("Expected a video file, a folder or a list of clips; none was given.")
    check_no_data_set(out)


def _make_dataset(
    wanted: "list[Wanted]",
    entries: "list[Entry]",
    out: Path,
    made: Made,
    person: str | None,
    provenance: dict[str, Any],
) -> "Dataset":
    from motionary.datasets.estimated import EstimatedSet, write_estimated

    assert made.dataset is not None
    options = EstimatedSet(person or "largest", made.label_pattern, licence=made.licence)
    return write_estimated(wanted, entries, out, made.dataset, options, provenance)


def _estimate_here(
    videos: tuple[Path, ...], out: Path, estimator: str, person: str, options: dict[str, Any]
) -> Answer:
    from motionary.atomic import DiskFull
    from motionary.estimators import load_estimator, save_estimate
    from motionary.estimators.choosing import check_choice, choose
    from motionary.estimators.quality import judged_estimate

    _require_distinct_stems(videos)
    check_choice(person)
    run = load_estimator(estimator, **options)
    folders, failed = {}, []
    for path in videos:
        if len(videos) > 1:
            progress.say(f"{path.name} ...")
        try:
            folders[path] = save_estimate(judged_estimate(choose(run(path), person)), out / path.stem)
        except (ValueError, OSError) as error:
            if len(videos) == 1 or isinstance(error, DiskFull):
                raise
            failed.append(path)
            print(f"motionary: {' '.join(str(error).split())}", file=sys.stderr)
    return Answer(
        {"out": str(out), "folders": {str(path): str(folder) for path, folder in folders.items()}},
        tuple(f"{path} -> {folder}" for path, folder in folders.items()),
        failure=f"{len(failed)} of {len(videos)} videos gave no motion." if failed else "",
    )


def _check_lengths(videos: tuple[Path, ...], out: Path) -> None:
    """Refuse videos too long for this machine, by what their headers say."""
    from motionary.estimators.video import declared_frames
    from motionary.resources import Need

    for path in videos:
        frames = declared_frames(path)
        need = Need(memory=frames * BYTES_PER_FRAME, disk=frames * SAVED_BYTES_PER_FRAME)
        need.check(f"{path.name} of {frames} frames", out, "cut it into parts, or begin with --anyway")


def _require_distinct_stems(paths: tuple[Path, ...]) -> None:
    stems = [path.stem for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise ValueError(
            f"Several videos are called {', '.join(twice)}: their results would overwrite one another."
        )


def _estimate_all(videos: Mapping[str, Path], out: Path, config: "BatchConfig") -> "list[Entry]":
    """What became of each; a failed one counts as done."""
    from motionary.estimators.batch import estimate_all

    with progress.stage("estimating", unit="video") as stage:

        def tell(done: int, failed: int, total: int) -> None:
            if stage.total is None:
                stage.skip(done + failed)
            stage.tell(done + failed, total, f"{failed} failed" if failed else "")

        return estimate_all(videos, out, config, tell)


def _answer(entries: "list[Entry]", out: Path, made: "Dataset | None") -> Answer:
    failed = [entry for entry in entries if entry.status == "failed"]
    facts: dict[str, Any] = {"out": str(out), "videos": [asdict(entry) for entry in entries]}
    lines = [f"{len(entries) - len(failed)} videos estimated, {len(failed)} failed -> {out}"]
    for entry in failed:
        print(f"failed {entry.video}: {entry.reason}", file=sys.stderr)
    if made:
        _tell_rejected(made, failed)
        facts["dataset"] = made.summary()
        for line in suspect_lines(facts["dataset"]):
            progress.say(line)
        lines.append(made_line(made))
    nothing = f"None of {len(entries)} videos gave a motion; {out / 'manifest.json'} says why."
    return Answer(facts, tuple(lines), failure=nothing if len(failed) == len(entries) else "")


def _tell_rejected(made: "Dataset", failed: "list[Entry]") -> None:
    known = {(entry.video, entry.reason) for entry in failed}
    for item in made.rejected:
        if (item.source, item.reason) not in known:
            progress.say(f"rejected {item.source}: {item.reason}")
