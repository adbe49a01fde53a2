"""What there is to draw against epochs: a run's log, and scores of its model at several epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from motionary.documents import parse_json, read_text
from motionary.export.charts import Line, Panel
from motionary.training.journal import read_metrics

TITLES = {
    "total": "loss",
    "features": "loss of rotations",
    "points": "loss of points",
    "kl": "KL divergence",
    "points_mm": "points off by, mm",
    "learning_rate": "learning rate",
}
"""Headings of what the log calls train/NAME or validation/NAME; others keep their names."""
PARTS = {"train": "training", "validation": "held out"}
UNSHOWN = ("learning_rate",)
"""Unless asked for."""
SCORES = {"fid": ("FID", 1.0), "accuracy": ("accuracy, %", 100.0)}
"""Name in metrics.json -> heading and scale."""


def run_panels(runs: Sequence[Path], measures: Sequence[str] = ()) -> list[Panel]:
    """A panel for each measure in the logs of runs, with a line for each part of the data and each run.

    Args:
        runs: Folders of runs.
        measures: Which, by the log's names without their part, such as total; all when empty.

    Raises:
        FileNotFoundError: If a folder has no log.
        ValueError: If a log is damaged or empty, or no log has such a measure.
    """
    lines: dict[str, list[Line]] = {}
    for run in runs:
        rows = read_metrics(run)
        for name in dict.fromkeys(name for row in rows for name in row if name != "epoch"):
            part, _, measure = name.rpartition("/")
            label = PARTS.get(part, part) or measure
            pairs = [(row["epoch"], row[name]) for row in rows if name in row]
            epochs, values = zip(*pairs, strict=True)
            label = f"{run.name}, {label}" if len(runs) > 1 else label
            lines.setdefault(measure, []).append(Line(label, epochs, values))
    chosen = list(measures) or [measure for measure in lines if measure not in UNSHOWN]
    if missing := [measure for measure in chosen if measure not in lines]:
        raise ValueError(f"The log has {', '.join(lines) or 'no epoch yet'}; got {', '.join(missing)}.")
    if not chosen:
        raise ValueError(f"The log of {runs[0]} has no epoch yet.")
    return [Panel(TITLES.get(measure, measure), tuple(lines[measure])) for measure in chosen]


def score_panels(scores: Mapping[int, Path]) -> list[Panel]:
    """FID and accuracy against epochs, with their 95 % intervals and the level of real motion.

    Args:
        scores: Epoch -> what `motionary evaluate` wrote of the model at that epoch: the folder, or its
            metrics.json.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no evaluation.
    """
    rows = {epoch: _read_rows(path) for epoch, path in sorted(scores.items())}
    return [_score_panel(rows, name, heading, scale) for name, (heading, scale) in SCORES.items()]


def _score_panel(rows: Mapping[int, dict], name: str, heading: str, scale: float) -> Panel:
    generated = [row["Generated"][name] for row in rows.values()]
    means = tuple(scale * score["mean"] for score in generated)
    intervals = tuple(scale * (score["interval95"] or 0.0) for score in generated)
    lines = [Line("generated", tuple(map(float, rows)), means, intervals)]
    real = [row["Real"][name]["mean"] for row in rows.values() if row["Real"][name]["mean"] is not None]
    if real:
        lines.append(Line("real", (), (scale * real[-1],), level=True))
    return Panel(heading, tuple(lines))


def _read_rows(path: Path) -> dict:
    path = path / "metrics.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"No scores at {path}: expected what `motionary evaluate` wrote.")
    try:
        rows = parse_json(read_text(path), "it")["rows"]
        for name in SCORES:
            float(rows["Generated"][name]["mean"])
            float(rows["Real"][name]["mean"] or 0)
        return rows
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not hold the scores of an evaluation ({error!r}).") from None
