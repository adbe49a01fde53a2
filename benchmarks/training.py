"""A training step and generation against the published implementation's, taken in turns on this machine.

python benchmarks/training.py [--yardstick FILE] [--pairs N] [--threads N] [--only exact] [--json [FILE]]

The yardstick is `reference_step.py` (default $MOTIONARY_SHARED/bench, ../shared/bench): the published layers,
body (smplx, `pip install -e '.[bench]'`), loss and optimiser. Each side lives in a process of its own and
waits while the other works: A B A B ... A ratio is the median over pairs of neighbours. Ours is the step of
`motionary train --preset paper`, all vertices compared (exact) or the few that stand for them (reduced), on
the same made-up body of SMPL's size; batches of 20 windows of 60 frames, made before the clock starts.
"""

import argparse
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reporting import add_json_option, report

BATCH, FRAMES, CLASSES = 20, 60, 13
MOTIONS = 65
"""Generated at a time: five of every class."""
SHARED = Path(os.environ.get("MOTIONARY_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SMALL = "parameters, small"
"""The shipped models' network against the yardstick's larger one: what users get, no like with like."""
ACTIONS = tuple(f"action_{index}" for index in range(CLASSES))

Tasks = dict[str, Callable[[], Any]]


def yardstick_tasks(given: argparse.Namespace, body: Path) -> Tasks:
    """What the published implementation does."""
    sys.path.insert(0, str(given.yardstick.parent))
    import reference_step as reference

    step = reference.ReferenceStep(body.parent, CLASSES, FRAMES, given.device)
    batch = reference.batch(BATCH, FRAMES, CLASSES, given.device)
    labels = torch.arange(CLASSES, device=given.device).repeat(MOTIONS // CLASSES)
    return {
        "step": lambda: step.step(*batch),
        "parameters": lambda: step.generate(labels, FRAMES, vertices=False),
        "vertices": lambda: step.generate(labels, FRAMES),
        SMALL: lambda: step.generate(labels, FRAMES, vertices=False),
    }


def our_tasks(given: argparse.Namespace, body: Path, points: str) -> Tasks:
    """What Motionary does."""
    from motionary.datasets import ClipBatch, Dataset
    from motionary.training import PRESETS
    from motionary.training.processes import Processes
    from motionary.training.state import Run
    from motionary.training.step import Step

    torch.manual_seed(0)
    config = replace(
        PRESETS["paper"], body=str(body), points=points, precision=given.precision, compiled=given.compiled
    )
    run = Run.start(Dataset(body.parent, ACTIONS, 30.0, ()), config)
    step = Step(run, Processes())
    features = torch.randn(BATCH, FRAMES, 25, 6) * 0.3
    features[:, :, :24, [0, 4]] += 1
    whole = torch.ones(BATCH, FRAMES, dtype=torch.bool)
    batch = ClipBatch(features, torch.randint(0, CLASSES, (BATCH,)), whole, torch.arange(BATCH))
    noise = torch.randn(BATCH, config.latent_dim)
    return {"step": lambda: step(batch, noise)[3].item(), **_generation_tasks(run)}


def _generation_tasks(run: Any) -> Tasks:
    """With the yardstick's network, and with the smaller one of `--preset small`."""
    from motionary.generation import decode, decode_vertices
    from motionary.models.actor import Actor
    from motionary.training import PRESETS

    labels = torch.arange(CLASSES, device=run.device).repeat(MOTIONS // CLASSES)
    small = Actor(PRESETS["small"].actor(CLASSES)).to(run.device).eval()

    def parameters(network: Actor) -> torch.Tensor:
        network.eval()
        z = torch.randn(MOTIONS, network.config.latent_dim, device=run.device)
        return decode(network, z, labels, FRAMES)

    return {
        "parameters": lambda: parameters(run.network),
        "vertices": lambda: [None for _ in decode_vertices(parameters(run.network), run.points.body)],
        SMALL: lambda: parameters(small),
    }


def work(pipe: Connection, side: str, given: argparse.Namespace, body: Path) -> None:
    """One side: do what is asked for, answer with the seconds it took, or with the peak of memory in GB."""
    torch.set_num_threads(given.threads)
    points = {"exact": "vertices", "reduced": "few_vertices"}.get(side)
    tasks = yardstick_tasks(given, body) if points is None else our_tasks(given, body, points)
    while (task := pipe.recv()) is not None:
        if task == "memory":
            pipe.send(_peak_gb(given.device))
            continue
        start = time.perf_counter()
        tasks[task]()
        if given.device == "cuda":
            torch.cuda.synchronize()
        pipe.send(time.perf_counter() - start)


def _peak_gb(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


class Side:
    """One of the two, in a process of its own."""

    def __init__(self, name: str, given: argparse.Namespace, body: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, name, given, body), daemon=True)
        self.process.start()
        other.close()

    def ask(self, task: str) -> float:
        """The answer of `work` to a task."""
        self.pipe.send(task)
        return self.pipe.recv()

    def stop(self) -> None:
        """End the process."""
        self.pipe.send(None)
        self.process.join()


def compare(given: argparse.Namespace, body: Path, ours: str, tasks: list[str]) -> dict[str, Any]:
    """Ratios of one of our steps to the yardstick."""
    sides = [Side("yardstick", given, body), Side(ours, given, body)]
    result: dict[str, Any] = {}
    for task in tasks:
        pairs = [tuple(side.ask(task) for side in sides) for _ in range(given.pairs + 1)][1:]
        ratios = [theirs / own for theirs, own in pairs]
        seconds = [statistics.median(column) for column in zip(*pairs, strict=True)]
        result[task] = {
            "yardstick_s": seconds[0],
            "ours_s": seconds[1],
            "ratio": statistics.median(ratios),
            "quartiles": [float(q) for q in np.percentile(ratios, (25, 75))],
        }
        if task == "step":
            peaks = [side.ask("memory") for side in sides]
            result["memory"] = {"yardstick_gb": peaks[0], "ours_gb": peaks[1], "ratio": peaks[0] / peaks[1]}
    for side in sides:
        side.stop()
    return result


def machine_line(given: argparse.Namespace) -> str:
    """What the numbers were taken on."""
    try:
        model = next(
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        )
    except (OSError, StopIteration):
        model = platform.processor()
    gpu = f", {torch.cuda.get_device_name()}" if given.device == "cuda" else ""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    cores = f"{os.cpu_count()} cores, {given.threads} threads"
    return f"{model}, {cores}{gpu}, torch {torch.__version__}, load {load}"


def table(results: dict[str, dict[str, Any]]) -> str:
    rows = [f"{'':26} {'yardstick':>10} {'ours':>10} {'ratio':>7}  quartiles"]
    for name, result in results.items():
        for task, numbers in result.items():
            unit = "gb" if task == "memory" else "s"
            spread = " to ".join(f"{q:.2f}" for q in numbers.get("quartiles", ()))
            rows.append(
                f"{name + ' ' + task:26} {numbers[f'yardstick_{unit}']:8.3f} {unit:2} "
                f"{numbers[f'ours_{unit}']:7.3f} {unit:2} {numbers['ratio']:7.2f}  {spread}"
            )
    return "\n".join(rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--yardstick", type=Path, default=SHARED / "bench" / "reference_step.py")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--only", choices=("exact", "reduced"))
    parser.add_argument("--steps-only", action="store_true", help="leave generation out")
    add_json_option(parser)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if not given.yardstick.is_file():
        sys.exit(f"No yardstick at {given.yardstick}; say where with --yardstick or $MOTIONARY_SHARED.")
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    if given.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    machine = machine_line(given)
    print(machine, flush=True)
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        sys.path.insert(0, str(given.yardstick.parent))
        import reference_step

        body = reference_step.make_synthetic_smpl(Path(temporary) / "smpl")
        if given.only != "reduced":
            tasks = ["step"] if given.steps_only else ["step", "parameters", "vertices", SMALL]
            results["exact"] = compare(given, body, "exact", tasks)
        if given.only != "exact":
            results["reduced"] = compare(given, body, "reduced", ["step"])
    print(table(results))
    content = {"machine": machine, "pairs": given.pairs, "results": results}
    content |= {f"{name}_ratio": result["step"]["ratio"] for name, result in results.items()}
    content |= {f"{name}_memory_ratio": result["memory"]["ratio"] for name, result in results.items()}
    if "vertices" in results.get("exact", {}):
        content["generation_ratio"] = results["exact"]["parameters"]["ratio"]
        content["small_network_generation_ratio"] = results["exact"][SMALL]["ratio"]
        content["vertices_ratio"] = results["exact"]["vertices"]["ratio"]
    report(content, given.json)


if __name__ == "__main__":
    main()
