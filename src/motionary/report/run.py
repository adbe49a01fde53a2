"""A report about one training run, or one model: what it is, what it performs, how well, and where from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from motionary import progress
from motionary.body.assets import ASSETS, load_body
from motionary.body.smpl import BodyModel
from motionary.datasets import Dataset
from motionary.evaluation import evaluate
from motionary.evaluation.explained import EXPLAINED
from motionary.evaluation.real import RealFeatures
from motionary.evaluation.result import EvaluationResult
from motionary.export.figure import sheet
from motionary.generation import generate
from motionary.models import Model, load_model
from motionary.models.checkpoint import BUNDLED, find_checkpoint
from motionary.motion import Motion
from motionary.recognition import load_recogniser
from motionary.report.page import Picture, Section, Table, write_report
from motionary.report.player import Show, player
from motionary.training.journal import METRICS_FILE

REAL_FEATURES = "real_features.npz"
"""Of a bundled model, for its recogniser."""
DEFAULT_S = 3.0
"""Of each performance, for models that learned no length."""
MOST_ON_SHEET = 60
"""Actions in the picture; the player has all."""


@dataclass(frozen=True)
class ReportConfig:
    """What goes into a report."""

    samples: int = 3
    """Performances of every action."""
    seed: int = 0
    seeds: int = 20
    """Of an evaluation that is made for the report."""

    def __post_init__(self) -> None:
        """Check that there is something to show."""
        if self.samples < 1 or self.seeds < 1:
            raise ValueError(f"A report needs a sample and a seed; got {self.samples} and {self.seeds}.")


def report_run(
    source: str,
    out: Path,
    *,
    evaluation: Path | None = None,
    dataset: Path | None = None,
    recogniser: str | None = None,
    config: ReportConfig | None = None,
) -> Path:
    """Write a page about a run.

    Args:
        source: A run folder, a .safetensors file, or the name of a bundled model.
        out: The .html file.
        evaluation: What `motionary evaluate --out` wrote about it.
        dataset: Scores the model against this data set's held-out clips where no evaluation is given.
        recogniser: That looks at both; a folder, file or name of a bundled one.
        config: How much.

    Raises:
        FileNotFoundError: If something given is not there.
        ValueError: If out is no .html file, or evaluation and model do not belong together.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"A report is an .html file; got {out}.")
    if (dataset is None) != (recogniser is None):
        raise ValueError("To score a model give both, --dataset and --recogniser, or what evaluate wrote.")
    config, model = config or ReportConfig(), load_model(source)
    result = _result(source, model, evaluation, dataset, recogniser, config)
    sections = run_sections(source, model, result, config)
    return write_report(out, f"Report: {_name(source)}", sections, credits_of(model))


def run_sections(
    source: str, model: Model, result: EvaluationResult | None, config: ReportConfig
) -> list[Section]:
    """The parts of a report, in the order in which they are read.

    Args:
        source: As in `report_run`.
        model: Loaded from it.
        result: Its scores, where they are known.
        config: How much.
    """
    body = load_body()
    performed = _perform(model, config)
    run = Path(source) if Path(source).is_dir() else None
    return [
        _in_short(source, model, result),
        _watch(performed, body),
        _sheet(performed, body),
        _scores(result),
        *([_training(run)] if run and (run / METRICS_FILE).is_file() else []),
        _configuration(model),
        _provenance(source, model),
    ]


def score_bundled(name: str, model: Model, seeds: int) -> EvaluationResult:
    """Scores of a bundled model against the real features that come with it."""
    real = RealFeatures.load(BUNDLED / name / REAL_FEATURES)
    return evaluate(model, real, load_recogniser(name), seeds=seeds)


def credits_of(model: Model) -> str:
    """The licences that whoever passes the page on has to know."""
    return (
        f"Model: {model.licence}; what it performs falls under the same terms as far as they reach.\n"
        f"Body on these pictures: mannequin-x, {ASSETS['free-body'].licence}.\n"
        f"Made by Motionary {version('motionary')} (Apache-2.0), {datetime.now(UTC):%Y-%m-%d}. "
        "This page holds everything it shows and asks for nothing on the network."
    )


def _result(
    source: str,
    model: Model,
    evaluation: Path | None,
    dataset: Path | None,
    recogniser: str | None,
    config: ReportConfig,
) -> EvaluationResult | None:
    if evaluation is not None:
        result = EvaluationResult.load(evaluation)
        if result.actions != tuple(model.actions):
            raise ValueError(
                f"{evaluation} scored the actions {', '.join(result.actions)}, but the model has "
                f"{', '.join(model.actions)}: it is another model's."
            )
        return result
    if dataset is not None and recogniser is not None:
        return evaluate(model, Dataset.load(dataset), load_recogniser(recogniser), seeds=config.seeds)
    if not Path(source).exists() and (BUNDLED / source / REAL_FEATURES).is_file():
        return score_bundled(source, model, config.seeds)
    return None


