"""How fast are films written? python benchmarks/films.py [--size-px 512] [--seconds 8] [--runs 3].

A motion of the bundled model is drawn, captioned and encoded as `motionary export` does it. The process is
bound to one processor core, on which Mesa's software OpenGL (where there is no graphics card) and the encoder
run too.
Setting up (the body, its mesh, OpenGL) happens before the clock starts, except what every film does anew.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["LP_NUM_THREADS"] = "1"  # llvmpipe reads it when the first context is made
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import torch

import motionary
from motionary.export.mp4 import FilmConfig, Panel, write_film
from motionary.export.render import RASTERISERS, load_renderer


def frame_rates(size_px: int, seconds: float, runs: int, rasteriser: str | None) -> Iterator[dict]:
    """Frames per second of the wall clock and of the processor, the best of so many runs, for each camera."""
    body, renderer = motionary.load_body(), load_renderer(rasteriser)
    (motion,) = motionary.generate(motionary.load_model("hdm05"), "kickLFront", 1, seconds=seconds, seed=1)
    panels = [Panel((motion,), "kickLFront")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_film([Panel((motion.crop(0, 2),))], path, body, FilmConfig(size_px), renderer)
        for camera in ("fixed", "follow"):
            wall_s, cpu_s = [], []
            for _ in range(runs):
                wall, cpu = time.perf_counter(), time.process_time()
                write_film(panels, path, body, FilmConfig(size_px, camera), renderer)
                wall_s.append(time.perf_counter() - wall)
                cpu_s.append(time.process_time() - cpu)
            yield {
                "camera": camera,
                "frames": len(motion),
                "frames_per_s": round(len(motion) / min(wall_s), 1),
                "frames_per_cpu_s": round(len(motion) / min(cpu_s), 1),
                "kB": round(path.stat().st_size / 1e3),
            }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size-px", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rasteriser", choices=tuple(RASTERISERS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    for rates in frame_rates(given.size_px, given.seconds, given.runs, given.rasteriser):
        print(json.dumps(rates))


if __name__ == "__main__":
    main()
