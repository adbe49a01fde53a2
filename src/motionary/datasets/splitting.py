"""Which clips are held out: never a part of a recording whose other parts are learned from."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from motionary.datasets.actions import ClipRecord

SplitBy = Literal["random", "video", "subject"]
_DRAWS = 64
"""Ways to draw whole groups that are compared."""


@dataclass(frozen=True)
class SplitOptions:
    """How clips are held out."""

    by: SplitBy = "random"
    """random: a share of every action's clips; video: whole recordings or videos; subject: whole people."""
    test_fraction: float = 0.2
    test: tuple[str, ...] = ()
    """Subjects, or recordings and videos, to hold out instead of a fraction."""
    seed: int = 0


def split_clips(clips: Sequence[ClipRecord], options: SplitOptions) -> tuple[ClipRecord, ...]:
    """Clips with their splits.

    Raises:
        ValueError: If the options do not fit the clips; the message says how.
    """
    if options.by == "random":
        if options.test:
            raise ValueError("Who or what to hold out by name is for splits by subject or by video.")
        return stratified_split(clips, options.test_fraction, options.seed)
    if options.by == "video":
        if options.test:
            return _source_split(clips, options.test)
        return _drawn_split(clips, grouped(clips, [source_of]), options)
    if unknown := [clip.path for clip in clips if clip.subject is None]:
        raise ValueError(f"{len(unknown)} clips have no subject, {unknown[0]} for one: split by video.")
    if options.test:
        return subject_split(clips, options.test)
    return _drawn_split(clips, grouped(clips, [source_of, lambda clip: f"subject {clip.subject}"]), options)


def imported_split(
    clips: Sequence[ClipRecord], test_fraction: float, test_subjects: Collection[str], seed: int
) -> tuple[ClipRecord, ...]:
    """Hold out the clips of some subjects where any are named, else a share of every action's clips.

    Raises:
        ValueError: As `subject_split` and `stratified_split` do.
    """
    if test_subjects:
        return subject_split(clips, test_subjects)
    return stratified_split(clips, test_fraction, seed)


def stratified_split(
    clips: Sequence[ClipRecord], test_fraction: float, seed: int = 0
) -> tuple[ClipRecord, ...]:
    """Hold out a share of every action's clips, chosen by seed; clips of one source stay together.

    An action with two sources or more keeps at least one on each side, unless they show other actions too
    and it cannot be done.

    Raises:
        ValueError: If test_fraction is not in [0, 1).
    """
    _check_fraction(test_fraction)
    groups = grouped(clips, [source_of])
    group_of = {index: group for group, members in enumerate(groups) for index in members}
    rng = np.random.default_rng(seed)
    held_out: set[int] = set()
    for _, members in sorted(_by_action(clips).items()):
        wanted = round(test_fraction * len(members))
        if test_fraction > 0 and len(members) > 1:
            wanted = min(max(wanted, 1), len(members) - 1)
        for index in rng.permutation(members).tolist():
            group = groups[group_of[index]]
            have = sum(member in held_out for member in members)
            gained = sum(clips[member].action == clips[index].action for member in group)
            nearer = abs(have + gained - wanted) < abs(have - wanted) or (wanted > 0 and have == 0)
            if index not in held_out and nearer and _leaves_some(clips, group, held_out):
                held_out.update(group)
    return _marked(clips, held_out)


def subject_split(clips: Iterable[ClipRecord], test_subjects: Collection[str]) -> tuple[ClipRecord, ...]:
    """Hold out every clip of some subjects.

    Raises:
        ValueError: If no clip belongs to one of them, or they share a recording with others.
    """
    clips = tuple(clips)
    known = sorted({clip.subject for clip in clips if clip.subject})
    unknown = sorted(set(test_subjects) - set(known))
    if unknown:
        raise ValueError(
            f"No clip of subject {', '.join(unknown)}; the subjects are: {', '.join(known) or 'none'}."
        )
    held_out = {index for index, clip in enumerate(clips) if clip.subject in test_subjects}
    for members in grouped(clips, [source_of]):
        if 0 < len(held_out.intersection(members)) < len(members):
            people = ", ".join(sorted({str(clips[index].subject) for index in members}))
            raise ValueError(
                f"{source_of(clips[members[0]])} shows {people}: hold out all of them, or split by video."
            )
    return _marked(clips, held_out)