def _perform(model: Model, config: ReportConfig) -> dict[str, list[Motion]]:
    seconds = None if model.num_frames > 0 else DEFAULT_S
    return {
        action: generate(model, action, config.samples, seconds=seconds, seed=config.seed)
        for action in progress.each(model.actions, "performing", unit="action")
    }


def _in_short(source: str, model: Model, result: EvaluationResult | None) -> Section:
    known = model.provenance
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    length = f"{model.num_frames} frames" if model.num_frames > 0 else "motions of any length"
    facts = [
        ("model", f"ACTOR, {weights / 1e6:.2f} million weights, from {source}"),
        ("performs", f"{len(model.actions)} actions: {', '.join(model.actions)}"),
        ("learned from", _learned_from(known)),
        ("motion", f"{length} at {model.fps:g} frames per second"),
    ]
    if result:
        facts += [("scores", _scored_in_short(result))]
    text = (
        "A model that has learned actions from examples and performs them anew: every performance below is "
        "its own, none is a recording."
    )
    return Section("In short", text, tables=(Table(tuple(facts), facts=True),))


def _learned_from(known: Mapping[str, Any]) -> str:
    parts = []
    if "training_clips" in known:
        parts.append(f"{known['training_clips']} clips of {known.get('dataset', 'a data set')}")
    if "epochs" in known:
        parts.append(f"{known['epochs']} passes over them")
    return ", ".join(parts) or str(known.get("imported_from", "not known"))


def _scored_in_short(result: EvaluationResult) -> str:
    real, made = result.rows
    return (
        f"{made.accuracy.text(100.0, 1)} % of its motions are recognised as the action they are meant to be "
        f"(real motions: {real.accuracy.text(100.0, 1)} %); FID {made.fid.text()} (real: {real.fid.text()})"
    )


def _watch(performed: Mapping[str, Sequence[Motion]], body: BodyModel) -> Section:
    shows = [Show(action, tuple(motions)) for action, motions in performed.items()]
    text = "Choose an action. Drag to turn the view; double-click to come closer."
    return Section("Watch it perform", text, markup=player(shows, body))


def _sheet(performed: Mapping[str, Sequence[Motion]], body: BodyModel) -> Section:
    rows = list(performed.items())[:MOST_ON_SHEET]
    done, png = cv2.imencode(".png", np.ascontiguousarray(sheet(rows, body)[..., ::-1]))
    assert done
    text = "A row for each action, a performance in each cell. Time runs from pale to strong."
    if len(performed) > len(rows):
        text += f" The first {len(rows)} of {len(performed)} actions."
    return Section("All actions at a glance", text, media=(Picture("all actions", png.tobytes()),))


def _scores(result: EvaluationResult | None) -> Section:
    if result is None:
        text = (
            "Not scored. Make scores with `motionary evaluate RUN DATASET --recogniser RECOGNISER --out "
            "SCORES` and give them with `motionary report RUN --evaluation SCORES`."
        )
        return Section("Scores", text)
    grids = result.grids()
    tables = tuple(Table((grid.headings, *grid.rows), caption=grid.title) for grid in grids)
    used = " ".join(cell for grid in grids for row in (grid.headings, *grid.rows) for cell in row).lower()
    terms = tuple((word, said) for word, said in EXPLAINED.items() if word.lower() in used)
    text = f"Read Gen beside GT, never alone. {grids[0].caption}"
    return Section("Scores", text, tables=tables, terms=terms)


def _training(run: Path) -> Section:
    from motionary.evaluation.curves import run_panels
    from motionary.export.charts import chart_bytes, draw_curves

    picture = Picture("training curves", chart_bytes(draw_curves(run_panels([run]))))
    text = (
        "What training made smaller, over the passes through the data. Held out: clips that it never learned "
        "from; where that line rises while the other falls, the model learns its clips by heart."
    )
    return Section("Training", text, media=(picture,))


def _configuration(model: Model) -> Section:
    rows = [("setting", "value"), *_flat(model.provenance.get("config", {}))]
    network = [("setting", "value"), *_flat(vars(model.network.config))]
    tables = (Table(tuple(network), "Network"), Table(tuple(rows), folded="All settings of the training"))
    return Section("Configuration", tables=tables if len(rows) > 1 else tables[:1])


def _flat(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{before}{name}.")
        else:
            rows.append((before + name, str(value)))
    return rows


def _provenance(source: str, model: Model) -> Section:
    file = find_checkpoint(source)
    known = {name: value for name, value in model.provenance.items() if name != "config"}
    facts = (
        ("file", f"{file.name}, {file.stat().st_size / 1e6:.1f} MB"),
        ("sha256", hashlib.sha256(file.read_bytes()).hexdigest()),
        ("licence", model.licence),
        ("made with", f"motionary {known.pop('motionary', '?')}, torch {known.pop('torch', '?')}"),
        *((name.replace("_", " "), _said(value)) for name, value in known.items()),
    )
    return Section("Where it comes from", tables=(Table(facts, facts=True),))


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(source: str) -> str:
    path = Path(source)
    return (path.parent if path.is_file() else path).resolve().name if path.exists() else source
