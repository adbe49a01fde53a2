"""Scoring a model over seeds, generated and real motions side by side.

The default protocol follows ACTOR's (Petrovich et al. 2021, arXiv:2104.05670, section 4.2 and Table 1) with
three deliberate differences: real motions are held-out ones, the recogniser is deterministic, and intervals
are those of the mean (1.96 s / sqrt(n)) where the published code prints 1.96 times the variance. That code's
own protocol is in `motionary.evaluation.published`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motionary import progress
from motionary.confusion import accuracy, accuracy_per_action, confusion_matrix
from motionary.datasets import Dataset
from motionary.datasets.actions import SplitName
from motionary.evaluation.metrics import (
    diversity,
    frechet_distance,
    multimodality,
    nearest_distances,
)
from motionary.evaluation.physical import MEASURES, ActionHabits
from motionary.evaluation.real import RealFeatures, RealSample, check_same_actions
from motionary.evaluation.result import EvaluationResult, Row, Score
from motionary.evaluation.windows import measure_windows
from motionary.models import Model
from motionary.models.actor import sample_latents
from motionary.models.recognisers import Recogniser
from motionary.recognition import RecognisedWindows
from motionary.threads import SideBySide

MOST_MOTIONS = 3000
"""Motions compared per seed at most, as in the published code."""

GENERATING_BATCH = 64

FREEZE, COMPLETENESS = list(MEASURES).index("freeze"), list(MEASURES).index("completeness")

Protocol = Literal["motionary", "action2motion"]


def evaluate(
    model: Model,
    real: Dataset | RealFeatures,
    recogniser: Recogniser,
    seeds: int = 20,
    *,
    split: SplitName = "test",
    most_motions: int = MOST_MOTIONS,
    protocol: Protocol = "motionary",
) -> EvaluationResult:
    """Generate as many motions as there are real ones to compare with, and compare.

    Under "motionary" those are the held-out ones, and generated motions have their actions and lengths. Under
    "action2motion" (Guo et al. 2020, arXiv:2007.15240, section 5) real motions are drawn with replacement
    from the clips the model was trained on, and generated ones perform every action alike.

    Args:
        model: Its actions and frame rate must be the recogniser's.
        real: A data set, or what was saved of one for this recogniser.
        recogniser: Gives features and recognised actions.
        seeds: Repetitions, each with new latents and new windows of the real motions: seeds 0, 1, ...
        split: Which clips of a data set are compared with; always train under "action2motion".
        most_motions: Motions per seed at most; exactly as many under "action2motion".
        protocol: Which motions are compared.

    Raises:
        ValueError: If actions, frame rates, facing or the recogniser's fingerprint do not fit, or there are
            too few clips or seeds.
    """
    if seeds < 1 or most_motions < 2:
        raise ValueError(f"An evaluation needs a seed and two motions; got {seeds} and {most_motions}.")
    _check_fit(model, recogniser)
    if isinstance(real, Dataset):
        chosen: SplitName = "train" if protocol == "action2motion" else split
        with progress.stage("recognising real motions", unit="window") as stage:
            real = RealFeatures.of(real, recogniser, split=chosen, on_progress=stage.tell)
    _check_real(real, recogniser, protocol)
    with progress.stage("generating and scoring", seeds, "seed") as stage:

        def trial(seed: int) -> _Trial:
            found = _trial(model, real, recogniser, seed, most_motions, protocol)
            stage.advance()
            return found

        trials = list(SideBySide().map(trial, range(seeds)))
    return EvaluationResult(
        actions=real.actions,
        real=_row("Real", [trial.real for trial in trials]),
        generated=_row("Generated", [trial.generated for trial in trials]),
        num_seeds=seeds,
        num_motions=trials[0].num_motions,
        split=real.split,
        second_sample=_second_sample(real, protocol),
        num_frames=recogniser.num_frames,
        fps=recogniser.fps,
        protocol=protocol,
    )


@dataclass(frozen=True)
class GeneratedWindows:
    """Generated motions as a recogniser sees them, with their physical numbers."""

    windows: RecognisedWindows
    measures: Float[np.ndarray, "N M"] | None


def generate_windows(
    model: Model,
    recogniser: Recogniser,
    labels: Int[np.ndarray, "N"],
    lengths: Int[np.ndarray, "N"],
    seed: int,
    habits: ActionHabits | None = None,
) -> GeneratedWindows:
    """Generate motions of the given actions and lengths, in frames, and recognise them.

    With the habits of real motion they are measured as well.
    """
    z = sample_latents(len(labels), model.network.config.latent_dim, seed)
    action, frames = torch.from_numpy(labels), torch.from_numpy(lengths)
    features, predicted, measures = [], [], []
    for start in range(0, len(labels), GENERATING_BATCH):
        part = slice(start, start + GENERATING_BATCH)
        mask = torch.arange(int(frames[part].max())) < frames[part, None]
        motions = _decode(model, z[part], action[part], mask)
        found = recogniser.recognise(motions, mask)
        features.append(found.features)
        predicted.append(found.logits.argmax(1))
        if habits:
            measures.append(measure_windows(motions, mask, action[part], recogniser, habits))
    windows = RecognisedWindows(
        torch.cat(features).numpy(), labels, torch.cat(predicted).numpy(), lengths, np.arange(len(labels))
    )
    return GeneratedWindows(windows, torch.cat(measures).numpy() if measures else None)


@dataclass(frozen=True)
class _Scores:
    """Of one set of motions, for one seed."""

    accuracy: float
    fid: float
    diversity: float
    multimodality: float
    accuracy_per_action: Float[np.ndarray, "C"]
    nearest: float
    physical: Float[np.ndarray, "M"] | None
    """Means over the motions, in the order of `MEASURES`."""
    freeze_per_action: Float[np.ndarray, "C"] | None
    completeness_per_action: Float[np.ndarray, "C"] | None


@dataclass(frozen=True)
class _Trial:
    real: _Scores
    generated: _Scores
    num_motions: int


def _trial(
    model: Model, real: RealFeatures, recogniser: Recogniser, seed: int, most: int, protocol: Protocol
) -> _Trial:
    rng = np.random.default_rng(seed)
    if protocol == "action2motion":
        sample = real.draw_with_replacement(most, rng)
        labels = rng.integers(0, len(real.actions), most)
    else:
        sample = real.draw(most, rng)
        labels = sample.compared.labels
    habits = real.physics.habits if real.physics else None
    made = generate_windows(model, recogniser, labels, sample.compared.lengths, seed, habits)
    training = real.training() if protocol == "motionary" and real.split == "test" else None
    return _Trial(
        real=_scores(sample.compared, sample.measures, sample, sample.second, training, real.actions, rng),
        generated=_scores(made.windows, made.measures, sample, made.windows, training, real.actions, rng),
        num_motions=len(labels),
    )


def _scores(
    windows: RecognisedWindows,
    measures: Float[np.ndarray, "N M"] | None,
    sample: RealSample,
    against: RecognisedWindows | None,
    training: RecognisedWindows | None,
    actions: Sequence[str],
    rng: np.random.Generator,
) -> _Scores:
    """Scores of windows; their FID is that of `against` to the sample."""
    confusion = confusion_matrix(windows.labels, windows.predicted, len(actions))
    fid, nearest = math.nan, math.nan
    if against is not None and len(against.labels) >= 2:
        fid = frechet_distance(sample.compared.features, against.features)
    if training is not None:
        nearest = float(nearest_distances(windows.features, training.features).mean())
    freeze = completeness = physical = None
    if measures is not None:
        physical = _mean(measures)
        freeze = _mean_per_action(measures[:, FREEZE], windows.labels, len(actions))
        completeness = _mean_per_action(measures[:, COMPLETENESS], windows.labels, len(actions))
    return _Scores(
        accuracy=accuracy(confusion),
        fid=fid,
        diversity=diversity(windows.features, rng),
        multimodality=multimodality(windows.features, windows.labels, rng),
        accuracy_per_action=accuracy_per_action(confusion),
        nearest=nearest,
        physical=physical,
        freeze_per_action=freeze,
        completeness_per_action=completeness,
    )


def _mean(measures: Float[np.ndarray, "N M"]) -> Float[np.ndarray, "M"]:
    """Means over the motions where a number is defined; NaN where it never is."""
    defined = ~np.isnan(measures)
    total = np.where(defined, measures, 0).sum(0, dtype=np.float64)
    return np.where(defined.any(0), total / np.maximum(defined.sum(0), 1), np.nan)


def _mean_per_action(
    values: Float[np.ndarray, "N"], labels: Int[np.ndarray, "N"], num_actions: int
) -> Float[np.ndarray, "C"]:
    return np.array([_mean(values[labels == action, None])[0] for action in range(num_actions)])


def _decode(
    model: Model, z: Float[Tensor, "B Z"], action: Int[Tensor, "B"], mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B T 25 6"]:
    model.network.eval()
    with torch.inference_mode():
        return model.decode(z, action, mask)


def _row(name: str, scores: Sequence[_Scores]) -> Row:
    def over_seeds(pick: Callable[[_Scores], float]) -> Score:
        return Score(tuple(float(pick(score)) for score in scores))

    def per_action(pick: Callable[[_Scores], Float[np.ndarray, "C"] | None]) -> tuple[Score, ...]:
        columns = [column for score in scores if (column := pick(score)) is not None]
        return tuple(Score(tuple(values.tolist())) for values in np.stack(columns, 1)) if columns else ()

    measured = per_action(lambda score: score.physical)
    return Row(
        name,
        accuracy=over_seeds(lambda score: score.accuracy),
        fid=over_seeds(lambda score: score.fid),
        diversity=over_seeds(lambda score: score.diversity),
        multimodality=over_seeds(lambda score: score.multimodality),
        accuracy_per_action=per_action(lambda score: score.accuracy_per_action),
        nearest=over_seeds(lambda score: score.nearest),
        physical=dict(zip(MEASURES, measured, strict=True)) if measured else {},
        freeze_per_action=per_action(lambda score: score.freeze_per_action),
        completeness_per_action=per_action(lambda score: score.completeness_per_action),
    )


def _second_sample(real: RealFeatures, protocol: Protocol) -> str:
    if protocol == "action2motion":
        return "a second draw of the same clips"
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


def _check_real(real: RealFeatures, recogniser: Recogniser, protocol: Protocol) -> None:
    check_same_actions(real_motions=real.actions, recogniser=recogniser.actions)
    if real.recogniser_digest != recogniser.digest:
        raise ValueError(
            f"The real features were made with recogniser {real.recogniser_digest}, not with "
            f"{recogniser.digest}; use that one, or give the data set itself."
        )
    if protocol == "action2motion" and real.split != "train":
        raise ValueError(
            "The action2motion protocol compares with training clips; these features are of the "
            f"{real.split} split. Give the data set itself."
        )
