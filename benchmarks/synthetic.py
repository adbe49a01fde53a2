"""Does synthetic motion help a recogniser? Run: python benchmarks/synthetic.py DATASET --out FOLDER.

For each share of the training clips and each seed: draw that share of every action's clips, train ACTOR on
just those, let it generate, and train recognisers on the real clips alone, on real and generated ones, and on
generated ones alone, all for the same number of steps and with the same everyday variation (noise, turns,
tempo, size) of their windows. All are asked about the held-out real clips, which nobody learned from. A seed
draws other clips, another ACTOR and another recogniser; intervals are over seeds, of Student's t, and those
of the gain are of the differences seed by seed.

What is done stays in FOLDER: the same command goes on where it was stopped.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from recipes import Recipe, train_actor, train_judge
from scipy.stats import t as student

from motionary.atomic import write_atomically
from motionary.confusion import accuracy, confusion_matrix
from motionary.datasets import ClipRecord, Dataset, write_dataset
from motionary.datasets.editing import Edit, merge, write_edited
from motionary.datasets.folder import clip_record
from motionary.generation import generate
from motionary.models import Model, load_model
from motionary.models.recognisers import Recogniser
from motionary.recognition import recognise_windows


@dataclass(frozen=True)
class Mix:
    """What a recogniser learns from."""

    real: bool
    """Whether the real clips are among it."""
    generated: int
    """Generated clips for each real one."""

    @property
    def name(self) -> str:
        """As the table calls it."""
        if not self.generated:
            return "real"
        return f"real + {self.generated} x generated" if self.real else f"{self.generated} x generated alone"


MIXES = (Mix(True, 0), Mix(True, 2), Mix(False, 2))


@dataclass(frozen=True)
class Cell:
    """One recogniser."""

    share: float
    seed: int
    mix: str
    real_clips: int
    generated_clips: int
    accuracy: float
    """Share of four windows of every held-out clip."""


def draw_share(clips: Sequence[ClipRecord], share: float, seed: int) -> tuple[ClipRecord, ...]:
    """That share of every action's clips, at least one of each, by chance."""
    rng, by_action = np.random.default_rng(seed), {clip.action: [] for clip in clips}
    for clip in clips:
        by_action[clip.action].append(clip)
    drawn = []
    for own in by_action.values():
        count = max(1, round(share * len(own)))
        drawn += [own[index] for index in sorted(rng.permutation(len(own))[:count])]
    return tuple(drawn)


def generated_set(model: Model, like: Dataset, times: int, seconds: float, seed: int, out: Path) -> Dataset:
    """So many motions for each clip of a data set, of its actions."""
    records = []
    for action, count in sorted(Counter(clip.action for clip in like.clips).items()):
        for number, motion in enumerate(generate(model, action, times * count, seconds=seconds, seed=seed)):
            path = f"{action}/generated_{number:04d}.npz"
            motion.save(out / path)
            records.append(clip_record(motion, path, action))
    return write_dataset(out, records, fps=model.fps, actions=like.actions, licence=like.licence)


def mixed(mix: Mix, real: Dataset, model: Model, recipe: Recipe, seed: int, out: Path) -> Dataset:
    """The data set of a mix."""
    if not mix.generated:
        return real
    parts = out / f"generated_{mix.generated}"
    made = (
        Dataset.load(parts)
        if (parts / "dataset.json").is_file()
        else generated_set(model, real, mix.generated, recipe.frames / recipe.fps, seed, parts)
    )
    folder = out / f"mixed_{mix.generated}"
    if not mix.real:
        return made
    return Dataset.load(folder) if folder.is_dir() else merge([real, made], folder)


def held_out_accuracy(judge: Recogniser, dataset: Dataset) -> float:
    """Share of four windows of every held-out clip."""
    windows = recognise_windows(judge, dataset.split("test"), seed=0)
    return accuracy(confusion_matrix(windows.labels, windows.predicted, len(dataset.actions)))


def run_share(
    dataset: Dataset, share: float, seed: int, recipe: Recipe, out: Path, given: Model | None = None
) -> list[Cell]:
    """All mixes of one share of the clips; the given model generates, or one that learns from the share."""
    done = out / "cells.json"
    if done.is_file():
        return [Cell(**cell) for cell in json.loads(done.read_text())]
    clips = draw_share(dataset.split("train").clips, share, seed)
    options = {"share": share, "seed": seed}
    real = (
        Dataset.load(out / "real")
        if (out / "real").is_dir()
        else write_edited(dataset, Edit("share", options, clips), out / "real")
    )
    model = given or load_model(train_actor(real, out / "actor", recipe, seed))
    cells = []
    for mix in MIXES:
        learned_from = mixed(mix, real, model, recipe, seed, out)
        judge = train_judge(learned_from, out / f"judge_{mix.name.replace(' ', '_')}", recipe, seed)
        right = held_out_accuracy(judge, dataset)
        cells.append(Cell(share, seed, mix.name, len(real), mix.generated * len(real), right))
        print(cells[-1], flush=True)
    write_atomically(done, json.dumps([asdict(cell) for cell in cells], indent=1).encode())
    return cells


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half-width of its 95 % interval by Student's t; NaN for a single value."""
    spread = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return float(np.mean(values)), float(student.ppf(0.975, max(len(values) - 1, 1)) * spread)


def report(cells: Sequence[Cell]) -> str:
    """A row for each share: accuracy of real clips alone, and what the other mixes add to it."""
    others = [mix.name for mix in MIXES[1:]]
    lines = [
        f"| real clips | real alone, % | {' | '.join(f'{name}, points' for name in others)} |",
        "|---|---:|" + "---:|" * len(others),
    ]
    for share in sorted({cell.share for cell in cells}):
        right = {(cell.seed, cell.mix): 100 * cell.accuracy for cell in cells if cell.share == share}
        seeds = sorted({seed for seed, _ in right})
        alone = [right[seed, MIXES[0].name] for seed in seeds]
        counts = {cell.real_clips for cell in cells if cell.share == share}
        row = [
            f"{100 * share:g} % ({', '.join(map(str, counts))})",
            "{:.1f} ± {:.1f}".format(*mean_and_interval(alone)),
        ]
        for name in others:
            gains = [right[seed, name] - real for seed, real in zip(seeds, alone, strict=True)]
            row.append("{:+.1f} ± {:.1f}".format(*mean_and_interval(gains)))
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.05, 0.1, 0.2, 0.5])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--actor-steps", type=int, default=Recipe.actor_steps)
    parser.add_argument("--judge-steps", type=int, default=Recipe.judge_steps)
    parser.add_argument(
        "--model", help="that learned from all training clips and generates instead, for all of them real"
    )
    given = parser.parse_args()
    model = load_model(given.model) if given.model else None
    shares = [1.0] if model else given.shares  # a smaller share would see clips through the model
    dataset, cells = Dataset.load(given.dataset), []
    recipe = Recipe(given.actor_steps, given.judge_steps)
    for seed in range(given.seeds):
        for share in shares:
            cells += run_share(
                dataset, share, seed, recipe, given.out / f"share_{share:g}_seed_{seed}", model
            )
    print(report(cells))


if __name__ == "__main__":
    main()
