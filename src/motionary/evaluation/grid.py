"""A table as text, to be shown in a terminal or written as Markdown or LaTeX."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.table import Table

_LATEX = {
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "³": "$^3$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}

_UNBROKEN = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Grid:
    """Cells of text; the first column names the rows."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def terminal(self) -> Table:
        """For rich's console; headings are as narrow as their cells, and what finds no room folds."""
        table = Table(
            title=self.title,
            caption=self.caption or None,
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
            show_edge=False,
        )
        for index, heading in enumerate(self.headings):
            cells = [row[index] for row in self.rows]
            justify: Literal["left", "right"] = "right" if index else "left"
            table.add_column(_folded(heading, cells), justify=justify, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Title, table and caption."""
        rule = ("---", *("---:" for _ in self.headings[1:]))
        lines = [_markdown_row(row) for row in (self.headings, rule, *self.rows)]
        return "\n".join([f"**{self.title}**", "", *lines, *(["", self.caption] if self.caption else []), ""])

    def latex(self) -> str:
        """A tabular, with the title and the caption as comments; needs no package."""
        columns = "l" + "r" * (len(self.headings) - 1)
        lines = [
            *(f"% {_latex(text)}" for text in (self.title, self.caption) if text),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            _latex_row(self.headings),
            r"\hline",
            *(_latex_row(row) for row in self.rows),
            r"\hline",
            r"\end{tabular}",
            "",
        ]
        return "\n".join(lines)


def _folded(heading: str, cells: Sequence[str]) -> str:
    """A heading in lines no longer than the longest cell or word; an arrow stays with the word before it."""
    bound = re.sub(r" (?=[↑↓→])", _UNBROKEN, heading)
    width = max(map(len, [*cells, *bound.split(" ")]))
    return textwrap.fill(bound, width or 1).replace(_UNBROKEN, " ")


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
