"""`motionary estimate`: videos -> motions."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from motionary.datasets import Dataset
    from motionary.datasets.estimated import Wanted
    from motionary.estimators.batch import Entry
    from motionary.estimators.batch.run import Progress


@dataclass(frozen=True)
class Network:
    """Of the estimators vibe and pare."""

    protocol: Literal["motionary", "vibe"] | None = None
    """vibe does as their own programs do, slips included."""
    smoothing: Literal["geodesic", "elementwise", "none"] | None = None
    """Of rotations over time; elementwise is as published."""
    device: str | None = None
    """auto, cpu, cuda, cuda:1 ..."""

    def given(self) -> dict[str, str]:
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


_NETWORK, _WORKERS, _MADE = Network(), Workers(), Made()


def estimate(
    source: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    estimator: str = "blazepose",
    person: str | None = None,
    network: Annotated[Network, arg(name="")] = _NETWORK,
    workers: Annotated[Workers, arg(name="")] = _WORKERS,
    made: Annotated[Made, arg(name="")] = _MADE,
    json_: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Recover the 3D motion of every person in videos, and make a data set of it if wanted.

    The videos of a folder or list are shared out among workers, and OUT/manifest.json says what became of
    each. Stopped or killed, the same command goes on where it was.

    Args:
        source: Video files, folders searched for them, or lists of clips (.csv with the columns video, action
            and perhaps start, end, person).
        out: Folder for the results: OUT/<video>/person_<k>.npz and estimate.json.
        estimator: Name of a pose estimator, built in or installed as a plug-in.
        person: Whose motion is kept: largest, central, longest, a number, or all. With a data set everybody
            stays in OUT, and this says whose motion a clip is where the list does not. If not given, all, and
            largest for a data set.
        network: Of the estimators vibe and pare.
        workers: Who does the work.
        made: A data set of the estimates.
        json_: Print what became of the videos as JSON.
    """
    if not source:
        raise ValueError("Expected a video file, a folder or a list of clips; none was given.")
    many = any(path.is_dir() or path.suffix.lower() == ".csv" for path in source)
    if not many and workers == _WORKERS and made.dataset is None:
        _estimate_here(source, out, estimator, person or "all", network.given())
        return
    from motionary.datasets.estimated import check_target, gather
    from motionary.estimators.batch import BatchConfig, estimate_all

    if made.dataset is not None:
        check_target(made.dataset)
    videos, wanted = gather(source, out, made.label_pattern)
    kept = "all" if made.dataset else person or "all"
    config = BatchConfig(estimator, network.given(), kept, **asdict(workers))
    with _progress() as tell:
        entries = estimate_all(videos, out, config, tell)
    dataset = None
    if made.dataset is not None and any(entry.status == "done" for entry in entries):
        provenance = {"estimator": estimator, "sources": [path.name for path in source]}
        dataset = _make_dataset(wanted, entries, out, made, person, provenance)
    _print_result(entries, out, dataset, as_json=json_)


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
    videos: tuple[Path, ...], out: Path, estimator: str, person: str, options: dict[str, str]
) -> None:
    from motionary.estimators import load_estimator, save_estimate
    from motionary.estimators.choosing import check_choice, choose
    from motionary.estimators.quality import judged_estimate

    _require_distinct_stems(videos)
    check_choice(person)
    run = load_estimator(estimator, **options)
    failed = []
    for path in videos:
        try:
            folder = save_estimate(judged_estimate(choose(run(path), person)), out / path.stem)
            print(f"{path} -> {folder}")
        except (ValueError, OSError) as error:
            if len(videos) == 1:
                raise
            failed.append(path)
            print(f"motionary: {' '.join(str(error).split())}", file=sys.stderr)
    if failed:
        raise ValueError(f"{len(failed)} of {len(videos)} videos gave no motion.")


def _require_distinct_stems(paths: tuple[Path, ...]) -> None:
    stems = [path.stem for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise ValueError(
            f"Several videos are called {', '.join(twice)}: their results would overwrite one another."
        )


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar for the videos still to do."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:

        def tell(done: int, failed: int, total: int) -> None:
            text = f"estimating ({failed} failed)" if failed else "estimating"
            if not bar.task_ids:
                bar.add_task(text, completed=done + failed, total=total)  # those are no measure of speed
            bar.update(bar.task_ids[0], description=text, completed=done + failed)

        yield tell


def _print_result(entries: "list[Entry]", out: Path, made: "Dataset | None", *, as_json: bool) -> None:
    failed = [entry for entry in entries if entry.status == "failed"]
    if as_json:
        facts = {"out": str(out), "videos": [asdict(entry) for entry in entries]}
        print(json.dumps(facts | ({"dataset": made.summary()} if made else {}), indent=1))
    else:
        for entry in failed:
            print(f"failed {entry.video}: {entry.reason}", file=sys.stderr)
        print(f"{len(entries) - len(failed)} videos estimated, {len(failed)} failed -> {out}")
    if made and not as_json:
        known = {(entry.video, entry.reason) for entry in failed}
        for item in made.rejected:
            if (item.source, item.reason) not in known:
                print(f"rejected {item.source}: {item.reason}", file=sys.stderr)
        held_out = sum(clip.split == "test" for clip in made.clips)
        print(
            f"{len(made)} clips of {len(made.actions)} actions, {held_out} held out, "
            f"{len(made.rejected)} rejected -> {made.root}"
        )
    if len(failed) == len(entries):
        raise ValueError(f"None of {len(entries)} videos gave a motion; {out / 'manifest.json'} says why.")
