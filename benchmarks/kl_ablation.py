"""The KL weight: the published study saw motion freeze at 5e-5. Does it here?

python benchmarks/kl_ablation.py DATASET RECOGNISER --out FOLDER [--kl 1e-6 1e-5 5e-5 1e-4] [--preset small]
    [--set NAME=VALUE ...] [--epochs N] [--seeds N]

Trains one model for each weight, all else alike, latents drawn from N(0, 1) as in the study unless set
otherwise, and scores them. Prints a table; FOLDER/kl.jsonl has the numbers, FOLDER/strips.png a performance
of every model. Run it again to go on.
"""

import argparse
import json
from pathlib import Path

from motionary.body.assets import load_body
from motionary.datasets import Dataset
from motionary.evaluation import EvaluationResult, evaluate
from motionary.evaluation.real import RealFeatures
from motionary.export.figure import comparison, save_picture
from motionary.generation import generate
from motionary.models import load_model
from motionary.models.checkpoint import MODEL_FILE
from motionary.recognition import load_recogniser
from motionary.training import PRESETS, resume, train, with_settings
from motionary.training.state import STATE_FILE

PHYSICAL = ("freeze", "completeness", "foot_skate_cm_s", "jitter_m_s3")
"""freeze: share of frames without movement; completeness: range of motion relative to real motion's."""


def main() -> None:
    given = _arguments()
    dataset, judge = Dataset.load(given.dataset), load_recogniser(given.recogniser)
    real = RealFeatures.of(dataset, judge)
    rows, models = [], {}
    for weight in given.kl:
        run = given.out / f"kl_{weight}"
        _train(dataset, run, given, weight)
        models[weight] = load_model(run)
        scores = evaluate(models[weight], real, judge, seeds=given.seeds)
        if not rows:
            rows.append(_numbers("real", scores, "real"))
        rows.append(_numbers(weight, scores, "generated"))
        print(json.dumps(rows[-1]), flush=True)
    (given.out / "kl.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _print(rows)
    action = given.action or dataset.actions[0]
    shown = [(f"KL {weight}: {action}", generate(model, action)[0]) for weight, model in models.items()]
    save_picture(comparison(shown, load_body(), None, 360), given.out / "strips.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("recogniser")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kl", nargs="+", default=["1e-6", "1e-5", "5e-5", "1e-4"])
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--action", help="shown in the strips; the first when not given")
    return parser.parse_args()


def _train(dataset: Dataset, run: Path, given: argparse.Namespace, weight: str) -> None:
    if (run / STATE_FILE).exists() or (run / MODEL_FILE).exists():
        resume(run)
        return
    settings = [f"epochs={given.epochs}", f"loss.kl={weight}", "latents=standard", *given.set]
    train(dataset, run, with_settings(PRESETS[given.preset], settings))


def _numbers(name: str, scores: EvaluationResult, which: str) -> dict[str, object]:
    row = getattr(scores, which)
    found = {key: getattr(row, key) for key in ("fid", "accuracy", "diversity", "multimodality")}
    found |= {key: row.physical[key] for key in PHYSICAL}
    return {"kl": name} | {
        key: [round(score.mean, 5), round(score.interval, 5)] for key, score in found.items()
    }


def _print(rows: list[dict[str, object]]) -> None:
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        cells = [
            f"{cell[0]:.3f} ± {cell[1]:.3f}" if isinstance(cell, list) else cell for cell in row.values()
        ]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
