"""How long a data set takes to open, and how much of a training step is spent waiting for data.

python benchmarks/loading.py DATASET [--preset small ...] [--steps 40] [--workers 0 1] [--json FILE]

Waiting is measured in the training loop's own way: each batch is taken from `Clips.epoch` and given to the
loop's own step. The data set's packed file is removed first, to time its making, and made again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import torch

from motionary.datasets import ClipBatch, Clips, Dataset
from motionary.datasets.augmentation import Augmentation
from motionary.datasets.packed import PACKED_NAME, open_packed
from motionary.motion import Motion
from motionary.training import PRESETS, TrainConfig
from motionary.training.processes import Processes
from motionary.training.state import Run
from motionary.training.step import Step

WARM_UP = 3
AUGMENTATIONS = {
    "plain": Augmentation(),
    "varied": Augmentation(mirror=True, yaw_deg=30.0, speed=0.2, shape=0.05),
}


def opening(root: Path) -> dict[str, float]:
    """Seconds to read the index, every Motion file, to make and to open the packed file, to have features."""
    times = {}

    def timed(name: str, work) -> None:
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        work()
        times[name] = time.perf_counter() - start_s
        times[f"{name}, CPU"] = time.process_time() - start_cpu_s

    (root / PACKED_NAME).unlink(missing_ok=True)
    dataset = Dataset.load(root)
    timed("index", lambda: Dataset.load(root))
    timed("every Motion file", lambda: [Motion.load(root / clip.path) for clip in dataset.clips])
    timed("packed file made", lambda: open_packed(dataset))
    timed("packed file opened", lambda: open_packed(dataset))
    timed("features of all clips", lambda: Clips(dataset, PRESETS["small"].clips()))
    return times


def endless(clips: Clips, config: TrainConfig) -> Iterator[ClipBatch]:
    """Epoch after epoch."""
    rng = np.random.default_rng(config.seed)
    return (
        batch for _ in cycle([None]) for batch in clips.epoch(config.batch_size, rng, config.loader_workers)
    )


def waiting(dataset: Dataset, config: TrainConfig, steps: int) -> dict[str, float]:
    """Milliseconds of a step and of the wait for its batch, medians; and the wait's share of all the time."""
    run = Run.start(dataset, config)
    take_step, rng = Step(run, Processes()), np.random.default_rng(config.seed)
    clips = Clips(dataset.split("train"), config.clips(), config.augment, run.device)
    batches = endless(clips, config)
    waits, totals = [], []
    for step in range(WARM_UP + steps):
        start_s = time.perf_counter()
        batch = next(batches)
        got_s = time.perf_counter()
        size = (len(batch.clip), config.latent_dim)
        take_step(batch, torch.from_numpy(rng.standard_normal(size, np.float32)))
        if run.device.type == "cuda":
            torch.cuda.synchronize()
        if step >= WARM_UP:
            waits.append(got_s - start_s)
            totals.append(time.perf_counter() - start_s)
    return {
        "step_ms": 1000 * float(np.median(totals)),
        "wait_ms": 1000 * float(np.median(waits)),
        "share_percent": 100 * sum(waits) / sum(totals),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", nargs="*", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result: dict = {"opening": opening(arguments.dataset), "waiting": []}
    for name, seconds in result["opening"].items():
        print(f"{name:28s}{seconds:9.3f} s")
    dataset = Dataset.load(arguments.dataset)
    for preset in arguments.preset:
        for augmentation, augment in AUGMENTATIONS.items():
            for workers in arguments.workers:
                config = replace(PRESETS[preset], augment=augment, loader_workers=workers)
                row = {"preset": preset, "windows": augmentation, "workers": workers}
                row |= waiting(dataset, config, arguments.steps)
                result["waiting"].append(row)
                print(
                    f"{preset:6s} {augmentation:7s} {workers} workers: step {row['step_ms']:8.1f} ms, "
                    f"wait {row['wait_ms']:6.2f} ms, {row['share_percent']:5.2f} %",
                    flush=True,
                )
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
