"""Still pictures of motions: a strip of poses, a grid of actions, a sheet of examples."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray
from PIL import Image

from motionary.atomic import write_atomically
from motionary.body.smpl import BodyModel
from motionary.export.camera import View, frame_points, padded
from motionary.export.charts import PRINT_DPI
from motionary.export.floor import BACKGROUND, Floor
from motionary.export.lettering import fitting_px, write_text
from motionary.export.render import Renderer, load_renderer
from motionary.export.shading import EARLY, LATE, Colour
from motionary.export.surface import Surface
from motionary.features import heading_rad
from motionary.grounding import with_feet_on_ground
from motionary.motion import Motion

ROW_VIEW = View(azimuth_deg=32.0, elevation_deg=10.0, fov_deg=11.0, margin=0.03)
POSES_PER_STRIP = 8
POSES_PER_CELL = 4
POSES_PER_THUMBNAIL = 6
STRIP_SIDE_BY_SIDE, CELL_SIDE_BY_SIDE = 1.0, 0.62  # distance of neighbours in body widths
FACES_PER_POSE = 30_000
WIDEST_PX = 4096  # supersampled, that is what any OpenGL can draw
SUPERSAMPLING = 2


def write_png(motion: Motion, path: Path, body: BodyModel) -> None:
    """Save a strip of a motion's poses as PNG, whole or not at all."""
    save_png(strip(motion, body), path)


def save_png(image: UInt8[ndarray, "H W 3"], path: Path) -> None:
    """Write an RGB picture, whole or not at all."""
    done, png = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
    assert done
    write_atomically(path, png.tobytes())


def check_picture(path: Path) -> None:
    """Raise a ValueError unless the file's name ends in .png or .pdf."""
    if path.suffix.lower() not in (".png", ".pdf"):
        raise ValueError(f"A figure is written as .png or .pdf; got {path.name!r}.")


def save_picture(image: UInt8[ndarray, "H W 3"], path: Path) -> None:
    """Write an RGB picture as .png, or as a .pdf page at PRINT_DPI, whole or not at all.

    Raises:
        ValueError: If the suffix is another.
    """
    check_picture(path)
    if path.suffix.lower() == ".png":
        save_png(image, path)
        return
    page = io.BytesIO()
    Image.fromarray(image).save(page, "PDF", resolution=PRINT_DPI, quality=95)
    write_atomically(path, page.getvalue())


def strip(
    motion: Motion,
    body: BodyModel,
    every: int | None = None,
    height_px: int = 360,
    renderer: Renderer | None = None,
) -> UInt8[ndarray, "H W 3"]:
    """Poses of a motion from left to right, from pale to strong as time passes.

    Args:
        motion: What to show; where it goes in the room is left out, jumps and crouches are kept.
        body: Whose skin.
        every: Frames from one pose to the next; when None, such that there are eight.
        height_px: Of the picture; the width follows from the number of poses, and very many make it lower.
        renderer: From `load_renderer`, which is called when None.

    Raises:
        ValueError: If `every` is not positive.
    """
    frames = _chosen(len(motion), every, POSES_PER_STRIP)
    renderer = renderer or load_renderer()
    surface = Surface.of(body, FACES_PER_POSE)
    poses = _frames(with_feet_on_ground(motion, body), frames)
    points, people = _in_a_row(poses, surface, STRIP_SIDE_BY_SIDE)
    wide_m = np.ptp(points @ ROW_VIEW.rotation(heading_rad(poses))[0]) + 0.1
    width_px = round(height_px * wide_m / (np.ptp(points[:, 1]) + 0.25))
    shrink = min(1.0, WIDEST_PX / width_px)
    size_px = (round(width_px * shrink), max(2, round(height_px * shrink)))
    return _draw_row(poses, points, people, surface, size_px, renderer)


