"""`motionary estimate`: videos -> motions."""

import sys
from pathlib import Path

from tyro.conf import Positional


def estimate(
    video: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    estimator: str = "blazepose",
) -> None:
    """Recover the 3D motion of every person in VIDEO.

    Args:
        video: Video files.
        out: Folder for the results: OUT/<video>/person_<k>.npz and estimate.json.
        estimator: Name of a pose estimator, built in or installed as a plug-in.
    """
    from motionary.estimators import load_estimator, save_estimate

    if not video:
        raise ValueError("Expected a video file; none was given.")
    _require_distinct_stems(video)
    run = load_estimator(estimator)
    failed = []
    for path in video:
        try:
            folder = save_estimate(run(path), out / path.stem)
            print(f"{path} -> {folder}")
        except (ValueError, OSError) as error:
            if len(video) == 1:
                raise
            failed.append(path)
            print(f"motionary: {' '.join(str(error).split())}", file=sys.stderr)
    if failed:
        raise ValueError(f"{len(failed)} of {len(video)} videos gave no motion.")


def _require_distinct_stems(paths: tuple[Path, ...]) -> None:
    stems = [path.stem for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise ValueError(
            f"Several videos are called {', '.join(twice)}: their results would overwrite one another."
        )
