"""A table as text, to be shown in a terminal or written as Markdown or LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Grid:
    """Cells of text; the first column names the rows."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def terminal(self) -> Table:
        """For rich's console."""
        table = Table(title=self.title, caption=self.caption or None)
        for index, heading in enumerate(self.headings):
            table.add_column(heading, justify="right" if index else "left")
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


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
