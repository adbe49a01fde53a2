"""Which actions were recognised as which: counts, accuracies, a table.

C actions; rows are true actions, columns recognised ones.
"""

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


def report_per_action(confusion: Int[ndarray, "C C"], actions: Sequence[str], title: str) -> str:
    """Markdown table of how well each action is recognised, its columns aligned for the terminal.

    Recall is the percentage of an action's motions that was recognised, precision the percentage right among
    all motions it was named for; then comes what it was most often taken for.
    """
    mistakes = confusion * (1 - np.eye(len(confusion), dtype=np.int64))
    right, real, named = (
        counts.tolist() for counts in (np.diag(confusion), confusion.sum(1), confusion.sum(0))
    )
    rows = [("action", "motions", "recall %", "precision %", "taken for")]
    for index, action in enumerate(actions):
        most = mistakes[index].argmax()
        mistake = actions[most] if mistakes[index, most] else "-"
        recall, precision = (_percent(right[index], counts[index]) for counts in (real, named))
        rows.append((action, str(real[index]), recall, precision, mistake))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "|".join("-" * (width + 2) for width in widths)
    lines = [" | ".join(map(str.ljust, row, widths)) for row in rows]
    head, *body = (f"| {line} |" for line in lines)
    return "\n".join([f"**{title}**", "", head, f"|{rule}|", *body, ""])


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}" if whole else "-"
