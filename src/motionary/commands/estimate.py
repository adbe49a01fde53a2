"""`motionary estimate`: videos -> motions."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from motionary.estimators.batch import Entry
    from motionary.estimators.batch.run import Progress


def estimate(
    source: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    estimator: str = "blazepose",
    workers: int | None = None,
    ray: str | None = None,
    retry_failed: bool = False,
    json_: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Recover the 3D motion of every person in videos.

    A folder's videos are shared out among workers, and OUT/manifest.json says what became of each. Stopped
    or killed, the same command goes on where it was.

    Args:
        source: Video files, or folders searched for them.
        out: Folder for the results: OUT/<video>/person_<k>.npz and estimate.json.
        estimator: Name of a pose estimator, built in or installed as a plug-in.
        workers: Processes, each on one processor; for a folder one per processor when not given.
        ray: Address of a Ray cluster whose machines work instead: auto, host:port or ray://host:port. All
            must see the videos and OUT under the same paths.
        retry_failed: Look again at videos that failed in an earlier run.
        json_: Print what became of a folder's videos as JSON.
    """
    if not source:
        raise ValueError("Expected a video file or folder; none was given.")
    if workers is None and ray is None and not any(path.is_dir() for path in source):
        _estimate_here(source, out, estimator)
        return
    from motionary.estimators.batch import BatchConfig, estimate_all

    config = BatchConfig(estimator, {}, workers, ray, retry_failed)
    with _progress() as tell:
        entries = estimate_all(source, out, config, tell)
    _print_entries(entries, out, as_json=json_)


def _estimate_here(videos: tuple[Path, ...], out: Path, estimator: str) -> None:
    from motionary.estimators import load_estimator, save_estimate

    _require_distinct_stems(videos)
    run = load_estimator(estimator)
    failed = []
    for path in videos:
        try:
            folder = save_estimate(run(path), out / path.stem)
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


def _print_entries(entries: "list[Entry]", out: Path, *, as_json: bool) -> None:
    failed = [entry for entry in entries if entry.status == "failed"]
    if as_json:
        print(json.dumps({"out": str(out), "videos": [asdict(entry) for entry in entries]}, indent=1))
    else:
        for entry in failed:
            print(f"failed {entry.video}: {entry.reason}", file=sys.stderr)
        print(f"{len(entries) - len(failed)} videos estimated, {len(failed)} failed -> {out}")
    if len(failed) == len(entries):
        raise ValueError(f"None of {len(entries)} videos gave a motion; {out / 'manifest.json'} says why.")
