"""`motionary finegym ...`: from FineGym's annotations to a folder of chosen clips."""

from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
from tyro.conf import arg


def finegym_plan(
    *,
    labels: Annotated[str, arg(metavar="43,67")],
    annotations: tuple[Path, ...],
    out: Path,
    family: str | None = None,
    splits: Annotated[str, arg(metavar="train,val")] = "",
    names: Annotated[tuple[str, ...], arg(metavar="43=split_jump")] = (),
    before: float = 0.5,
    after: float = 0.5,
) -> None:
    """Say which parts of which FineGym videos are wanted, and how many there are.

    Args:
        labels: Class numbers of the lists, separated by commas.
        annotations: FineGym's files, or their folder: gym99_train_element_v1.1.txt, gym99_val_element.txt,
            gym99_categories.txt and, for exact times, finegym_annotation_info_v1.1.json.
        out: The plan, a CSV file.
        family: Whose labels, where the folder holds several: gym99 (taken when not given), gym288, ...
        splits: Only these.
        names: Action names instead of FineGym's.
        before: Seconds kept before each element.
        after: Seconds kept after it.
    """
    from motionary.finegym.annotations import read_annotations
    from motionary.finegym.plan import PlanConfig, plan_clips, summarise, write_plan

    config = PlanConfig(_numbers(labels), before, after, _words(splits), _names(names))
    read = read_annotations(annotations, family)
    plan = plan_clips(read, config)
    write_plan(plan, out)
    rows = summarise(plan, read)
    columns = sorted({split for row in rows for split in row.counts})
    table = Table(title=f"{len(plan)} clips of {len({clip.video for clip in plan})} videos -> {out}")
    for heading in ("label", "action", *columns, "videos", "median s", "under 25 frames at 25/s"):
        table.add_column(heading, justify="left" if heading == "action" else "right", overflow="fold")
    for row in rows:
        about = "" if row.exact else "about "
        counts = (str(row.counts.get(split, 0)) for split in columns)
        figures = f"{about}{row.median_s:.2f}", f"{about}{row.short_share:.0%}"
        table.add_row(str(row.label), row.action, *counts, str(row.videos), *figures)
    Console().print(table)
    for note in read.notes:
        print(f"note: {note}")


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(word) for word in _words(text)))
    except ValueError:
        raise ValueError(
            f"Expected class numbers separated by commas, such as 43,67; got {text!r}."
        ) from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _names(pairs: tuple[str, ...]) -> dict[int, str]:
    names = {}
    for pair in pairs:
        label, found, name = pair.partition("=")
        if not (found and label.strip().isdigit() and name.strip()):
            raise ValueError(f"Expected a name like 43=split_jump; got {pair!r}.")
        names[int(label)] = name.strip()
    return names
