"""`motionary figure ...`: pictures for papers and slides, as PNG or PDF."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from motionary.commands.speaking import Answer

if TYPE_CHECKING:
    from motionary.body.smpl import BodyModel
    from motionary.motion import Motion


def figure_strip(
    motion: Positional[Path], /, *, out: Path, every: int | None = None, height_px: int = 720
) -> Answer:
    """Draw a motion as a strip: a body every few frames, from pale to strong as time passes.

    Args:
        motion: A .npz motion.
        out: File to write: .png or .pdf.
        every: Frames from one body to the next; eight bodies when not given.
        height_px: Of the picture.
    """
    from motionary.export.figure import check_picture, save_picture, strip

    check_picture(out)
    (shown,) = _load((motion,))
    save_picture(strip(shown, _body(), every, height_px), out)
    return Answer.of_file("picture", out)


def figure_compare(
    motion: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    captions: tuple[str, ...] = (),
    every: int | None = None,
    height_px: int = 480,
) -> Answer:
    """Draw motions as strips one above the other: two models, two estimators, generated and real.

    Args:
        motion: .npz motions.
        out: File to write: .png or .pdf.
        captions: One for each motion; the files' names when not given.
        every: Frames from one body to the next, the same in all strips.
        height_px: Of a strip.
    """
    from motionary.export.figure import check_picture, comparison, save_picture

    check_picture(out)
    if captions and len(captions) != len(motion):
        raise ValueError(f"Expected a caption for each of {len(motion)} motions; got {len(captions)}.")
    names = captions or tuple(path.stem for path in motion)
    rows = list(zip(names, _load(motion), strict=True))
    save_picture(comparison(rows, _body(), every, height_px), out)
    return Answer.of_file("picture", out)


def figure_diversity(
    motion: Positional[tuple[Path, ...]], /, *, out: Path, columns: int = 2, cell_height_px: int = 520
) -> Answer:
    """Draw performances of one action side by side: how much they vary is what one sees.

    Args:
        motion: .npz motions.
        out: File to write: .png or .pdf.
        columns: Of the grid.
        cell_height_px: Of each performance.
    """
    from motionary.export.figure import action_grid, check_picture, save_picture

    check_picture(out)
    if columns < 1:
        raise ValueError(f"A grid has at least one column; got {columns}.")
    motions = _load(motion)
    labelled = [(f"{shown.action or 'motion'} {k}", shown) for k, shown in enumerate(motions, start=1)]
    cell_px = (round(cell_height_px * 1.25), cell_height_px)
    save_picture(action_grid(labelled, _body(), columns, cell_px), out)
    return Answer.of_file("picture", out)


def figure_sheet(
    folder: Positional[Path],
    /,
    *,
    out: Path,
    samples: int = 4,
    every: int | None = None,
    cell_height_px: int = 330,
) -> Answer:
    """Draw a contact sheet: a row for each action with a few performances.

    Args:
        folder: Searched for .npz motions, such as generate's or a data set's.
        out: File to write: .png or .pdf.
        samples: Performances in a row.
        every: Frames from one body to the next; four bodies when not given.
        cell_height_px: Of each.
    """
    from motionary.export.figure import check_picture, save_picture, sheet

    check_picture(out)
    if samples < 1:
        raise ValueError(f"A row shows at least one performance; got {samples}.")
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder of motions at {folder}.")
    by_action: "dict[str, list[Motion]]" = {}
    if not (paths := tuple(sorted(folder.rglob("*.npz")))):
        raise FileNotFoundError(f"{folder} holds no .npz motion; make some with `motionary generate`.")
    for shown in _load(paths):
        of_action = by_action.setdefault(shown.action or "motion", [])
        if len(of_action) < samples:
            of_action.append(shown)
    rows = sorted(by_action.items())
    bodies = max(4, max(map(len, chain.from_iterable(by_action.values()))) // every) if every else 4
    cell_px = (round(cell_height_px * (0.4 + 0.2 * bodies)), cell_height_px)
    save_picture(sheet(rows, _body(), cell_px, every=every), out)
    return Answer.of_file("picture", out)


def _load(paths: tuple[Path, ...]) -> "list[Motion]":
    from motionary.motion import Motion

    if not paths:
        raise ValueError("Expected .npz motions; none were given.")
    return [Motion.load(path) for path in paths]


def _body() -> "BodyModel":
    from motionary.body.assets import load_body

    return load_body()
