"""How much faster is a folder of videos with two processes? Run: python benchmarks/folder.py [--json [FILE]].

The eight videos of Pose2Sim's demos (BSD-3, fetched once from PyPI; one and two people, four cameras, 100
frames each), estimated by one process and by two, A B A B; each run from the start, imports included. Peak
memory is the largest worker's.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

from estimation import REQUIREMENT, VIDEOS

from motionary.body.assets import cache_folder, fetch_from_wheel
from motionary.estimators.batch import BatchConfig, estimate_all

MULTI = "Pose2Sim/Demo_MultiPerson/videos"
TWO_PEOPLE = {
    f"{MULTI}/cam01.mp4": "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53",
    f"{MULTI}/cam02.mp4": "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b",
    f"{MULTI}/cam03.mp4": "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99",
    f"{MULTI}/cam04.mp4": "1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09",
}


def seconds(videos: dict[str, Path], workers: int) -> float:
    """Of one run over all videos."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        entries = estimate_all(videos, Path(out), BatchConfig(workers=workers))
        took = time.perf_counter() - start
    assert all(entry.status == "done" for entry in entries)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", nargs="?", const="-", help="print one JSON object last, or write it here")
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
    pairs = []
    for _ in range(options.pairs):
        pairs.append((seconds(videos, 1), seconds(videos, 2)))
        print(f"one process {pairs[-1][0]:6.1f} s, two {pairs[-1][1]:6.1f} s", flush=True)
    ratio = statistics.median(one / two for one, two in pairs)
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(
        f"{len(videos)} videos: two processes are {ratio:.2f} times as fast; a worker takes {peak_gb:.2f} GB"
    )
    content = {"videos": len(videos), "seconds": pairs, "workers_ratio": ratio, "worker_peak_gb": peak_gb}
    if options.json == "-":
        print(json.dumps(content))
    elif options.json:
        Path(options.json).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
