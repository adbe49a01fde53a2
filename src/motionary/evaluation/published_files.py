"""The published evaluation's numbers, its YAML file and its table.

Source: the files and tables of ACTOR's published code (Petrovich et al. 2021, arXiv:2104.05670).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from rich.table import Table

from motionary.atomic import write_together
from motionary.evaluation.grid import Grid

SCORES_FILE = "evaluation_metrics_all.yaml"

GRU_COLUMNS = ("fid_{}", "accuracy_{}", "diversity_{}", "multimodality_{}")
STGCN_COLUMNS = (
    "fid_{}_train",
    "fid_{}_test",
    "accuracy_{}_train",
    "diversity_{}_train",
    "multimodality_{}_train",
)
HEADINGS = {
    "fid_{}": "FID ↓",
    "fid_{}_train": "FID train ↓",
    "fid_{}_test": "FID test ↓",
    "accuracy_{}": "Acc. % ↑",
    "accuracy_{}_train": "Acc. % ↑",
    "diversity_{}": "Div. →",
    "diversity_{}_train": "Div. →",
    "multimodality_{}": "Multimod. →",
    "multimodality_{}_train": "Multimod. →",
}


@dataclass(frozen=True)
class PublishedScores:
    """Every number of every repetition, by its published name, such as fid_gen or accuracy_gt_test."""

    values: Mapping[str, tuple[float, ...]]

    @property
    def num_seeds(self) -> int:
        """Repetitions."""
        return len(next(iter(self.values.values())))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the table's columns, with {} for the set."""
        return STGCN_COLUMNS if "fid_gen_test" in self.values else GRU_COLUMNS

    def to_yaml(self) -> str:
        """Content of the published evaluation_metrics_*_all.yaml: six digits, as strings."""
        texts = {name: [f"{value:.6}" for value in values] for name, values in self.values.items()}
        return yaml.safe_dump({"feats": texts})

    @classmethod
    def from_yaml(cls, text: str) -> "PublishedScores":
        """Read such a file's content.

        Raises:
            ValueError: If it is something else.
        """
        try:
            feats = yaml.safe_load(text)["feats"]
            return cls({name: tuple(float(value) for value in values) for name, values in feats.items()})
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
            raise ValueError(
                "This is no file of published evaluation metrics: expected `feats:` with lists of numbers."
            ) from None

    def rows(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Sets of the table, each with the mean and spread of every column, as printed.

        The real row appears only where a second real sample was scored, and its FID is that sample's.
        """
        values = dict(self.values)
        if "fid_gt2" in values:
            values["fid_gt"] = values["fid_gt2"]
        names = ("gt", "gen") if "fid_gt2" in values else ("gen",)
        return [
            (name, [_cell(column, values[column.format(name)]) for column in self.columns]) for name in names
        ]

    def easy_table(self) -> str:
        """What the published code prints: mean +/- 1.96 times the variance, plain and as LaTeX."""
        lines = ["Results"]
        for name, cells in self.rows():
            lines.append(" | ".join([f"{name:6}", *(f"{mean} +/- {spread}" for mean, spread in cells)]))
        return "\n".join([*lines, "", "Latex table", self.latex()])

    def latex(self) -> str:
        """Rows of the published LaTeX table."""
        return "\n".join(
            " & ".join([f"{name:6}", *(rf"${mean}^{{\pm{spread}}}$" for mean, spread in cells)]) + r"\\"
            for name, cells in self.rows()
        )

    def markdown(self) -> str:
        """The table in Markdown."""
        headings = ["", *(HEADINGS[column] for column in self.columns)]
        lines = [_markdown_row(headings), "|---|" + "---:|" * len(self.columns)]
        for name, cells in self.rows():
            lines.append(_markdown_row([name, *(f"{mean} ± {spread}" for mean, spread in cells)]))
        return "\n".join(lines)

    def table(self) -> Table:
        """Table for the terminal."""
        return Grid(
            f"Published protocol, {self.num_seeds} seeds, mean ± 1.96 x variance",
            ("", *(HEADINGS[column] for column in self.columns)),
            tuple((name, *(f"{mean} ± {spread}" for mean, spread in cells)) for name, cells in self.rows()),
            "Real and generated motions share the training clips; this is no test.",
        ).terminal()

    def to_json(self) -> str:
        """All values, their means and what the table prints beside them."""
        content = {
            "protocol": "actor",
            "num_seeds": self.num_seeds,
            "interval": "1.96 x population variance",
            "values": self.values,
            "means": {name: float(np.mean(values)) for name, values in self.values.items()},
            "intervals": {name: 1.96 * float(np.var(values)) for name, values in self.values.items()},
        }
        return json.dumps(content, indent=1, allow_nan=False)

    def write(self, out: Path) -> list[Path]:
        """Write metrics.json, the published YAML, and the table as text, LaTeX and Markdown."""
        contents = {
            SCORES_FILE: self.to_yaml(),
            "table.txt": self.easy_table() + "\n",
            "table.tex": self.latex() + "\n",
            "table.md": self.markdown() + "\n",
            "metrics.json": self.to_json(),
        }
        write_together(out, {name: content.encode() for name, content in contents.items()})
        *tables, metrics = contents
        return [out / name for name in (metrics, *tables)]


def _cell(column: str, values: tuple[float, ...]) -> tuple[str, str]:
    """Mean and 1.96 times the population variance; of percentages for accuracies."""
    is_accuracy = column.startswith("accuracy")
    shown = np.array(values) * (100 if is_accuracy else 1)
    return _number(float(shown.mean()), 1 if is_accuracy else 2), _number(1.96 * float(shown.var()), 2)


def _number(value: float, digits: int) -> str:
    """Rounded, and filled up to four characters with zeros, as published."""
    return str(round(value * 10**digits) / 10**digits).ljust(4, "0")


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