def thumbnail(
    motion: Motion, surface: Surface, size_px: tuple[int, int], renderer: Renderer
) -> UInt8[ndarray, "H W 3"]:
    """A small strip that is drawn quickly: for thousands of motions.

    Args:
        motion: What to show.
        surface: A coarse one (see `Surface.of`) is as good in a small picture.
        size_px: Width and height.
        renderer: From `load_renderer`.
    """
    frames = _evenly(len(motion), POSES_PER_THUMBNAIL)
    poses = _frames(motion, frames).on_ground(surface.body)
    points, people = _in_a_row(poses, surface, STRIP_SIDE_BY_SIDE)
    return _draw_row(poses, points, people, surface, size_px, renderer, supersampling=1)


def action_grid(
    labelled: Sequence[tuple[str, Motion]],
    body: BodyModel,
    columns: int | None = None,
    cell_px: tuple[int, int] = (320, 260),
    renderer: Renderer | None = None,
) -> UInt8[ndarray, "H W 3"]:
    """One captioned cell for each motion, with a few of its poses.

    Args:
        labelled: Caption and motion.
        body: Whose skin.
        columns: Of the grid; about as many as rows when None.
        cell_px: Width and height of a cell.
        renderer: From `load_renderer`, which is called when None.
    """
    renderer = renderer or load_renderer()
    surface = Surface.of(body, FACES_PER_POSE)
    cells = [_captioned(_cell(motion, surface, cell_px, renderer), label) for label, motion in labelled]
    return tile(cells, columns)


