"""`motionary estimate`: videos -> motions."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from motionary.datasets import Dataset
    from motionary.estimators.batch import Entry
    from motionary.estimators.batch.run import Progress


def estimate(
    source: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    estimator: str = "blazepose",
    person: str | None = None,
    protocol: Literal["motionary", "vibe"] | None = None,
    smoothing: Literal["geodesic", "elementwise", "none"] | None = None,
    device: str | None = None,
    workers: int | None = None,
    ray: str | None = None,
    retry_failed: bool = False,
    dataset: Path | None = None,
    label_pattern: str | None = None,
    licence: str = "unknown",
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
        protocol: Of vibe and pare: vibe does as their own programs do, slips included.
        smoothing: Of vibe and pare, of rotations over time; elementwise is as published.
        device: Of vibe and pare: auto, cpu, cuda, cuda:1 ...
        workers: Processes, each on one processor; one per processor when not given.
        ray: Address of a Ray cluster whose machines work instead: auto, host:port or ray://host:port. All
            must see the videos and OUT under the same paths.
        retry_failed: Look again at videos that failed in an earlier run.
        dataset: Folder of a data set made of the estimates; one that this command made is replaced.
        label_pattern: Regular expression with (?P<action>...) and perhaps (?P<subject>...), searched in each
            video's name, for the data set. Without it the action is the parent folder's name.
        licence: Licence of the videos, noted in the data set and in models trained on it.
        json_: Print what became of the videos as JSON.
    """
    if not source:
        raise ValueError("Expected a video file, a folder or a list of clips; none was given.")
    chosen = _given(protocol=protocol, smoothing=smoothing, device=device)
    many = any(path.is_dir() or path.suffix.lower() == ".csv" for path in source)
    if not many and workers is None and ray is None and dataset is None:
        _estimate_here(source, out, estimator, person or "all", chosen)
        return
    from motionary.datasets.estimated import EstimatedSet, check_target, gather, write_estimated
    from motionary.estimators.batch import BatchConfig, estimate_all

    if dataset is not None:
        check_target(dataset)
    videos, wanted = gather(source, out, label_pattern)
    config = BatchConfig(estimator, chosen, "all" if dataset else person or "all", workers, ray, retry_failed)
    with _progress() as tell:
        entries = estimate_all(videos, out, config, tell)
    made = None
    if dataset is not None and any(entry.status == "done" for entry in entries):
        options = EstimatedSet(person or "largest", label_pattern, licence=licence)
        provenance = {"estimator": estimator, "sources": [path.name for path in source]}
        made = write_estimated(wanted, entries, out, dataset, options, provenance)
    _print_result(entries, out, made, as_json=json_)


def _given(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _estimate_here(
    videos: tuple[Path, ...], out: Path, estimator: str, person: str, options: dict[str, str]
) -> None:
    from motionary.estimators import load_estimator, save_estimate
    from motionary.estimators.choosing import check_choice, choose

    _require_distinct_stems(videos)
    check_choice(person)
    run = load_estimator(estimator, **options)
    failed = []
    for path in videos:
        try:
            folder = save_estimate(choose(run(path), person), out / path.stem)
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
