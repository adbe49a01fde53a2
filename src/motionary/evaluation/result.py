"""What an evaluation found: scores over seeds, rows of motions, tables and files.

C actions, M physical numbers.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from motionary.atomic import write_atomically, write_together
from motionary.documents import parse_json, read_text
from motionary.evaluation.grid import Grid
from motionary.evaluation.metrics import interval95
from motionary.evaluation.physical import MEASURES

SHORT_NAMES = {"Real": "GT", "Generated": "Gen"}
"""Rows' names in the tables, as in the paper's."""


@dataclass(frozen=True)
class Score:
    """One number over the seeds."""

    values: tuple[float, ...]
    """Of each seed; NaN where it is not defined, such as the accuracy of an action without motions."""

    @property
    def mean(self) -> float:
        """Mean over the seeds where it is defined; NaN if it never is."""
        return float(np.mean(self._defined)) if self._defined else math.nan

    @property
    def interval(self) -> float:
        """Half-width of the 95 % confidence interval of the mean; NaN with fewer than two seeds."""
        return interval95(self._defined)

    @property
    def _defined(self) -> list[float]:
        return [value for value in self.values if not math.isnan(value)]

    def text(self, scale: float = 1.0, digits: int = 2) -> str:
        """Mean ± interval."""
        if math.isnan(self.mean):
            return "-"
        mean = f"{scale * self.mean:.{digits}f}"
        return mean if math.isnan(self.interval) else f"{mean} ± {scale * self.interval:.{digits}f}"


@dataclass(frozen=True)
class Row:
    """Scores of one set of motions."""

    name: str
    accuracy: Score
    """Fraction recognised as the action they are labelled with."""
    fid: Score
    """Distance to the compared real motions."""
    diversity: Score
    multimodality: Score
    accuracy_per_action: tuple[Score, ...]
    nearest: Score
    """Mean distance of their features to the nearest training window's; NaN where no training is known."""
    physical: Mapping[str, Score] = field(default_factory=dict)
    """By the names of `physical.MEASURES`; empty where they were not measured."""
    freeze_per_action: tuple[Score, ...] = ()
    completeness_per_action: tuple[Score, ...] = ()


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation found.

    Intervals say how much another draw of latents and windows would change the means. They do not say how
    much other people in the test split, or another training run, would.
    """

    actions: tuple[str, ...]
    real: Row
    """The compared motions themselves; their FID is that of a second real sample (see `second_sample`)."""
    generated: Row
    num_seeds: int
    num_motions: int
    """Per seed, of each row."""
    split: str
    second_sample: str
    """What the real row's FID compares the real motions with."""
    num_frames: int
    """Frames of every motion; -1 if as many as the real one."""
    fps: float
    protocol: str = "motionary"

    @property
    def rows(self) -> tuple[Row, Row]:
        """In the order of the table."""
        return self.real, self.generated

    def grids(self) -> tuple[Grid, ...]:
        """All tables: scores in the form of ACTOR's Table 1, physical numbers, and every action."""
        return tuple(grid for grid in (self._scores(), self._physical(), self._actions()) if grid.rows)

    def table(self) -> Table:
        """Table for the terminal, in the form of ACTOR's Table 1."""
        return self._scores().terminal()

    def physical_table(self) -> Table:
        """Table for the terminal: physical numbers and distance to the nearest training clip."""
        return self._physical().terminal()

    def action_table(self) -> Table:
        """Table for the terminal: every action's accuracy, freeze and completeness in percent."""
        return self._actions().terminal()

    def _scores(self) -> Grid:
        return Grid(
            f"{self.num_seeds} seeds, {self.num_motions} motions each, mean ± 95 % interval",
            ("", "FID ↓", "Accuracy % ↑", "Diversity →", "Multimodality →"),
            tuple(
                (
                    SHORT_NAMES[row.name],
                    row.fid.text(),
                    row.accuracy.text(100.0, 1),
                    row.diversity.text(),
                    row.multimodality.text(),
                )
                for row in self.rows
            ),
            f"GT: real motions of the {self.split} split; their FID is to {self.second_sample}.",
        )

    def _physical(self) -> Grid:
        """A row for each number; none if nothing was measured."""
        rows = [
            (MEASURES[name].heading, *(_measure_text(row.physical[name], name) for row in self.rows))
            for name in self.real.physical
        ]
        nearest = ("nearest training clip", *(row.nearest.text() for row in self.rows))
        headings = ("", *(SHORT_NAMES[row.name] for row in self.rows))
        return Grid("Motion itself", headings, (*rows, nearest) if rows else ())

    def _actions(self) -> Grid:
        columns: list[tuple[str, Callable[[Row], tuple[Score, ...]]]] = [
            ("accuracy %", lambda row: row.accuracy_per_action)
        ]
        if self.real.freeze_per_action:
            columns.append(("freeze %", lambda row: row.freeze_per_action))
            columns.append(("complete %", lambda row: row.completeness_per_action))
        headings = [f"{SHORT_NAMES[row.name]} {name}" for name, _ in columns for row in self.rows]
        rows = [
            (action, *(scores(row)[index].text(100.0, 0) for _, scores in columns for row in self.rows))
            for index, action in enumerate(self.actions)
        ]
        return Grid("Every action", ("", *headings), tuple(rows))

    def to_json(self) -> str:
        """Everything in the result, the seeds' values included; undefined numbers are null."""
        content = {
            "protocol": self.protocol,
            "actions": self.actions,
            "num_seeds": self.num_seeds,
            "num_motions": self.num_motions,
            "split": self.split,
            "second_sample": self.second_sample,
            "num_frames": self.num_frames,
            "fps": self.fps,
            "interval": "1.96 s / sqrt(seeds)",
            "rows": {row.name: _row_content(row, self.actions) for row in self.rows},
        }
        return json.dumps(content, indent=1, allow_nan=False)

    @classmethod
    def load(cls, path: Path) -> "EvaluationResult":
        """Read what `write` or `save` wrote.

        Args:
            path: The folder, or its metrics.json.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it holds something else, such as the scores of the protocol `actor`.
        """
        path = path / "metrics.json" if path.is_dir() else path
        if not path.is_file():
            raise FileNotFoundError(f"No scores at {path}: expected what `motionary evaluate --out` wrote.")
        try:
            content = parse_json(read_text(path), "it")
            rows = {name: _row_of(name, row) for name, row in content.pop("rows").items()}
            del content["interval"]
            actions = tuple(content.pop("actions"))
            return cls(actions, real=rows["Real"], generated=rows["Generated"], **content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} does not hold the scores of `motionary evaluate` with the protocol motionary or "
                f"action2motion ({type(error).__name__}: {error})."
            ) from None

    def save(self, path: Path | str) -> None:
        """Write `to_json` to a file, whole or not at all."""
        write_atomically(Path(path), self.to_json().encode())

    def write(self, out: Path) -> list[Path]:
        """Write metrics.json, and the tables as LaTeX and Markdown."""
        contents = {
            "table.tex": "\n".join(grid.latex() for grid in self.grids()),
            "table.md": "\n".join(grid.markdown() for grid in self.grids()),
            "metrics.json": self.to_json(),
        }
        write_together(out, {name: content.encode() for name, content in contents.items()})
        *tables, metrics = contents
        return [out / name for name in (metrics, *tables)]