def source_of(clip: ClipRecord) -> str:
    """What a clip was cut from; itself where nothing is known."""
    return clip.source or clip.path


def grouped(clips: Sequence[ClipRecord], keys: Sequence[Callable[[ClipRecord], str]]) -> list[list[int]]:
    """Positions of clips that share a key, directly or over others, in the order of their first ones."""
    leader = list(range(len(clips)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for key in keys:
        first: dict[str, int] = {}
        for index, clip in enumerate(clips):
            leader[lead(index)] = lead(first.setdefault(key(clip), index))
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(clips)):
        groups[lead(index)].append(index)
    return list(groups.values())


def _source_split(clips: Sequence[ClipRecord], test: Collection[str]) -> tuple[ClipRecord, ...]:
    """Hold out sources by name, with or without folder and suffix."""
    sources = {source_of(clip) for clip in clips}
    chosen: set[str] = set()
    for name in test:
        fitting = {source for source in sources if name in _names(source)}
        if not fitting:
            some = ", ".join(sorted(sources)[:5])
            raise ValueError(f"No clip comes from {name}; there are {len(sources)} sources: {some}, ...")
        chosen |= fitting
    return _marked(clips, {index for index, clip in enumerate(clips) if source_of(clip) in chosen})


def _names(source: str) -> Iterator[str]:
    name = source.rpartition("/")[2]
    yield from (source, name, name.rpartition(".")[0] or name)


def _drawn_split(
    clips: Sequence[ClipRecord], groups: list[list[int]], options: SplitOptions
) -> tuple[ClipRecord, ...]:
    """Hold out whole groups: the first of several draws that suits actions and share best."""
    _check_fraction(options.test_fraction)
    wanted = options.test_fraction * len(clips)
    if wanted > 0 and len(groups) < 2:
        raise ValueError(f"All {len(clips)} clips hang together by {options.by}: nothing can be held out.")
    rng = np.random.default_rng(options.seed)
    draws = [_draw(groups, wanted, rng) for _ in range(_DRAWS)]

    def shortcomings(held_out: Collection[int]) -> tuple[int, int, float]:
        train = {clip.action for index, clip in enumerate(clips) if index not in held_out}
        test = {clips[index].action for index in held_out}
        return -len(train), -len(test), abs(len(held_out) - wanted) // max(wanted / 4, 1)

    return _marked(clips, min(draws, key=shortcomings))


def _draw(groups: list[list[int]], wanted: float, rng: np.random.Generator) -> set[int]:
    held_out: set[int] = set()
    count = 0
    for place in rng.permutation(len(groups)).tolist():
        group, rest = groups[place], len(groups) - count
        nearer = abs(len(held_out) + len(group) - wanted) < abs(len(held_out) - wanted)
        if rest > 1 and wanted > 0 and (nearer or not held_out):
            held_out.update(group)
            count += 1
    return held_out


def _by_action(clips: Sequence[ClipRecord]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        members[clip.action].append(index)
    return members


def _leaves_some(clips: Sequence[ClipRecord], group: Collection[int], held_out: set[int]) -> bool:
    """Whether every action of a group keeps a clip to learn from when the group is held out too."""
    left = {clip.action for index, clip in enumerate(clips) if index not in held_out and index not in group}
    return all(clips[index].action in left for index in group)


def _marked(clips: Sequence[ClipRecord], held_out: Collection[int]) -> tuple[ClipRecord, ...]:
    return tuple(replace(clip, split="test" if i in held_out else "train") for i, clip in enumerate(clips))


def _check_fraction(test_fraction: float) -> None:
    if not 0 <= test_fraction < 1:
        raise ValueError(f"test_fraction must be at least 0 and below 1; got {test_fraction}.")