def sheet(
    rows: Sequence[tuple[str, Sequence[Motion]]],
    body: BodyModel,
    cell_px: tuple[int, int] = (260, 220),
    renderer: Renderer | None = None,
    every: int | None = None,
) -> UInt8[ndarray, "H W 3"]:
    """A row for each label with as many cells as it has motions, the label at the left.

    Args:
        rows: Labels, and the motions of each.
        body: Whose skin.
        cell_px: Width and height of a cell.
        renderer: From `load_renderer`, which is called when None.
        every: Frames from one pose of a motion to the next; when None, such that there are four.

    Raises:
        ValueError: If `every` is not positive.
    """
    renderer = renderer or load_renderer()
    surface = Surface.of(body, FACES_PER_POSE)
    columns = max(len(motions) for _, motions in rows)
    head_px = int(cell_px[1] * 0.84)
    letters_px = fitting_px((label for label, _ in rows), head_px - 40, cell_px[1] // 11)  # all of one size
    cells = []
    for label, motions in rows:
        head = np.full((cell_px[1], head_px, 3), BACKGROUND, np.uint8)
        head = write_text(head, label, (16, cell_px[1] / 2), letters_px, anchor="lm")
        pictures = [_cell(motion, surface, cell_px, renderer, every) for motion in motions]
        blank = np.full((cell_px[1], cell_px[0], 3), BACKGROUND, np.uint8)
        cells.append(np.concatenate([head, *pictures, *[blank] * (columns - len(motions))], axis=1))
    return np.concatenate(cells)


def comparison(
    rows: Sequence[tuple[str, Motion]],
    body: BodyModel,
    every: int | None = None,
    height_px: int = 300,
    renderer: Renderer | None = None,
) -> UInt8[ndarray, "H W 3"]:
    """Strips one above the other, each under its caption, starting at the same left edge.

    Args:
        rows: Caption and motion.
        body: Whose skin.
        every: Frames from one pose to the next, in all rows; when None, such that the longest has eight.
        height_px: Of a strip.
        renderer: From `load_renderer`, which is called when None.
    """
    renderer = renderer or load_renderer()
    every = every or max(max(len(motion) for _, motion in rows) // POSES_PER_STRIP, 1)
    strips = [
        _captioned(strip(motion, body, every, height_px, renderer), caption) for caption, motion in rows
    ]
    widest = max(image.shape[1] for image in strips)
    filled = [
        np.pad(image, ((0, 0), (0, widest - image.shape[1]), (0, 0)), constant_values=BACKGROUND[0])
        for image in strips
    ]
    return np.concatenate(filled)


def tile(images: Sequence[UInt8[ndarray, "H W 3"]], columns: int | None = None) -> UInt8[ndarray, "H2 W2 3"]:
    """Pictures of one size in rows from the top left; about as many columns as rows when columns is None."""
    if len(images) == 1:
        return images[0]
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    columns = min(columns, len(images))
    blank = np.full_like(images[0], BACKGROUND)
    filled = [*images, *[blank] * (-len(images) % columns)]
    rows = [
        np.concatenate(filled[start : start + columns], axis=1) for start in range(0, len(filled), columns)
    ]
    return np.concatenate(rows)


def _cell(
    motion: Motion,
    surface: Surface,
    cell_px: tuple[int, int],
    renderer: Renderer,
    every: int | None = None,
) -> UInt8[ndarray, "H W 3"]:
    frames = _chosen(len(motion), every, POSES_PER_CELL)
    poses = _frames(with_feet_on_ground(motion, surface.body), frames)
    points, people = _in_a_row(poses, surface, CELL_SIDE_BY_SIDE)
    return _draw_row(poses, points, people, surface, cell_px, renderer)


def _frames(motion: Motion, frames: Int[ndarray, "N"]) -> Motion:
    """A motion of chosen frames."""
    return replace(
        motion,
        pose=motion.pose[frames],
        translation=motion.translation[frames],
        valid=motion.valid[frames],
        trust=motion.trust[frames],
    )


def _in_a_row(
    poses: Motion, surface: Surface, side_by_side: float
) -> tuple[Float[ndarray, "P 3"], list[Float[ndarray, "K 3"]]]:
    """Points to keep in the picture, and each pose's vertices, side_by_side body widths apart."""
    joints = poses.joint_positions(surface.body)
    along = ROW_VIEW.rotation(heading_rad(poses))[0]
    shifts = _side_by_side(joints, along, side_by_side)
    points = padded((joints + shifts[:, None]).reshape(-1, 3))
    people = [
        vertices + shift.astype(np.float32)
        for vertices, shift in zip(surface.vertices(poses), shifts, strict=True)
    ]
    return points, people


def _draw_row(
    poses: Motion,
    points: Float[ndarray, "P 3"],
    people: list[Float[ndarray, "K 3"]],
    surface: Surface,
    size_px: tuple[int, int],
    renderer: Renderer,
    supersampling: int = SUPERSAMPLING,
) -> UInt8[ndarray, "H W 3"]:
    width, height = (side * supersampling for side in size_px)
    stage = frame_points(points, width, height, ROW_VIEW, heading_rad(poses))
    image = renderer.scene(people, surface.faces, Floor.of(stage), _passing_time(len(poses)))
    return cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)


def _side_by_side(
    joints: Float[ndarray, "N 24 3"], along: Float[ndarray, "3"], side_by_side: float
) -> Float[ndarray, "N 3"]:
    """Displacements on the floor that put poses in a row."""
    home = joints[:, 0] * [1, 0, 1]
    sideways = (joints - home[:, None]) @ along
    width_m = np.percentile(np.ptp(sideways, axis=1), 75) + 0.3
    places = np.arange(len(joints)) * width_m * side_by_side
    return places[:, None] * along - home


def _passing_time(count: int) -> list[Colour]:
    early, late = np.array(EARLY), np.array(LATE)
    steps = np.linspace(0, 1, count) if count > 1 else np.ones(1)
    red, green, blue = (early + (late - early) * steps[:, None]).astype(int).T.tolist()
    return list(zip(red, green, blue, strict=True))


def _chosen(num_frames: int, every: int | None, count: int) -> Int[ndarray, "N"]:
    """Frames every so many, or as many as counted."""
    if every is None:
        return _evenly(num_frames, count)
    if every < 1:
        raise ValueError(f"`every` counts frames from pose to pose and must be at least 1; got {every}.")
    return np.arange(0, num_frames, every)


def _evenly(num_frames: int, count: int) -> Int[ndarray, "N"]:
    return np.unique(np.round(np.linspace(0, num_frames - 1, count)).astype(int))


def _captioned(image: UInt8[ndarray, "H W 3"], caption: str) -> UInt8[ndarray, "H2 W 3"]:
    """The picture with its caption on a band below it."""
    letters_px = max(11, image.shape[0] // 16)
    band = np.full((letters_px * 2, image.shape[1], 3), BACKGROUND, np.uint8)
    return np.concatenate(
        [image, write_text(band, caption, (image.shape[1] / 2, letters_px * 0.8), letters_px)]
    )
