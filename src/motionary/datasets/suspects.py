"""When a loss is no number, or explodes: stop, and say which clips to look at.

S steps of an epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from motionary.datasets.folder import Dataset

EXPLODED = 1000.0
"""Times the lowest mean of an epoch so far, or the median step of the same epoch."""

UNLIKE = 10.0
"""Times as far or as much turned as the batch's median clip: that clip alone is named."""


@dataclass
class LossWatch:
    """Losses of a run as they come, epoch by epoch."""

    dataset: Dataset
    """The clips that the steps learn from."""
    kept: str
    """What is left to the user when training stops, for the message."""
    lowest: float = field(default=inf, init=False)
    """Mean loss of the best epoch so far."""

    def check(self, epoch: int, losses: Float[ndarray, "S"], seen: Sequence[Int[ndarray, "_"]]) -> None:
        """Look at an epoch's losses.

        Args:
            epoch: Counted from 1.
            losses: Of every step.
            seen: Clips of every step, as positions in the data set.

        Raises:
            ValueError: If one is not finite, or absurdly large; names the clips of the first such step.
        """
        bad = np.flatnonzero(~np.isfinite(losses))
        what = "is no finite number"
        if not bad.size:
            usual = min(self.lowest, float(np.median(losses)))
            bad = np.flatnonzero(losses > EXPLODED * usual) if usual > 0 else bad
            what = f"exploded from {usual:.3g}"
        if bad.size:
            step = int(bad[0])
            raise ValueError(
                f"The loss {what}: {losses[step]:.3g} in epoch {epoch}, on {self.named(seen[step])}: "
                f"lower learning_rate, or look at those clips. {self.kept}"
            )
        self.lowest = min(self.lowest, float(np.mean(losses)))

    def named(self, indices: Int[ndarray, "_"]) -> str:
        """The clip that is unlike the others of its batch, where there is one; else all of them."""
        records = [self.dataset.clips[index] for index in indices.tolist()]
        motions = [self.dataset.motion(record) for record in records]
        extents = np.array([_extents(motion.translation, motion.pose) for motion in motions])
        usual = np.sort(extents, axis=0)[(len(extents) - 1) // 2]  # of two clips the lesser
        ratio = (extents / usual).max(1)
        worst = int(ratio.argmax())
        if ratio[worst] > UNLIKE:
            far_m, turned_rad = extents[worst]
            return f"{records[worst].path} (it goes {far_m:.3g} m far and turns by {turned_rad:.3g} rad)"
        return ", ".join(record.path for record in records)


def _extents(translation: Float[ndarray, "T 3"], pose: Float[ndarray, "T 24 3"]) -> tuple[float, float]:
    """How far a motion goes, at least a metre, and its largest turn, at least one radian."""
    way = np.abs(translation.astype(np.float64) - translation[0]).max()
    return max(1.0, float(way)), max(1.0, float(np.abs(pose).max()))
