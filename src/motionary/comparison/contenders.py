"""What is compared: estimates of the same videos, or performances of the same actions by models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motionary import progress
from motionary.documents import read_json
from motionary.generation import generate
from motionary.models import load_model
from motionary.motion import Motion

ESTIMATE_FILE = "estimate.json"


@dataclass(frozen=True)
class Stretch:
    """One unbroken motion and when it begins."""

    start_s: float
    motion: Motion


@dataclass(frozen=True)
class Clip:
    """What a contender made of one video, or its performances of one action."""

    stretches: tuple[Stretch, ...]
    duration_s: float
    """Of the video, or of the performances together."""
    verdicts: tuple[str, ...] = ()
    """Of the stretches, where they were judged."""


@dataclass(frozen=True)
class Contender:
    """One estimator's or model's clips by the name that all contenders know them by."""

    name: str
    clips: dict[str, Clip]
    """By video or action."""
    kind: str
    """"estimates" or "model"."""


def read_contenders(sources: Sequence[str], num: int = 8, seed: int = 0) -> tuple[Contender, ...]:
    """Two or more contenders, cut down to the clips that all of them have.

    Args:
        sources: Folders of `motionary estimate --out` (or of one video in it); or models: a run folder, a
            .safetensors file or a bundled name.
        num: Performances of every action by a model.
        seed: Of those.

    Raises:
        FileNotFoundError: If a source is neither.
        ValueError: If there are fewer than two, they are of different kinds, an estimate is damaged, or
            nothing is common.
    """
    if len(sources) < 2:
        raise ValueError(f"A comparison needs at least two estimates or models; got {len(sources)}.")
    found = [_read(source, num, seed) for source in sources]
    kinds = {contender.kind for contender in found}
    if len(kinds) > 1:
        stated = ", ".join(f"{c.name}: {c.kind}" for c in found)
        raise ValueError(f"Estimates are compared with estimates and models with models; got {stated}.")
    common = [name for name in found[0].clips if all(name in other.clips for other in found[1:])]
    if not common:
        held = "; ".join(f"{c.name}: {', '.join(list(c.clips)[:5])}" for c in found)
        raise ValueError(f"Nothing to compare: no video or action is in all of them ({held}).")
    names = _distinct([c.name for c in found], sources)
    return tuple(
        Contender(name, {clip: contender.clips[clip] for clip in common}, contender.kind)
        for name, contender in zip(names, found, strict=True)
    )


def _read(source: str, num: int, seed: int) -> Contender:
    root = Path(source)
    files = sorted(root.rglob(ESTIMATE_FILE)) if root.is_dir() else []
    if files:
        read = [_estimate(file) for file in files]
        clips = {
            (file.parent.relative_to(root).parent / content["video"]["name"]).as_posix(): clip
            for file, (content, clip) in zip(files, read, strict=True)
        }
        estimators = {str(content["estimator"]) for content, _ in read}
        return Contender(estimators.pop() if len(estimators) == 1 else root.name, clips, "estimates")
    if root.is_dir() and not (root / "model.safetensors").exists():
        raise FileNotFoundError(
            f"{root} holds neither {ESTIMATE_FILE} nor model.safetensors: give a folder that "
            "`motionary estimate --out` or `motionary train --out` wrote."
        )
    model = load_model(source)
    clips = {}
    for action in progress.each(model.actions, f"performing with {source}", unit="action"):
        motions = generate(model, action, num, seed=seed)
        stretches = tuple(Stretch(0.0, motion) for motion in motions)
        clips[action] = Clip(stretches, sum(motion.duration_s for motion in motions))
    return Contender(root.stem or source, clips, "model")


def _estimate(file: Path) -> tuple[dict[str, Any], Clip]:
    """The person who is seen for longest."""
    try:
        content = read_json(file)
        by_person: dict[int, list[dict[str, Any]]] = {}
        for entry in content["people"]:
            by_person.setdefault(int(entry["person"]), []).append(entry)
        chosen = max(
            by_person.values(), key=lambda entries: sum(e["frames_seen"] / e["fps"] for e in entries)
        )
        stretches = tuple(
            Stretch(float(entry["start_s"]), Motion.load(file.parent / entry["file"])) for entry in chosen
        )
        verdicts = tuple(entry["quality"]["verdict"] for entry in chosen if "quality" in entry)
        duration_s = float(content["video"]["duration_s"])
        str(content["video"]["name"] + content["estimator"])
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{file} is no estimate that `motionary estimate` wrote ({reason}).") from None
    return content, Clip(stretches, duration_s, verdicts)


def _distinct(names: list[str], sources: Sequence[str]) -> list[str]:
    """Names if they differ, else the sources' last parts, else the sources with their numbers."""
    tails = [Path(source).name for source in sources]
    numbered = [f"{name} ({index})" for index, name in enumerate(tails, start=1)]
    return next(choice for choice in (names, tails, numbered) if len(set(choice)) == len(choice))
