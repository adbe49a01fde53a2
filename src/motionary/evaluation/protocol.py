"""Scoring a model as ACTOR does: over seeds, generated and real motions side by side.

Source: Petrovich et al. 2021 (arXiv:2104.05670), section 4.2 and Table 1, with three deliberate differences:
real motions are held-out ones, the recogniser is deterministic, and intervals are those of the mean
(1.96 s / sqrt(n)) where the published code prints 1.96 times the variance.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor

from motionary.atomic import write_atomically
from motionary.confusion import accuracy, accuracy_per_action, confusion_matrix
from motionary.datasets import Dataset
from motionary.datasets.actions import SplitName
from motionary.evaluation.metrics import diversity, frechet_distance, interval95, multimodality
from motionary.evaluation.real import RealFeatures, check_same_actions
from motionary.models import Model
from motionary.models.actor import sample_latents
from motionary.models.recognisers import Recogniser
from motionary.recognition import RecognisedWindows

MOST_MOTIONS = 3000
"""Motions compared per seed at most, as in the published code."""

GENERATING_BATCH = 64


@dataclass(frozen=True)
class Score:
    """One number over the seeds."""

    values: tuple[float, ...]
    """Of each seed; NaN where it is not defined, such as the accuracy of an action without motions."""

    @property
    def mean(self) -> float:
        """Mean over the seeds where it is defined; NaN if it never is."""
        return float(np.mean(self._defined)) if self._defined else math.nan

    @property
    def interval(self) -> float:
        """Half-width of the 95 % confidence interval of the mean; NaN with fewer than two seeds."""
        return interval95(self._defined)

    @property
    def _defined(self) -> list[float]:
        return [value for value in self.values if not math.isnan(value)]

    def text(self, scale: float = 1.0, digits: int = 2) -> str:
        """Mean ± interval."""
        if math.isnan(self.mean):
            return "-"
        mean = f"{scale * self.mean:.{digits}f}"
        return mean if math.isnan(self.interval) else f"{mean} ± {scale * self.interval:.{digits}f}"


@dataclass(frozen=True)
class Row:
    """Scores of one set of motions."""

    name: str
    accuracy: Score
    """Fraction recognised as the action they are labelled with."""
    fid: Score
    """Distance to the held-out real motions."""
    diversity: Score
    multimodality: Score
    accuracy_per_action: tuple[Score, ...]


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation found.

    Intervals say how much another draw of latents and windows would change the means. They do not say how
    much other people in the test split, or another training run, would.
    """

    actions: tuple[str, ...]
    real: Row
    """The held-out motions themselves; their FID is that of a second real sample (see `second_sample`)."""
    generated: Row
    num_seeds: int
    num_motions: int
    """Per seed, of each row, with the held-out motions' share of every action."""
    split: str
    second_sample: str
    """What the real row's FID compares the held-out motions with."""
    num_frames: int
    """Frames of every motion; -1 if as many as the real one."""
    fps: float

    @property
    def rows(self) -> tuple[Row, Row]:
        """In the order of the table."""
        return self.real, self.generated

    def table(self) -> Table:
        """Table for the terminal, in the form of ACTOR's Table 1."""
        table = Table(
            title=f"{self.num_seeds} seeds, {self.num_motions} motions each, mean ± 95 % interval",
            caption=f"Real: {self.split} split; its FID is to {self.second_sample}.",
        )
        for heading in ("", "Accuracy % ↑", "FID ↓", "Diversity →", "Multimodality →"):
            table.add_column(heading, justify="right" if heading else "left")
        for row in self.rows:
            scores = (row.fid.text(), row.diversity.text(), row.multimodality.text())
            table.add_row(row.name, row.accuracy.text(100.0, 1), *scores)
        return table

    def action_table(self) -> Table:
        """Table for the terminal: accuracy of every action in percent."""
        table = Table(title="Accuracy % per action")
        table.add_column("")
        for row in self.rows:
            table.add_column(row.name, justify="right")
        for index, action in enumerate(self.actions):
            table.add_row(action, *(row.accuracy_per_action[index].text(100.0, 1) for row in self.rows))
        return table

    def to_json(self) -> str:
        """Everything in the result, the seeds' values included; undefined numbers are null."""
        content = {
            "actions": self.actions,
            "num_seeds": self.num_seeds,
            "num_motions": self.num_motions,
            "split": self.split,
            "second_sample": self.second_sample,
            "num_frames": self.num_frames,
            "fps": self.fps,
            "interval": "1.96 s / sqrt(seeds)",
            "rows": {row.name: _row_content(row, self.actions) for row in self.rows},
        }
        return json.dumps(content, indent=1, allow_nan=False)

    def save(self, path: Path | str) -> None:
        """Write `to_json` to a file, whole or not at all."""
        write_atomically(Path(path), self.to_json().encode())