def _measure_text(score: Score, name: str) -> str:
    return score.text(MEASURES[name].scale, MEASURES[name].digits)


def _row_content(row: Row, actions: Sequence[str]) -> dict[str, Any]:
    scores = {name: getattr(row, name) for name in ("accuracy", "fid", "diversity", "multimodality")}
    per_action = {
        name: dict(zip(actions, map(_score_content, getattr(row, name)), strict=True))
        for name in ("accuracy_per_action", "freeze_per_action", "completeness_per_action")
        if getattr(row, name)
    }
    return {
        **{name: _score_content(score) for name, score in scores.items()},
        "nearest_training_clip": _score_content(row.nearest),
        "physical": {name: _score_content(score) for name, score in row.physical.items()},
        **per_action,
    }


def _row_of(name: str, content: dict[str, Any]) -> Row:
    def per_action(key: str) -> tuple[Score, ...]:
        return tuple(map(_score_of, content.get(key, {}).values()))

    return Row(
        name,
        accuracy=_score_of(content["accuracy"]),
        fid=_score_of(content["fid"]),
        diversity=_score_of(content["diversity"]),
        multimodality=_score_of(content["multimodality"]),
        accuracy_per_action=per_action("accuracy_per_action"),
        nearest=_score_of(content["nearest_training_clip"]),
        physical={key: _score_of(score) for key, score in content["physical"].items()},
        freeze_per_action=per_action("freeze_per_action"),
        completeness_per_action=per_action("completeness_per_action"),
    )


def _score_of(content: dict[str, Any]) -> Score:
    return Score(tuple(math.nan if value is None else float(value) for value in content["values"]))


def _score_content(score: Score) -> dict[str, Any]:
    return {
        "mean": _or_none(score.mean),
        "interval95": _or_none(score.interval),
        "values": [_or_none(value) for value in score.values],
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
