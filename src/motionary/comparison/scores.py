"""What recognisers make of the contenders: accuracy where clips have labels, FID of one to another."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.comparison.contenders import Contender
from motionary.comparison.measures import pieces
from motionary.evaluation.metrics import frechet_distance
from motionary.features import motion_to_features
from motionary.models.recognisers import Recogniser
from motionary.motion import Motion


@dataclass(frozen=True)
class Seen:
    """A contender as one recogniser sees it."""

    features: Float[ndarray, "N K"]
    recognised: tuple[str, ...]
    """Action of each window."""
    labels: tuple[str | None, ...]
    """What it should be, where that is known and the recogniser knows it."""

    @property
    def accuracy(self) -> float:
        """Share of the labelled windows that are recognised; NaN without labels."""
        pairs = [(got, want) for got, want in zip(self.recognised, self.labels, strict=True) if want]
        return float(np.mean([got == want for got, want in pairs])) if pairs else float("nan")

    @property
    def commonest(self) -> str:
        """The three actions recognised most often."""
        counts = {action: self.recognised.count(action) for action in set(self.recognised)}
        most = sorted(counts, key=lambda action: (-counts[action], action))[:3]
        return ", ".join(f"{action} {100 * counts[action] / len(self.recognised):.0f} %" for action in most)


def look(contender: Contender, recogniser: Recogniser) -> Seen:
    """All windows of a contender's clips, half overlapping, short ones padded.

    Raises:
        ValueError: If there is no window.
    """
    windows: list[tuple[str | None, Float[ndarray, "T 25 6"]]] = []
    for name, clip in contender.clips.items():
        for piece in pieces(clip):
            label = piece.action or (name if contender.kind == "model" else None)
            label = label if label in recogniser.actions else None
            windows += [(label, rows) for rows in _windows(piece, recogniser)]
    if not windows:
        raise ValueError(f"{contender.name} holds no motion long enough for a recogniser.")
    longest = max(len(rows) for _, rows in windows)
    features = np.stack(
        [np.pad(rows, [(0, longest - len(rows)), (0, 0), (0, 0)], mode="edge") for _, rows in windows]
    )
    mask = np.arange(longest) < np.array([[len(rows)] for _, rows in windows])
    found = recogniser.recognise(torch.from_numpy(features).float(), torch.from_numpy(mask))
    actions = tuple(recogniser.actions[index] for index in found.logits.argmax(1).tolist())
    return Seen(found.features.numpy().astype(float), actions, tuple(label for label, _ in windows))


def fid_between(seen: dict[str, Seen]) -> dict[tuple[str, str], float]:
    """Fréchet distance of every contender's features to every other's; NaN with fewer than two windows."""
    return {
        (a, b): frechet_distance(seen[a].features, seen[b].features)
        if min(len(seen[a].features), len(seen[b].features)) > 1
        else float("nan")
        for a, b in permutations(seen, 2)
    }


def _windows(motion: Motion, recogniser: Recogniser) -> list[Float[ndarray, "T 25 6"]]:
    rows = motion_to_features(motion.resample(recogniser.fps))
    length = recogniser.num_frames if recogniser.num_frames > 0 else len(rows)
    starts = range(0, max(len(rows) - length, 0) + 1, max(length // 2, 1))
    return [rows[start : start + length] for start in starts]
