"""Video files as a stream of frames with their true timestamps (PyAV), rotated as they are to be shown.

Frames stay in the decoder's own YUV 4:2:0 planes: a network that looks at one region of a frame pays for that
region alone, not for a colour conversion of the whole picture.
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import av
import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from motionary.limits import limits

Item = TypeVar("Item")

BLACK_YUV = (16, 128, 128)
"""Studio-range black."""
FULL_RANGE = np.clip((np.arange(256) - 16) * 255 // 219, 0, 255).astype(np.uint8)
"""Studio range (16 to 235) stretched to 0 to 255."""

LONGEST_PAUSE_S = 3600.0
"""Between two pictures."""
FASTEST_FPS = 1000.0
"""Of a video; what follows one another faster has damaged timestamps."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video's header says and what was decoded of it."""

    name: str
    width: int
    """Pixels as shown, after rotation."""
    height: int
    fps: float
    """Median frame rate of the decoded frames."""
    frames: int
    """Decoded frames."""
    duration_s: float
    """From the first decoded frame to the end of the last."""
    note: str = ""
    """What was wrong with the file, if anything."""


@dataclass(frozen=True)
class Frame:
    """One decoded picture. Positions are continuous: the first pixel covers 0 to 1, its centre is at 0.5."""

    index: int
    time_s: float
    """Seconds after the first frame."""
    planes: tuple[UInt8[ndarray, "H W"], UInt8[ndarray, "h w"], UInt8[ndarray, "h w"]]
    """Y, U and V as stored in the file, before rotation."""
    quarter_turns: int = 0
    """Counter-clockwise quarter turns from the stored to the shown picture."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as shown."""
        height, width = self.planes[0].shape
        return (height, width) if self.quarter_turns % 2 else (width, height)

    def rgb(self) -> UInt8[ndarray, "H W 3"]:
        """The whole picture as shown."""
        height, width = self.planes[0].shape
        chroma = [
            cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in self.planes[1:]
        ]
        picture = cv2.cvtColor(np.dstack([self.planes[0], chroma[1], chroma[0]]), cv2.COLOR_YCrCb2RGB)
        return np.ascontiguousarray(np.rot90(cv2.LUT(picture, FULL_RANGE), self.quarter_turns))

    def crop(
        self, T_image_crop: Float[ndarray, "2 3"], size: int, *, black_border: bool = False
    ) -> UInt8[ndarray, "size size 3"]:
        """A square RGB picture of part of the frame.

        Args:
            T_image_crop: Affine map from positions in the crop (0 to size) to positions in the shown image,
                pixels.
            size: Side in pixels, even.
            black_border: Black outside the image; the border's pixels repeated otherwise.
        """
        T_stored = self._stored_from_shown() @ np.vstack([T_image_crop, [0, 0, 1]])
        halve, double = np.diag([0.5, 0.5, 1]), np.diag([2.0, 2.0, 1])
        luma = _warp(self.planes[0], T_stored, size, BLACK_YUV[0] if black_border else None)
        border = BLACK_YUV[1] if black_border else None
        chroma = [_warp(plane, halve @ T_stored @ double, size // 2, border) for plane in self.planes[1:]]
        stacked = np.concatenate([plane.reshape(-1) for plane in (luma, *chroma)]).reshape(-1, size)
        return cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420)

    def _stored_from_shown(self) -> Float[ndarray, "3 3"]:
        width, height = self.size
        turns = {
            0: np.eye(3),
            1: np.array([[0, -1, height], [1, 0, 0], [0, 0, 1]]),
            2: np.array([[-1, 0, width], [0, -1, height], [0, 0, 1]]),
            3: np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1]]),
        }
        return turns[self.quarter_turns % 4].astype(float)


def declared_frames(path: Path) -> int:
    """Frames of a video by its header alone; 0 where it does not say, or is none."""
    if not path.is_file():  # opening a pipe would wait for whoever writes to it
        return 0
    try:
        with av.open(str(path)) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                return 0
            seconds = float((container.duration or 0) / av.time_base)
            return int(stream.frames or seconds * float(stream.average_rate or 0))
    except (av.FFmpegError, OSError, ValueError):
        return 0


