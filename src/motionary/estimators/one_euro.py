"""The one-euro filter (Casiez et al. 2012, CHI) on numbers and on rotations: steady if slow, prompt if fast.

Each filtered value lies a fraction alpha of the way from the last one to the new value; the faster it moves,
the further.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle


@dataclass(frozen=True)
class OneEuro:
    """Settings; frequencies are in cycles, and speeds in units, per step of time."""

    min_cutoff: float = 1.0
    """Cut-off frequency at rest."""
    beta: float = 0.0
    """How much the cut-off rises with speed."""
    d_cutoff: float = 1.0
    """Cut-off frequency of the speed itself."""
    step: float = 1.0
    """Time from one row to the next."""

    def elementwise(self, values: Float[ndarray, "T *C"]) -> Float[ndarray, "T *C"]:
        """Every number of a series by itself, as the published estimators do, whatever the numbers mean."""
        filtered, speed = values.copy(), np.zeros_like(values[0])
        for t in range(1, len(values)):
            change = (values[t] - filtered[t - 1]) / self.step
            speed = _toward(speed, change, self._alpha(self.d_cutoff))
            alpha = self._alpha(self.min_cutoff + self.beta * np.abs(speed))
            filtered[t] = _toward(filtered[t - 1], values[t], alpha)
        return filtered

    def geodesic(self, rotations: Float[ndarray, "T *J 3 3"]) -> Float[ndarray, "T *J 3 3"]:
        """Every rotation along the shortest way to its next value, so that the result is a rotation.

        It does not depend on the axes chosen, nor does it jump where a rotation vector passes half a turn.
        About a fixed axis it is `elementwise` on the angle.
        """
        filtered, speed = rotations.copy(), np.zeros(rotations.shape[1:-1], rotations.dtype)
        for t in range(1, len(rotations)):
            way = _log(filtered[t - 1].swapaxes(-1, -2) @ rotations[t])  # in the last value's axes
            speed = _toward(speed, way / self.step, self._alpha(self.d_cutoff))
            cutoff = self.min_cutoff + self.beta * np.linalg.norm(speed, axis=-1, keepdims=True)
            filtered[t] = filtered[t - 1] @ _exp(self._alpha(cutoff) * way)
        return filtered

    def _alpha(self, cutoff: ndarray | float) -> ndarray | float:
        turn = 2 * np.pi * cutoff * self.step
        return turn / (turn + 1)


VIBE_SMOOTHING = OneEuro(min_cutoff=0.004, beta=0.7)
"""VIBE's, on the 72 numbers of an axis-angle pose; a step is a frame."""
PARE_SMOOTHING = OneEuro(min_cutoff=0.004, beta=1.0)
"""PARE's, on the numbers of rotation matrices."""


def _toward(start: ndarray, end: ndarray, alpha: ndarray | float) -> ndarray:
    return alpha * end + (1 - alpha) * start


def _log(matrix: ndarray) -> ndarray:
    return matrix_to_axis_angle(torch.from_numpy(matrix)).numpy()


def _exp(vector: ndarray) -> ndarray:
    return axis_angle_to_matrix(torch.from_numpy(vector)).numpy()
