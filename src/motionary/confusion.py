"""Which actions were recognised as which: counts, accuracies, picture.

C actions; rows are true actions, columns recognised ones.
"""

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


def confusion_matrix(
    labels: Int[ndarray, "N"], predicted: Int[ndarray, "N"], num_actions: int
) -> Int[ndarray, "C C"]:
    """Counts of motions by true and recognised action."""
    matrix = np.zeros((num_actions, num_actions), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def accuracy(confusion: Int[ndarray, "C C"]) -> float:
    """Fraction of the motions that were recognised; NaN when there are none."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else float("nan")


def accuracy_per_action(confusion: Int[ndarray, "C C"]) -> Float[ndarray, "C"]:
    """Fraction of each action's motions that was recognised; NaN for actions without motions."""
    counts = confusion.sum(1)
    return np.where(counts > 0, np.diag(confusion) / np.maximum(counts, 1), np.nan)


def draw_confusion(confusion: Int[ndarray, "C C"], actions: Sequence[str], title: str) -> bytes:
    """PNG of a confusion matrix in percent of each true action."""
    from matplotlib.figure import Figure  # slow to import, and only needed here

    share = 100 * confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    side = max(4.0, 0.45 * len(actions) + 2.5)
    figure = Figure(figsize=(side + 0.5, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    axes.set_xticks(range(len(actions)), actions, rotation=60, ha="right")
    axes.set_yticks(range(len(actions)), actions)
    axes.set_xlabel("recognised as")
    axes.set_ylabel("true action")
    axes.set_title(title)
    for row, column in zip(*np.nonzero(confusion), strict=True):
        colour = "white" if share[row, column] > 55 else "black"
        axes.text(
            column, row, f"{share[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=8
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
