"""Words on pictures, in the typeface that matplotlib brings along."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFont

from motionary.export.shading import Colour

INK: Colour = (68, 68, 72)
SMALLEST_PX = 8


def write_text(
    image: UInt8[ndarray, "H W 3"],
    text: str,
    at_px: tuple[float | int, float | int],
    size_px: int,
    anchor: str = "mm",
    ink: Colour = INK,
) -> UInt8[ndarray, "H W 3"]:
    """A copy of the picture with a line of text, made smaller where it would not fit.

    Args:
        image: The picture, RGB.
        text: What to write.
        at_px: Column and row of the text's anchor.
        size_px: Height of the letters.
        anchor: Pillow's two letters, across and down; "mm" is the middle, "lm" the middle of the left.
        ink: Colour of the letters.
    """
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    room = image.shape[1] - (2 * at_px[0] if anchor[0] == "l" else 0) - 8
    font = _font(fitting_px([text], room, size_px))
    draw.text(at_px, text, fill=ink, font=font, anchor=anchor)
    return np.asarray(canvas)


def fitting_px(texts: Iterable[str], room_px: float | int, size_px: int) -> int:
    """The height of letters, at most size_px, at which each of the texts fits into the room."""
    for text in texts:
        while size_px > SMALLEST_PX and _font(size_px).getlength(text) > room_px:
            size_px -= 1
    return size_px


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    import matplotlib  # takes a third of a second: not before something is written

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size_px)