class Video:
    """A video file opened for one pass over its frames.

    `facts()` tells what was decoded once the pass is over.

    Attributes:
        declared_frames: As the header says; 0 where it does not.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"No video at {self.path}.")
        try:
            self._container = av.open(str(self.path))
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(
                f"{self.path} is not a readable video ({reason}); give an MP4, MOV, MKV or AVI."
            ) from None
        if not self._container.streams.video:
            self._container.close()
            raise ValueError(f"{self.path} is not a readable video: it holds no pictures.")
        self._stream = self._container.streams.video[0]
        try:
            self._check_picture()
        except ValueError:
            self._container.close()
            raise
        self._stream.thread_type = "SLICE"  # frame threads cost more than they gain beside the networks
        rate = self._stream.average_rate or self._stream.guessed_rate
        self._nominal_fps = float(rate) if rate else 30.0
        self.declared_frames = int(self._stream.frames)
        if self._stream.duration and self._stream.time_base:
            self._declared_s = float(self._stream.duration * self._stream.time_base)
        else:
            self._declared_s = (self._container.duration or 0) / av.time_base
        self._times: list[float] = []
        self._size = (0, 0)
        self._bad_packets = 0

    def _check_picture(self) -> None:
        """Refuse pictures that are larger than the limits allow, before one is decoded."""
        context = self._stream.codec_context
        if context is None:
            raise ValueError(f"{self.path} is not a readable video: its pictures are coded in no known way.")
        limits().check("picture_px", context.width * context.height, self.path)

    def frames(self) -> Iterator[Frame]:
        """Frames in the order they are shown; a background thread decodes a few ahead.

        Raises:
            ValueError: If not one frame could be decoded.
        """
        yield from _ahead(self._decoded(), depth=8)
        if not self._times:
            raise ValueError(f"{self.path} holds no decodable frame; the file is empty or damaged.")

    def facts(self) -> VideoFacts:
        """What was decoded so far."""
        steps = np.diff(self._times)
        fps = min(float(1 / np.median(steps)), FASTEST_FPS) if len(steps) else self._nominal_fps
        declared, got = self.declared_frames, len(self._times)
        duration = (self._times[-1] + 1 / fps) if self._times else 0.0
        note = ""
        if self._bad_packets or got < 0.98 * declared or duration < 0.9 * self._declared_s - 0.2:
            of = f" of {declared}" if declared else ""
            note = f"damaged or cut short: {got}{of} frames could be decoded"
        return VideoFacts(self.path.name, *self._size, _tidy(fps), got, duration, note)

    def _decoded(self) -> Iterator[Frame]:
        with self._container:
            for decoded in self._pictures():
                time_s = decoded.time if decoded.time is not None else len(self._times) / self._nominal_fps
                if not self._times:
                    first_s = time_s
                elif time_s - first_s <= self._times[-1]:
                    continue  # a repeated or backward timestamp shows nothing new
                elif time_s - first_s > self._times[-1] + LONGEST_PAUSE_S:
                    self._bad_packets += 1  # a damaged timestamp would stretch the video over years
                    continue
                frame = _as_frame(decoded, len(self._times), time_s - first_s)
                if not self._times:
                    self._size = frame.size
                elif frame.size != self._size:
                    continue  # a stream that changes its size midway is read as far as the size holds
                self._times.append(frame.time_s)
                yield frame

    def _pictures(self) -> Iterator[Any]:
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError:
                    self._bad_packets += 1
        except av.FFmpegError:
            self._bad_packets += 1


def _as_frame(decoded: Any, index: int, time_s: float) -> Frame:
    even = (decoded.width // 2 * 2, decoded.height // 2 * 2)
    if decoded.format.name != "yuv420p" or even != (decoded.width, decoded.height):
        decoded = decoded.reformat(width=even[0], height=even[1], format="yuv420p")
    planes = tuple(
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in decoded.planes
    )
    return Frame(index, time_s, planes, round(decoded.rotation / 90) % 4)  # type: ignore[arg-type]


def _warp(
    plane: UInt8[ndarray, "H W"], T_plane_out: Float[ndarray, "3 3"], size: int, fill: int | None
) -> ndarray:
    half_in, half_out = np.eye(3), np.eye(3)
    half_in[:2, 2], half_out[:2, 2] = -0.5, 0.5  # OpenCV counts positions from the first pixel's centre
    matrix = (half_in @ T_plane_out @ half_out)[:2]
    corners = T_plane_out[:2] @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
    left, top, right, bottom = np.maximum([*corners.min(1), *corners.max(1)], 0).astype(int)
    plane[top : bottom + 2, left : right + 2].max(initial=0)  # reading in order fetches it twice as fast
    border = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, matrix, (size, size), flags=flags, borderMode=border, borderValue=fill or 0)


def _tidy(fps: float) -> float:
    """The usual rate within a thousandth, since timestamps are rounded: 29.97, 60, ..."""
    usual = [*range(1, 241), *(rate * 1000 / 1001 for rate in (24, 30, 48, 60, 120, 240))]
    nearest = min(usual, key=lambda rate: abs(rate - fps))
    return float(nearest) if abs(nearest - fps) < 1e-3 * fps else fps


def _ahead(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """The same items, up to `depth` ahead in a background thread; errors arrive where they belong."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not stop.is_set():
            try:
                return ready.put((kind, value), timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if stop.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    worker = threading.Thread(target=work, daemon=True, name="video-decoder")
    worker.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
        worker.join()
