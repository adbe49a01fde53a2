"""Train ACTOR and score it on the way: FID, accuracy and motion against epochs and against time.

python benchmarks/learning_curve.py DATASET --out RUN [--recogniser RECOGNISER] [--preset small]
    [--set NAME=VALUE ...] [--epochs N] [--every N] [--seeds N] [--most N] [--minutes M]

RUN/stages keeps the model of every N-th epoch. With a recogniser they are scored: RUN/curve.jsonl has a line
for each, after one for real motion, and RUN/curve.png draws them. Run it again to go on, with or without a
recogniser. Time is that spent training, scoring left out; after --minutes of it no further stage begins.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from motionary.datasets import Dataset
from motionary.evaluation import evaluate
from motionary.evaluation.real import RealFeatures
from motionary.evaluation.result import Row
from motionary.export.charts import Line, Panel, draw_curves, save_chart
from motionary.models import load_model
from motionary.recognition import load_recogniser
from motionary.training import PRESETS, resume, train, with_settings
from motionary.training.state import STATE_FILE

CURVE, STAGES = "curve.jsonl", "stages.jsonl"
SHOWN = ("fid", "accuracy", "diversity", "multimodality")


def main() -> None:
    given = _arguments()
    dataset = Dataset.load(given.dataset)
    score = _scorer(dataset, given) if given.recogniser else lambda: None
    stages = _read(given.out / STAGES)
    done, spent = (stages[-1]["epoch"], stages[-1]["minutes"]) if stages else (0, 0.0)
    score()
    while done < given.epochs and spent < given.minutes:
        started = time.perf_counter()
        done = min(done + given.every, given.epochs)
        path = _train(dataset, given, done)
        spent += (time.perf_counter() - started) / 60
        kept = given.out / "stages" / f"epoch_{done:05d}.safetensors"
        kept.parent.mkdir(exist_ok=True)
        shutil.copy(path, kept)
        stages.append({"epoch": done, "minutes": round(spent, 2), "model": str(kept)})
        _write(stages, given.out / STAGES)
        score()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recogniser")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    return parser.parse_args()


def _scorer(dataset: Dataset, given: argparse.Namespace) -> Callable[[], None]:
    """What scores every stage that has not been scored yet."""
    judge = load_recogniser(given.recogniser)
    real = RealFeatures.of(dataset, judge)

    def score() -> None:
        lines = _read(given.out / CURVE)
        for stage in _read(given.out / STAGES)[max(0, len(lines) - 1) :]:
            model = load_model(stage["model"])
            found = evaluate(model, real, judge, seeds=given.seeds, most_motions=given.most)
            if not lines:
                lines.append({"epoch": 0, "minutes": 0.0, **_numbers(found.real)})
            lines.append(stage | _numbers(found.generated))
            print(json.dumps(lines[-1]), flush=True)
            _write(lines, given.out / CURVE)
            _draw(lines, given.out / "curve.png")

    return score


def _train(dataset: Dataset, given: argparse.Namespace, stop: int) -> Path:
    if (given.out / STATE_FILE).exists():
        return resume(given.out, epochs=given.epochs, stop_after=stop)
    config = with_settings(PRESETS[given.preset], [f"epochs={given.epochs}", *given.set])
    return train(dataset, given.out, config, stop_after=stop)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _write(lines: list[dict[str, Any]], path: Path) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _numbers(row: Row) -> dict[str, list[float]]:
    """Mean and half-width of the interval of every score."""
    scores = {name: getattr(row, name) for name in (*SHOWN, "nearest")} | row.physical
    return {name: [round(score.mean, 5), round(score.interval, 5)] for name, score in scores.items()}


def _draw(lines: list[dict[str, Any]], path: Path) -> None:
    """Every score against epochs, with the level of real motion."""
    real, stops = lines[0], lines[1:]
    epochs = tuple(float(stop["epoch"]) for stop in stops)
    panels = []
    for name in SHOWN:
        means, halves = (tuple(stop[name][k] for stop in stops) for k in (0, 1))
        level = Line("real", (), (real[name][0],), level=True)
        panels.append(Panel(name, (Line("generated", epochs, means, halves), level)))
    save_chart(draw_curves(panels), path)


if __name__ == "__main__":
    main()
