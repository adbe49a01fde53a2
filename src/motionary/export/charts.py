"""Curves and confusion matrices in the look of the pictures of bodies: one ink, one background, one palette.

Okabe and Ito's hues (2008) with a dash of their own each: told apart by colour-blind readers, and in grey.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from motionary.atomic import write_atomically
from motionary.export.floor import BACKGROUND
from motionary.export.lettering import INK
from motionary.export.shading import EARLY, LATE, PALETTE, Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PRINT_DPI = 300
GRID: Colour = (221, 222, 221)
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
PANEL_INCHES = (3.3, 2.4)
WIDEST_IN_PANELS = 3
CELL_INCHES = 0.36
MOST_POINTS_MARKED = 25
DARK_PERCENT = 52
"""Cells above it bear light figures."""
STEEP = 50.0
"""A measure that changes by more than this factor is drawn on a logarithmic scale."""


@dataclass(frozen=True)
class Line:
    """One measure over the epochs."""

    label: str
    epochs: tuple[float, ...] | tuple[int, ...]
    values: tuple[float, ...] | tuple[int, ...]
    intervals: tuple[float, ...] = ()
    """Half-widths drawn around the values; none when empty."""
    level: bool = False
    """A value to compare with, drawn as a level across the panel."""


@dataclass(frozen=True)
class Panel:
    """Lines of one unit."""

    title: str
    lines: tuple[Line, ...]


def draw_curves(panels: Sequence[Panel]) -> "Figure":
    """Panels of curves against epochs, side by side; lines of one label look the same in all of them.

    Raises:
        ValueError: If there is nothing to draw.
    """
    if not panels or not all(panel.lines for panel in panels):
        raise ValueError("A chart needs at least one measure in every panel; got none.")
    rows = -(-len(panels) // WIDEST_IN_PANELS)
    columns = -(-len(panels) // rows)
    labels = list(dict.fromkeys(line.label for panel in panels for line in panel.lines if not line.level))
    with _styled():
        figure, grid = _figure(rows, columns, (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows))
        for axes, panel in zip(grid, panels, strict=False):
            _draw_panel(axes, panel, labels)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
    return figure


def draw_confusion(matrices: Sequence[tuple[str, Int[ndarray, "C C"]]], actions: Sequence[str]) -> "Figure":
    """Confusion matrices side by side, in percent of each true action.

    Args:
        matrices: Title and counts; rows are true actions, columns recognised ones.
        actions: Their names, in order.
    """
    side = max(2.6, CELL_INCHES * len(actions) + 1.6)
    with _styled():
        figure, grid = _figure(1, len(matrices), (side * len(matrices), side + 0.3))
        for axes, (title, counts) in zip(grid, matrices, strict=True):
            _draw_matrix(axes, counts, actions)
            axes.set_title(title)
        grid[0].set_ylabel("true action")
    return figure


def chart_bytes(figure: "Figure", kind: str = "png") -> bytes:
    """A drawn figure as a file: png at PRINT_DPI, or pdf with letters that stay letters."""
    buffer = io.BytesIO()
    with _styled():
        figure.savefig(buffer, format=kind, dpi=PRINT_DPI)
    return buffer.getvalue()


def save_chart(figure: "Figure", path: Path) -> None:
    """Write a figure as .png or .pdf, as its name ends, whole or not at all."""
    write_atomically(path, chart_bytes(figure, path.suffix.lower().removeprefix(".")))


def _draw_panel(axes: "Axes", panel: Panel, labels: Sequence[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    for line in panel.lines:
        if line.level:
            axes.axhline(line.values[0], color=_rgb(INK), lw=1.0, ls=(0, (2, 2)), label=line.label)
            continue
        index = labels.index(line.label)
        look: dict[str, Any] = {"color": _rgb(_strong(index)), "ls": DASHES[index % len(DASHES)]}
        mark = "o" if len(line.epochs) <= MOST_POINTS_MARKED else None
        if line.intervals:
            axes.errorbar(
                line.epochs, line.values, line.intervals, marker=mark, capsize=2, label=line.label, **look
            )
        else:
            axes.plot(line.epochs, line.values, marker=mark, label=line.label, **look)
    drawn = np.array([value for line in panel.lines for value in line.values])
    if drawn.min() > 0 and drawn.max() > STEEP * drawn.min():
        axes.set_yscale("log")
    axes.set(xlabel="epoch", title=panel.title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()


def _draw_matrix(axes: "Axes", counts: Int[ndarray, "C C"], actions: Sequence[str]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    darkest = tuple(round(channel * 0.45) for channel in LATE)
    shades = [_rgb(colour) for colour in (BACKGROUND, EARLY, LATE, darkest)]
    share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap=LinearSegmentedColormap.from_list("poses", shades), vmin=0, vmax=100)
    axes.set_xticks(range(len(actions)), actions, rotation=55, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(actions)), actions)
    axes.set_xlabel("recognised as")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for row, column in zip(*np.nonzero(counts), strict=True):
        ink = _rgb(BACKGROUND if share[row, column] > DARK_PERCENT else INK)
        text = f"{share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)


def _figure(rows: int, columns: int, size_inches: tuple[float, float]) -> "tuple[Figure, list[Axes]]":
    """An empty figure and its axes, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches, layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _styled() -> AbstractContextManager[None]:
    """Matplotlib in our look for as long as the context lasts."""
    from matplotlib import rc_context

    return rc_context(_style())


def _style() -> Any:
    """Matplotlib's settings; the typeface is the one that stands on our pictures."""
    ink, background = _rgb(INK), _rgb(BACKGROUND)
    return {
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "axes.titlesize": 9,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": _rgb(GRID),
        "axes.facecolor": background,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": _rgb(GRID),
        "grid.linewidth": 0.6,
        "xtick.color": ink,
        "ytick.color": ink,
        "figure.facecolor": background,
        "savefig.facecolor": background,
        "legend.frameon": False,
        "lines.linewidth": 1.4,
        "lines.markersize": 3,
        "pdf.fonttype": 42,  # letters stay letters, as publishers ask
    }


def _strong(index: int) -> Colour:
    """A palette colour, darkened: lines are thinner than bodies."""
    red, green, blue = (round(channel * 0.82) for channel in PALETTE[index % len(PALETTE)])
    return red, green, blue


def _rgb(colour: Sequence[int]) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in colour)
