"""Which estimator suits learning best? Run: python benchmarks/estimators.py DATASET --out FOLDER.

A data set's motions are performed by the body before a camera (`filming.py`: synthetic videos, and labelled
so) and recovered by each estimator. ACTOR learns from each one's motions, and from the true ones as the upper
row; one recogniser, trained on all true training clips, filmed or not, is asked about all: about what the
estimators recovered of held-out clips, and about what the models generate, against all true held-out clips.

`--estimators vibe pare` compares those two, once their weights are set (`motionary assets`); so goes
any other name of an estimator, built in or a plug-in. What is done stays in FOLDER: the same command goes on
where it was stopped.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from estimation import similarity_error
from filming import SHOTS, film_to
from recipes import Recipe, train_actor, train_judge

from motionary.atomic import write_atomically
from motionary.body.assets import load_body
from motionary.body.smpl import BodyModel
from motionary.confusion import accuracy, confusion_matrix
from motionary.datasets import Dataset, write_dataset
from motionary.datasets.estimated import EstimatedSet, Wanted, write_estimated
from motionary.datasets.folder import clip_record, folder_in_one_piece
from motionary.estimators import load_estimator
from motionary.estimators.batch import BatchConfig, Entry, estimate_all
from motionary.evaluation import evaluate
from motionary.evaluation.result import EvaluationResult, Score
from motionary.export.render import load_renderer
from motionary.export.surface import Surface
from motionary.models import load_model
from motionary.models.recognisers import Recogniser
from motionary.recognition import recognise_windows

MOST_FACES = 8_000
"""Of the filmed body."""
FILM_FPS = 30.0


@dataclass(frozen=True)
class Scale:
    """How much is filmed."""

    shots: str = "hard"
    """Of `filming.SHOTS`."""
    train_clips: int = 5
    """Of every action at most."""
    test_clips: int = 2
    longest_s: float = 2.5
    """Clips are cut to their beginning."""
    seed: int = 0


@dataclass(frozen=True)
class Recovery:
    """How an estimator's motions compare with the true ones; of the held-out videos and all others."""

    videos: int
    found: int
    """Videos in which somebody was found."""
    frames: int
    """Of all videos."""
    covered: float
    """Share of the frames in which there is a valid pose."""
    pa_mpjpe_mm: float
    """Mean over frames of the 24 joints' error after the best similarity transform of each frame."""


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    recovery: Recovery
    recognised: float
    """Share of four windows of every recovered held-out clip that the recogniser names rightly."""
    result: EvaluationResult
    """Of the model that learned from these motions."""


def cast(dataset: Dataset, scale: Scale, body: BodyModel, out: Path) -> Dataset:
    """The motions that are filmed, as they are filmed: a data set with the same splits."""
    if (out / "dataset.json").is_file():
        return Dataset.load(out)
    taken: Counter[tuple[str, str]] = Counter()
    most = {"train": scale.train_clips, "test": scale.test_clips}
    rng, records = np.random.default_rng(scale.seed), []
    with folder_in_one_piece(out) as folder:
        for index in rng.permutation(len(dataset)).tolist():
            clip = dataset.clips[index]
            if taken[clip.action, clip.split] == most[clip.split]:
                continue
            taken[clip.action, clip.split] += 1
            motion = dataset.motion(clip).resample(FILM_FPS)
            motion = motion.crop(0, round(scale.longest_s * FILM_FPS)).on_ground(body)
            motion.save(folder / clip.path)
            record = clip_record(motion, clip.path, clip.action, clip.subject, source=clip.source)
            records.append(replace(record, split=clip.split))
        write_dataset(
            folder,
            records,
            fps=FILM_FPS,
            actions=dataset.actions,
            licence=dataset.licence,
            mirror=dataset.mirror,
        )
    return Dataset.load(out)


def film_all(true: Dataset, scale: Scale, body: BodyModel, out: Path) -> dict[str, Path]:
    """A video of every clip, by its name."""
    renderer = load_renderer()
    surface = Surface.of(body, min(MOST_FACES, renderer.most_faces))
    videos = {}
    for clip in true.clips:
        name = str(Path(clip.path).with_suffix(".mp4"))
        videos[name] = (out / name).resolve()
        if not videos[name].is_file():
            shot = SHOTS[scale.shots](clip.path, scale.seed)
            film_to(videos[name], true.motion(clip), shot, surface, renderer)
    return videos


def recovered_set(
    estimator: str, true: Dataset, videos: Mapping[str, Path], out: Path
) -> tuple[Dataset, list[Entry]]:
    """What an estimator makes of the videos, as a data set with the true one's splits."""
    entries = estimate_all(videos, out / "estimates", BatchConfig(estimator, workers=1))
    of_video = {str(Path(clip.path).with_suffix(".mp4")): clip for clip in true.clips}
    wanted = [Wanted(name, name, clip.action, clip.subject) for name, clip in of_video.items()]
    options, origin = EstimatedSet(licence=true.licence), {"estimator": estimator, "videos": "synthetic"}
    found = write_estimated(wanted, entries, out / "estimates", out / "dataset", options, origin)
    split = {name: clip.split for name, clip in of_video.items()}
    learned = write_dataset(
        found.root,
        [replace(clip, split=split[clip.source or ""]) for clip in found.clips],
        fps=found.fps,
        rejected=found.rejected,
        actions=true.actions,
        provenance=found.provenance,
        licence=found.licence,
    )
    return learned, entries


