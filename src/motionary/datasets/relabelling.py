"""Other names for actions, and which image is whose mirror."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from motionary.datasets.actions import Rejected
from motionary.datasets.editing import Edit
from motionary.datasets.folder import Dataset
from motionary.datasets.mirroring import mirrored_actions
from motionary.documents import csv_rows, read_text


def relabel(dataset: Dataset, names: Mapping[str, str], drop: Sequence[str] = ()) -> Edit:
    """Call actions otherwise, all at once: a=b and b=a swap two.

    Args:
        dataset: What to relabel.
        names: Action or path of a clip -> its action from now on; a clip goes before its action.
        drop: Actions, or paths of clips, to leave out.

    Raises:
        ValueError: If the data set has no such action or clip.
    """
    known = {*dataset.actions, *(clip.path for clip in dataset.clips)}
    if unknown := sorted({*names, *drop} - known):
        raise ValueError(
            f"{dataset.root} has no action or clip {', '.join(unknown)}; its actions are: "
            f"{', '.join(dataset.actions)}."
        )
    if empty := [old for old, new in names.items() if not new.strip()]:
        raise ValueError(f"The new name of {empty[0]} is empty; to leave it out, drop it.")
    kept, dropped = [], []
    for clip in dataset.clips:
        named = next((key for key in (clip.path, clip.action) if key in names or key in drop), clip.action)
        if named in drop:
            dropped.append(Rejected(clip.path, f"dropped with {named}" if named != clip.path else "dropped"))
        else:
            kept.append(replace(clip, action=names.get(named, clip.action)))
    renamed = [names.get(action, action) for action in dataset.actions if action not in drop]
    actions = tuple(dict.fromkeys([*renamed, *sorted({clip.action for clip in kept})]))
    options = {"names": dict(names), "drop": list(drop)}
    mirror = {
        names.get(old, old): names.get(new, new)
        for old, new in dataset.mirror.items()
        if old not in drop and new not in drop
    }
    return Edit("relabel", options, tuple(kept), tuple(dropped), actions, mirror)


def mirror_pairs(dataset: Dataset, pairs: Mapping[str, str]) -> Edit:
    """Say what mirror images show: a=b for both directions, a=a where left and right make no difference.

    Raises:
        ValueError: If a pair names no action, or two pairs one action.
    """
    both = {**pairs, **{new: old for old, new in pairs.items()}}
    if clash := [old for old, new in both.items() if both[new] != old]:
        raise ValueError(f"{clash[0]} cannot be the mirror image of two actions.")
    mirror = {**dataset.mirror, **both}
    mirrored_actions(dataset.actions, mirror)
    return Edit("mirror", {"pairs": dict(pairs)}, dataset.clips, mirror=mirror)


def renames_of(words: Sequence[str]) -> dict[str, str]:
    """Of `old=new` words.

    Raises:
        ValueError: If a word is none, or one name gets two.
    """
    names: dict[str, str] = {}
    for word in words:
        old, equals, new = word.partition("=")
        if not equals or not old.strip() or not new.strip():
            raise ValueError(f"Expected OLD=NEW; got {word!r}.")
        if names.setdefault(old.strip(), new.strip()) != new.strip():
            raise ValueError(f"{old.strip()} cannot become both {names[old.strip()]} and {new.strip()}.")
    return names


def read_renames(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """A CSV table with the columns `old` (an action, or a clip's path) and `new`; an empty new name drops.

    Returns:
        New names, and what is to be dropped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is no such line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No table of names at {path}.")
    rows = csv_rows(read_text(path).splitlines(), path)
    _, headings = next(rows, (1, []))
    if not {"old", "new"} <= set(headings):
        raise ValueError(f"{path} needs the columns old,new in its first line; got {headings}.")
    names: dict[str, str] = {}
    for line, cells in rows:
        if not cells:
            continue
        row = dict(zip_longest(headings, cells[: len(headings)], fillvalue=""))
        old, new = row["old"].strip(), row["new"].strip()
        if not old:
            raise ValueError(f"{path}, line {line}: there is no old name.")
        if names.setdefault(old, new) != new:
            raise ValueError(f"{path}, line {line}: {old} was given another name before.")
    return {old: new for old, new in names.items() if new}, tuple(
        old for old, new in names.items() if not new
    )
