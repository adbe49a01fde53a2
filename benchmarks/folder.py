"""How much faster is a folder of videos on two cores? Run: python benchmarks/folder.py [--json [FILE]].

The eight videos of Pose2Sim's demos (BSD-3, fetched once from PyPI; one and two people, four cameras, 100
frames each), estimated by two processes, by one, and by one that is kept on one core; A B C A B C, each run
from the start, imports included. A process that may use both cores decodes on the other one, so that two are
less than twice as fast. Peak memory is the largest worker's.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from estimation import REQUIREMENT, VIDEOS
from reporting import add_json_option, report

from motionary.body.assets import cache_folder, fetch_from_wheel
from motionary.estimators.batch import BatchConfig, estimate_all

MULTI = "Pose2Sim/Demo_MultiPerson/videos"
TWO_PEOPLE = {
    f"{MULTI}/cam01.mp4": "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
    f"{MULTI}/cam02.mp4": "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b",
    f"{MULTI}/cam03.mp4": "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99",
    f"{MULTI}/cam04.mp4": "1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09",
}


def seconds(videos: dict[str, Path], workers: int, cores: int) -> float:
    """Of one run over all videos, by so many processes on so many cores."""
    allowed = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as out:
        os.sched_setaffinity(0, set(sorted(allowed)[:cores]))  # of workers too
        try:
            start = time.perf_counter()
            entries = estimate_all(videos, Path(out), BatchConfig(workers=workers))
            took = time.perf_counter() - start
        finally:
            os.sched_setaffinity(0, allowed)
    assert all(entry.status == "done" for entry in entries)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_json_option(parser)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--times", type=int, default=1, help="how often each video is in the folder")
    options = parser.parse_args()
    files = fetch_from_wheel(REQUIREMENT, VIDEOS, cache_folder() / "pose2sim-single")
    files |= fetch_from_wheel(REQUIREMENT, TWO_PEOPLE, cache_folder() / "pose2sim-multi")
    videos = {
        f"{copy}/{Path(name).parts[1]}/{Path(name).name}": path
        for copy in range(options.times)
        for name, path in files.items()
    }
    runs = []
    for _ in range(options.pairs):
        runs.append([seconds(videos, workers, cores) for workers, cores in ((2, 2), (1, 2), (1, 1))])
        two, one, on_one_core = runs[-1]
        print(f"two processes {two:6.1f} s, one {one:6.1f} s, on one core {on_one_core:6.1f} s", flush=True)
    ratio = statistics.median(one / two for two, one, _ in runs)
    cores_ratio = statistics.median(on_one_core / two for two, _, on_one_core in runs)
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(
        f"{len(videos)} videos: two processes are {ratio:.2f} times as fast as one, {cores_ratio:.2f} times"
        f" as one on one core; a worker takes {peak_gb:.2f} GB"
    )
    content = {
        "videos": len(videos),
        "seconds": runs,
        "workers_ratio": ratio,
        "cores_ratio": cores_ratio,
        "worker_peak_gb": peak_gb,
    }
    report(content, options.json)


if __name__ == "__main__":
    main()
