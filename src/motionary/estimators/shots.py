"""Where one camera shot ends and the next begins, frame by frame, on thumbnails of a few thousand pixels.

Two thumbnails show one shot if most blocks of the later one are found near their place in the earlier one, by
normalised cross-correlation: brightness, pans, zooms and people in fast motion leave blocks to be found, a
cut does not. Frames that hardly differ are not searched, so that the usual frame costs a thumbnail.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.estimators.video import Frame, Video

Thumbnail = Float[ndarray, "h w"]


@dataclass(frozen=True)
class ShotConfig:
    """When two pictures are of different shots. Chosen in benchmarks/shots.py."""

    thumbnail_px: int = 2304
    """About so many pixels have the thumbnails, whatever the shape of the picture (64 x 36)."""
    alike: float = 0.5
    """Mean absolute difference, in standard deviations of brightness, below which nothing is searched."""
    lost: float = 0.3
    """Mean loss of correlation (1 - best) over the blocks, above which the shots may differ."""
    rise: float = 0.15
    """They do if the loss is so much above that of the frame before: what passes close by comes gradually."""
    blocks: tuple[int, int] = (4, 3)
    """Along the longer and the shorter side."""
    reach: tuple[float, float] = (0.19, 0.16)
    """How far a block is searched, in widths and heights of the picture."""
    flat: float = 3.0
    """Standard deviation, in grey levels, below which a block or a picture shows nothing to be found."""
    bright: float = 225.0
    """Grey level of what a flash washes out."""
    flash_share: float = 0.15
    """Share of the picture that must have become bright for a flash."""
    flash_s: float = 0.12
    """A flash that lasts longer is a shot."""
    empty_s: float = 0.5
    """An empty picture that lasts longer is a shot; after a shorter one the shot before may go on."""


class ShotCuts:
    """Tells at each frame of a video whether a new shot has begun; call it with all frames in order.

    Attributes:
        start: Index of the first frame of the current shot.
    """

    def __init__(self, config: ShotConfig | None = None) -> None:
        self.config = config or ShotConfig()
        self.start = 0
        self._shown: Thumbnail | None = None
        self._loss = 0.0
        self._unsure: Frame | None = None

    def __call__(self, frame: Frame) -> bool:
        """Whether frame is known to be of a new shot.

        The answer comes with the shot's first frame, except where that is as bright as a flash or empty: then
        it comes up to `empty_s` later, and `start` lies back at the first frame.
        """
        config, now, before = self.config, thumbnail(frame, self.config), self._shown
        if before is None:
            self._shown, self.start = now, frame.index
            return False
        loss = 0.0 if difference(before, now) < config.alike else lost(before, now, config)
        if loss < max(config.lost, self._loss + config.rise):
            self._shown, self._loss, self._unsure = now, loss, None
            return False
        first = self._unsure = self._unsure or frame
        longest_s = config.empty_s if now.std() < config.flat else config.flash_s
        if frame.time_s - first.time_s < longest_s and _washed_out(before, now, config):
            return False
        self._shown, self._loss, self._unsure, self.start = now, 0.0, None, first.index
        return True


def find_cuts(video: Video, config: ShotConfig | None = None) -> list[int]:
    """Indices of the frames with which a new shot begins; the first frame of the video is not one."""
    detector = ShotCuts(config)
    return [detector.start for frame in video.frames() if detector(frame)]


def thumbnail(frame: Frame, config: ShotConfig) -> Thumbnail:
    """Brightness as stored, in grey levels, averaged over nine samples for each pixel."""
    height, width = frame.planes[0].shape
    scale = (config.thumbnail_px / (height * width)) ** 0.5
    size = max(round(width * scale), 12), max(round(height * scale), 12)
    samples = cv2.resize(frame.planes[0], (3 * size[0], 3 * size[1]), interpolation=cv2.INTER_NEAREST)
    return cv2.resize(samples, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def difference(before: Thumbnail, now: Thumbnail) -> float:
    """Mean absolute difference of brightness, each picture in its own standard deviations about its mean."""
    a, b = ((picture - picture.mean()) / (picture.std() + 4) for picture in (before, now))
    return float(np.abs(a - b).mean())


def lost(before: Thumbnail, now: Thumbnail, config: ShotConfig) -> float:
    """How little of each picture is found in the other, 0 to 1.

    Mean over the blocks of both of 1 minus the correlation where it is best. Blocks that are flat in both
    pictures are left out; 0 if all are.
    """
    height, width = now.shape
    columns, rows = config.blocks if width >= height else config.blocks[::-1]
    reach_x, reach_y = round(config.reach[0] * width), round(config.reach[1] * height)
    high, wide = height // rows, width // columns
    around = [
        cv2.copyMakeBorder(picture, reach_y, reach_y, reach_x, reach_x, cv2.BORDER_REPLICATE)
        for picture in (before, now)
    ]
    losses = []
    for top in range(0, rows * high, high):
        for left in range(0, columns * wide, wide):
            old, new = (picture[top : top + high, left : left + wide] for picture in (before, now))
            if max(old.std(), new.std()) < config.flat:
                continue
            near = [
                picture[top : top + high + 2 * reach_y, left : left + wide + 2 * reach_x]
                for picture in around
            ]
            losses += [_loss(near[0], new, config.flat), _loss(near[1], old, config.flat)]
    return float(np.mean(losses)) if losses else 0.0


def _loss(searched: Float[ndarray, "H W"], block: Thumbnail, flat: float) -> float:
    if block.std() < flat:
        return 1.0
    correlation = cv2.matchTemplate(searched, block, cv2.TM_CCOEFF_NORMED)
    return 1 - float(np.nan_to_num(correlation, nan=0.0, posinf=0.0, neginf=0.0).clip(0, 1).max())


def _washed_out(before: Thumbnail, now: Thumbnail, config: ShotConfig) -> bool:
    """Whether the picture has become empty or so bright that it may be a flash."""
    brighter = float((now > config.bright).mean() - (before > config.bright).mean())
    return bool(now.std() < config.flat) or brighter > config.flash_share
