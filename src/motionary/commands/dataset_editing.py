"""`motionary dataset split|merge|relabel|filter|mirror`: data sets made from others."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from motionary import progress
from motionary.commands.dataset import made_line
from motionary.commands.speaking import Answer

if TYPE_CHECKING:
    from motionary.datasets import Dataset


def dataset_split(
    dataset: Positional[Path],
    /,
    *,
    out: Path | None = None,
    in_place: bool = False,
    by: Literal["random", "video", "subject"] = "random",
    test_fraction: float = 0.2,
    test: tuple[str, ...] = (),
    seed: int = 0,
) -> Answer:
    """Choose anew which clips are held out for testing; no recording is ever on both sides.

    Args:
        dataset: Data set folder.
        out: Folder of the new data set.
        in_place: Change the index of DATASET instead.
        by: random holds out a share of every action's clips, video whole recordings or videos, subject whole
            people.
        test_fraction: Share of the clips held out.
        test: Subjects, or recordings and videos, held out instead of a share.
        seed: Chooses what is held out.
    """
    from dataclasses import asdict

    from motionary.datasets import Dataset
    from motionary.datasets.editing import Edit, write_edited
    from motionary.datasets.splitting import SplitOptions, split_clips

    source, options = Dataset.load(dataset), SplitOptions(by, test_fraction, test, seed)
    clips = split_clips(source.clips, options)
    return _answer(write_edited(source, Edit("split", asdict(options), clips), _target(out, in_place)))


def dataset_merge(datasets: Positional[tuple[Path, ...]], /, *, out: Path) -> Answer:
    """Make one data set of several.

    Args:
        datasets: Data set folders; actions are numbered in the order of the first.
        out: Folder of the new data set.
    """
    from motionary.datasets import Dataset
    from motionary.datasets.editing import merge

    return _answer(merge([Dataset.load(dataset) for dataset in datasets], out))


def dataset_relabel(
    dataset: Positional[Path],
    names: Positional[tuple[str, ...]] = (),
    /,
    *,
    csv: Path | None = None,
    drop: tuple[str, ...] = (),
    out: Path | None = None,
    in_place: bool = False,
) -> Answer:
    """Call actions otherwise, put several together, or leave some out.

    Args:
        dataset: Data set folder.
        names: OLD=NEW each; all at once, so that a=b b=a swaps two.
        csv: A table with the columns old,new; an empty new name drops. Old names may be paths of clips.
        drop: Actions to leave out.
        out: Folder of the new data set.
        in_place: Change the index of DATASET instead.
    """
    from motionary.datasets import Dataset
    from motionary.datasets.editing import write_edited
    from motionary.datasets.relabelling import read_renames, relabel, renames_of

    listed, dropped = read_renames(csv) if csv else ({}, ())
    renames = {**listed, **renames_of(names)}
    if not renames and not drop and not dropped:
        raise ValueError("Nothing to relabel: give OLD=NEW, --csv or --drop.")
    source = Dataset.load(dataset)
    return _answer(write_edited(source, relabel(source, renames, (*dropped, *drop)), _target(out, in_place)))


def dataset_filter(
    dataset: Positional[Path],
    /,
    *,
    out: Path | None = None,
    in_place: bool = False,
    min_s: float | None = None,
    max_s: float | None = None,
    min_coverage: float | None = None,
    min_trust: float | None = None,
    verdict: tuple[str, ...] = (),
    max_speed: float | None = None,
    speed_outliers: float | None = None,
    action: tuple[str, ...] = (),
    subject: tuple[str, ...] = (),
) -> Answer:
    """Leave out clips that are too short, badly seen, impossibly fast or of other actions.

    Args:
        dataset: Data set folder.
        out: Folder of the new data set.
        in_place: Change the index of DATASET instead; files of dropped clips stay where they are.
        min_s: Shortest clip, seconds.
        max_s: Longest clip, seconds.
        min_coverage: Least share of frames that were observed rather than filled, 0 to 1.
        min_trust: Least mean trust of a clip's frames, 0 to 1.
        verdict: Keep clips of these verdicts of their estimator, and those that nobody judged.
        max_speed: Most of the fastest joint, m/s.
        speed_outliers: Most deviations of the fastest joint's speed from its action's median; 5 finds jumps.
        action: Keep these actions.
        subject: Keep these people.
    """
    from motionary.datasets import Dataset
    from motionary.datasets.editing import write_edited
    from motionary.datasets.filtering import FilterOptions, filter_clips

    options = FilterOptions(
        min_s, max_s, min_coverage, min_trust, verdict, max_speed, speed_outliers, action, subject
    )
    if options == FilterOptions():
        raise ValueError("Nothing to filter by: give --min-s, --min-trust, --max-speed or another bound.")
    target, source = _target(out, in_place), Dataset.load(dataset)
    edit = filter_clips(source, options)
    result = write_edited(source, edit, target)
    for item in edit.dropped:
        progress.say(f"dropped {item.source}: {item.reason}")
    return _answer(result)


def dataset_mirror(dataset: Positional[Path], pairs: Positional[tuple[str, ...]] = (), /) -> Answer:
    """Show which action each one's mirror image is taken for, or say so.

    Args:
        dataset: Data set folder; its index is changed where pairs are given.
        pairs: LEFT=RIGHT each, for both directions; A=A where the sides make no difference.
    """
    from motionary.datasets import Dataset
    from motionary.datasets.editing import write_edited
    from motionary.datasets.relabelling import mirror_pairs, renames_of

    source = Dataset.load(dataset)
    if pairs:
        source = write_edited(source, mirror_pairs(source, renames_of(pairs)), None)
    images = source.mirrored_actions()
    lines = (f"{action} -> {image or 'no such action: never mirrored'}" for action, image in images.items())
    return Answer(images, tuple(lines))


def _target(out: Path | None, in_place: bool) -> Path | None:
    """Where the result goes; None for in place."""
    if (out is None) != in_place:
        raise ValueError("Give either --out FOLDER for the new data set or --in-place.")
    return out


def _answer(dataset: "Dataset") -> Answer:
    return Answer({"out": str(dataset.root), **dataset.summary()}, (made_line(dataset),))