def evaluate(
    model: Model,
    real: Dataset | RealFeatures,
    recogniser: Recogniser,
    seeds: int = 20,
    *,
    split: SplitName = "test",
    most_motions: int = MOST_MOTIONS,
) -> EvaluationResult:
    """Generate as many motions as there are held-out real ones, of the same actions and lengths; compare.

    Args:
        model: Its actions and frame rate must be the recogniser's.
        real: A data set, or what was saved of one for this recogniser.
        recogniser: Gives features and recognised actions.
        seeds: Repetitions, each with new latents and new windows of the real motions: seeds 0, 1, ...
        split: Which clips of a data set are compared with.
        most_motions: Motions per seed at most.

    Raises:
        ValueError: If actions, frame rates, facing or the recogniser's fingerprint do not fit, or there are
            too few clips or seeds.
    """
    if seeds < 1 or most_motions < 2:
        raise ValueError(f"An evaluation needs a seed and two motions; got {seeds} and {most_motions}.")
    _check_fit(model, recogniser)
    with Progress(console=Console(stderr=True)) as progress:
        if isinstance(real, Dataset):
            task = progress.add_task("recognising real motions", total=None)
            real = RealFeatures.of(
                real,
                recogniser,
                split=split,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        _check_real(real, recogniser)
        task = progress.add_task("generating and scoring", total=seeds)
        trials = []
        for seed in range(seeds):
            trials.append(_trial(model, real, recogniser, seed, most_motions))
            progress.advance(task)
    return EvaluationResult(
        actions=real.actions,
        real=_row("Real", [trial.real for trial in trials]),
        generated=_row("Generated", [trial.generated for trial in trials]),
        num_seeds=seeds,
        num_motions=trials[0].num_motions,
        split=real.split,
        second_sample=_second_sample(real),
        num_frames=recogniser.num_frames,
        fps=recogniser.fps,
    )


def generate_windows(
    model: Model,
    recogniser: Recogniser,
    labels: Int[np.ndarray, "N"],
    lengths: Int[np.ndarray, "N"],
    seed: int,
) -> RecognisedWindows:
    """Generate motions of the given actions and lengths, in frames, and recognise them."""
    z = sample_latents(len(labels), model.network.config.latent_dim, seed)
    action, frames = torch.from_numpy(labels), torch.from_numpy(lengths)
    features, predicted = [], []
    for start in range(0, len(labels), GENERATING_BATCH):
        part = slice(start, start + GENERATING_BATCH)
        mask = torch.arange(int(frames[part].max())) < frames[part, None]
        found = recogniser.recognise(_decode(model, z[part], action[part], mask), mask)
        features.append(found.features)
        predicted.append(found.logits.argmax(1))
    number = np.arange(len(labels))
    return RecognisedWindows(
        torch.cat(features).numpy(), labels, torch.cat(predicted).numpy(), lengths, number
    )


@dataclass(frozen=True)
class _Scores:
    """Of one set of motions, for one seed."""

    accuracy: float
    fid: float
    diversity: float
    multimodality: float
    accuracy_per_action: Float[np.ndarray, "C"]


@dataclass(frozen=True)
class _Trial:
    real: _Scores
    generated: _Scores
    num_motions: int


def _trial(model: Model, real: RealFeatures, recogniser: Recogniser, seed: int, most_motions: int) -> _Trial:
    rng = np.random.default_rng(seed)
    compared, second = real.draw(most_motions, rng)
    generated = generate_windows(model, recogniser, compared.labels, compared.lengths, seed)
    num_actions = len(real.actions)
    return _Trial(
        real=_scores(compared, compared, second, num_actions, rng),
        generated=_scores(generated, compared, generated, num_actions, rng),
        num_motions=len(compared.labels),
    )


def _scores(
    windows: RecognisedWindows,
    compared: RecognisedWindows,
    against: RecognisedWindows | None,
    num_actions: int,
    rng: np.random.Generator,
) -> _Scores:
    """Scores of windows; their FID is that of `against` to `compared`."""
    confusion = confusion_matrix(windows.labels, windows.predicted, num_actions)
    if against is None or len(against.labels) < 2:
        fid = math.nan
    else:
        fid = frechet_distance(compared.features, against.features)
    return _Scores(
        accuracy=accuracy(confusion),
        fid=fid,
        diversity=diversity(windows.features, rng),
        multimodality=multimodality(windows.features, windows.labels, rng),
        accuracy_per_action=accuracy_per_action(confusion),
    )


def _decode(model: Model, z: Tensor, action: Tensor, mask: Tensor) -> Float[Tensor, "B T 25 6"]:
    model.network.eval()
    with torch.inference_mode():
        return model.network.decode(z, action, mask)


def _row(name: str, scores: Sequence[_Scores]) -> Row:
    def over_seeds(field: str) -> Score:
        return Score(tuple(getattr(score, field) for score in scores))

    per_action = np.stack([score.accuracy_per_action for score in scores], axis=1)  # (C, seeds)
    return Row(
        name,
        accuracy=over_seeds("accuracy"),
        fid=over_seeds("fid"),
        diversity=over_seeds("diversity"),
        multimodality=over_seeds("multimodality"),
        accuracy_per_action=tuple(Score(tuple(values.tolist())) for values in per_action),
    )


def _row_content(row: Row, actions: Sequence[str]) -> dict[str, Any]:
    scores = {name: getattr(row, name) for name in ("accuracy", "fid", "diversity", "multimodality")}
    per_action = dict(zip(actions, row.accuracy_per_action, strict=True))
    return {
        **{name: _score_content(score) for name, score in scores.items()},
        "accuracy_per_action": {action: _score_content(score) for action, score in per_action.items()},
    }


def _score_content(score: Score) -> dict[str, Any]:
    return {
        "mean": _or_none(score.mean),
        "interval95": _or_none(score.interval),
        "values": [_or_none(value) for value in score.values],
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _second_sample(real: RealFeatures) -> str:
    if real.others is None:
        return "other windows of the same clips"
    return f"as many clips of the {'train' if real.split == 'test' else 'test'} split"


def _check_fit(model: Model, recogniser: Recogniser) -> None:
    check_same_actions(model=tuple(model.actions), recogniser=recogniser.actions)
    if not math.isclose(model.fps, recogniser.fps, rel_tol=1e-6):
        raise ValueError(
            f"The model makes {model.fps:g} frames/s but the recogniser was trained on {recogniser.fps:g}; "
            "train one of them again at the other's rate."
        )
    if recogniser.facing == "as_recorded" and model.facing != "as_recorded":
        raise ValueError(
            f"The model's motions face {model.facing} but the recogniser was trained on motions as recorded; "
            "train a recogniser with facing forward."
        )


def _check_real(real: RealFeatures, recogniser: Recogniser) -> None:
    check_same_actions(real_motions=real.actions, recogniser=recogniser.actions)
    if real.recogniser_digest != recogniser.digest:
        raise ValueError(
            f"The real features were made with recogniser {real.recogniser_digest}, not with "
            f"{recogniser.digest}; use that one, or give the data set itself."
        )
