"""How long elements last: exactly, or as well as whole seconds tell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import lognorm

GRID_S = np.linspace(0.01, 30, 3000)


@dataclass(frozen=True)
class Durations:
    """Figures of some elements' durations."""

    median_s: float
    short_share: float
    """Share of the elements that are shorter than asked about."""
    exact: bool
    """Whether they are counted; if not, they are estimated from whole seconds."""


def of_times(seconds: Sequence[float], short_s: float) -> Durations:
    """Figures of known durations."""
    known = np.asarray(seconds, float)
    return Durations(float(np.median(known)), float((known < short_s - 1e-9).mean()), exact=True)


def of_whole_seconds(whole_s: Sequence[int], short_s: float) -> Durations:
    """Estimates from floor(end) - floor(start), for starts at any fraction of a second alike.

    A duration d then shows as k whole seconds with probability max(0, 1 - |d - k|). The most likely
    log-normal distribution of durations under that is taken.
    """
    counts = Counter(whole_s)
    seen = {k: np.clip(1 - np.abs(GRID_S - k), 0, None) for k in counts}

    def density(log_median: float, log_spread: float) -> np.ndarray:
        values = lognorm.pdf(GRID_S, np.exp(log_spread), scale=np.exp(log_median))
        return values / max(values.sum(), 1e-12)

    def cost(parameters: np.ndarray) -> float:
        weight = density(*parameters)
        return -sum(count * np.log(max(weight @ seen[k], 1e-12)) for k, count in counts.items())

    start = [np.log(max(float(np.mean(list(whole_s))), 0.1)), -1.0]
    best = minimize(cost, start, method="Nelder-Mead").x
    best[1] = np.clip(
        best[1], -3.0, 1.0
    )  # a spread that so few whole seconds can tell from none, or from any
    share = float(lognorm.cdf(short_s, np.exp(best[1]), scale=np.exp(best[0])))
    return Durations(float(np.exp(best[0])), share, exact=False)