def recovery(found: Dataset, true: Dataset, entries: Sequence[Entry], body: BodyModel) -> Recovery:
    """How found motions compare with the true ones that were filmed."""
    of_video = {str(Path(clip.path).with_suffix(".mp4")): clip for clip in true.clips}
    errors, covered = [], 0
    for clip in found.clips:
        motion, whole = found.motion(clip), true.motion(of_video[clip.source or ""])
        frames = np.round((clip.start_s + np.arange(len(motion)) / motion.fps) * whole.fps).astype(int)
        shown = frames < len(whole)
        covered += int((motion.valid & shown).sum())
        joints = motion.joint_positions(body)[shown], whole.joint_positions(body)[frames[shown]]
        errors.append(similarity_error(*joints).mean(1))
    return Recovery(
        videos=len(entries),
        found=sum(entry.status == "done" for entry in entries),
        frames=(frames_in_all := sum(clip.num_frames for clip in true.clips)),
        covered=covered / frames_in_all,
        pa_mpjpe_mm=1000 * float(np.concatenate(errors).mean()),
    )


def recognised(dataset: Dataset, judge: Recogniser) -> float:
    """Share of the held-out windows that are named rightly."""
    windows = recognise_windows(judge, dataset.split("test"), seed=0)
    return accuracy(confusion_matrix(windows.labels, windows.predicted, len(dataset.actions)))


def compare(
    dataset: Dataset, names: Sequence[str], scale: Scale, recipe: Recipe, seeds: int, out: Path
) -> list[Line]:
    """The true motions' line, and each estimator's."""
    for name in names:
        load_estimator(name)  # says now, not in an hour, that weights are missing
    body = load_body()
    true = cast(dataset, scale, body, out / "true")
    videos = film_all(true, scale, body, out / "videos")
    judge = train_judge(dataset, out / "judge", recipe, scale.seed)
    frames = sum(clip.num_frames for clip in true.clips)
    upper = Recovery(len(true), len(true), frames, 1.0, 0.0)
    result = scored(true, dataset, judge, recipe, seeds, out / "actor_true")
    lines = [Line("true motion", upper, recognised(true, judge), result)]
    for name in names:
        found, entries = recovered_set(name, true, videos, out / name)
        numbers = recovery(found, true, entries, body)
        print(name, numbers, flush=True)
        result = scored(found, dataset, judge, recipe, seeds, out / name / "actor")
        lines.append(Line(name, numbers, recognised(found, judge), result))
    return lines


def scored(
    learned_from: Dataset, dataset: Dataset, judge: Recogniser, recipe: Recipe, seeds: int, out: Path
) -> EvaluationResult:
    """Train ACTOR on motions and score it against a data set's held-out ones."""
    model = load_model(train_actor(learned_from, out, recipe, seed=0))
    return evaluate(model, dataset, judge, seeds)


HEADINGS = (
    "learned from",
    "videos with somebody",
    "frames %",
    "PA-MPJPE mm",
    "recovered, recognised %",
    "generated, recognised %",
    "FID",
    "diversity",
    "multimodality",
)


def report(lines: Sequence[Line]) -> str:
    """The table; its first row is real motion itself."""
    real = lines[0].result.real
    rows = [["(real, all held out)", "-", "-", "-", real.accuracy.text(100.0, 1), "-", *_scores(real)[1:]]]
    for line in lines:
        seen = line.recovery
        rows.append(
            [
                line.name,
                f"{seen.found} of {seen.videos}",
                f"{100 * seen.covered:.1f}",
                f"{seen.pa_mpjpe_mm:.0f}",
                f"{100 * line.recognised:.1f}",
                *_scores(line.result.generated),
            ]
        )
    head = [f"| {' | '.join(HEADINGS)} |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    return "\n".join(head + [f"| {' | '.join(row)} |" for row in rows])


def _scores(row) -> list[str]:
    scores: tuple[Score, ...] = (row.fid, row.diversity, row.multimodality)
    return [row.accuracy.text(100.0, 1), *(score.text() for score in scores)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--estimators", nargs="+", default=["blazepose"])
    parser.add_argument("--shots", choices=list(SHOTS), default=Scale.shots)
    parser.add_argument("--train-clips", type=int, default=Scale.train_clips, help="of every action at most")
    parser.add_argument("--test-clips", type=int, default=Scale.test_clips, help="of every action at most")
    parser.add_argument("--longest-s", type=float, default=Scale.longest_s)
    parser.add_argument("--actor-steps", type=int, default=500)
    parser.add_argument("--judge-steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=20, help="of the evaluation")
    given = parser.parse_args()
    scale = Scale(given.shots, given.train_clips, given.test_clips, given.longest_s)
    recipe = Recipe(given.actor_steps, given.judge_steps)
    lines = compare(Dataset.load(given.dataset), given.estimators, scale, recipe, given.seeds, given.out)
    for line in lines:
        line.result.write(given.out / f"scores_{line.name.replace(' ', '_')}")
    content = {line.name: asdict(line.recovery) for line in lines}
    write_atomically(given.out / "recovery.json", json.dumps(content, indent=1).encode())
    print(report(lines))


if __name__ == "__main__":
    main()
