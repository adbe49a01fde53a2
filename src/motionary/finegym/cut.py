"""Cutting clips out of videos: the very frames, with their own times, and no loss that the eye could see.

Frames are decoded and encoded anew, since a video can be copied from key frames only; H.264 at a constant
rate factor of 10 leaves an error of about one grey level. Key frames come often and no picture is out of
order, so that a browser steps through clips quickly.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from motionary import progress
from motionary.atomic import placed_atomically, working_in
from motionary.finegym.fetch import find_video
from motionary.finegym.plan import PlannedClip, read_rows, safe, write_rows

CLIPS_NAME = "clips.csv"
LOST_NAME = "lost.csv"
ENCODER_FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv420p10le", "yuv422p10le", "yuv444p10le")
"""Pictures that go into the encoder as they are; others become yuv420p, or yuv444p where a side is odd."""
EARLY_S = 1e-6
"""A frame this little before the start is still of the clip: times in a plan are rounded."""


@dataclass(frozen=True)
class CutConfig:
    """How clips are encoded."""

    quality: int = 10
    """libx264's constant rate factor: 1 to 12 is as good as the source to the eye."""
    preset: str = "veryfast"
    key_frame_every: int = 15


@dataclass(frozen=True)
class CutClip:
    """One clip that was cut. Times are seconds."""

    clip: str
    file: str
    """Beside this list."""
    source: str
    """The video's file."""
    label: int
    action: str
    split: str
    start: float
    """Time of the first frame in the video."""
    duration: float
    """From the first frame to the end of the last."""
    element_start: float
    """Of the annotated element, counted from the clip's first frame."""
    element_end: float
    times: str
    """"exact", or "whole seconds" where the element lies somewhere within these times."""
    frames: int
    fps: float
    """Median rate."""
    width: int
    height: int


@dataclass(frozen=True)
class Lost:
    """A planned clip that could not be cut."""

    clip: str
    reason: str


@dataclass(frozen=True)
class Piece:
    """What was cut out of a video."""

    start_s: float
    """Time of its first frame in the video."""
    times_s: tuple[float, ...]
    """Of the frames, counted from the first."""
    width: int
    height: int

    @property
    def fps(self) -> float:
        """Median frame rate."""
        return 1 / float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0

    @property
    def duration_s(self) -> float:
        """To the end of the last frame, which is taken to last as long as usual."""
        return self.times_s[-1] + (1 / self.fps if self.fps else 0.0)


def cut_clips(
    plan: Sequence[PlannedClip],
    videos: Path,
    out: Path,
    config: CutConfig | None = None,
    say: Callable[[str], None] = progress.say,
) -> tuple[list[CutClip], list[Lost]]:
    """Cut a plan's clips out of its videos; clips that are there already, cut alike, are left.

    Args:
        plan: The clips.
        videos: Folder of the videos, from `motionary finegym fetch`.
        out: Folder of the clips; clips.csv there lists them, lost.csv those that could not be cut.
        config: How they are encoded.
        say: Told what was lost, one line each.

    Raises:
        ValueError: If another run works on the folder.
    """
    with working_in(out):
        return _cut_all(plan, videos, out, config or CutConfig(), say)


def _cut_all(
    plan: Sequence[PlannedClip], videos: Path, out: Path, config: CutConfig, say: Callable[[str], None]
) -> tuple[list[CutClip], list[Lost]]:
    cut, lost = [], []
    for clip in progress.each(plan, "cutting", unit="clip"):
        source = find_video(videos, clip.video)
        file = out / f"{clip.clip}.mp4"
        try:
            if source is None:
                raise ValueError(f"there is no video {clip.video} in {videos}")
            piece = _known(file, source, clip, config) or cut_piece(
                source, clip.start, clip.end, file, config, _mark(source, clip, config)
            )
            if clip.times == "exact" and piece.start_s + piece.duration_s < clip.element_end - 1 / max(
                piece.fps, 1
            ):
                file.unlink()
                raise ValueError(
                    f"the video ends at {piece.start_s + piece.duration_s:.2f} s, within the element"
                )
            cut.append(_cut_clip(clip, source, file, piece))
        except ValueError as error:
            lost.append(Lost(clip.clip, str(error)))
            if source is not None:
                say(f"{clip.clip}: {error}")
    write_rows(out / CLIPS_NAME, cut, CutClip)
    write_rows(out / LOST_NAME, lost, Lost)
    return cut, lost


def read_clips(folder: Path) -> list[CutClip]:
    """The list of a folder of clips.

    Raises:
        FileNotFoundError: If there is none, or a clip is not there.
        ValueError: If it is damaged.
    """
    clips: list[CutClip] = read_rows(folder / CLIPS_NAME, CutClip, "motionary finegym cut")
    for clip in clips:
        if not (safe(clip.file) and safe(clip.action) and safe(clip.clip)):
            raise ValueError(f"{folder / CLIPS_NAME}: {clip.file!r} or {clip.action!r} is no file name.")
        if not (folder / clip.file).is_file():
            raise FileNotFoundError(f"{folder / clip.file} is gone; run `motionary finegym cut` again.")
    return clips


def cut_piece(
    source: Path, start_s: float, end_s: float, out: Path, config: CutConfig, mark: str = ""
) -> Piece:
    """Write the frames of a video shown first at start_s or later and before end_s, at their own times.

    Args:
        source: The video.
        start_s: Counted from the video's first frame.
        end_s: Likewise.
        out: The .mp4 file, whole or not there.
        config: How it is encoded.
        mark: Kept in the file.

    Raises:
        ValueError: If the video cannot be read, or shows nothing then.
    """
    try:
        with placed_atomically(out) as temporary, _opened(source) as container:
            stream = container.streams.video[0]
            frames = _frames(container, stream, start_s, end_s)
            return _encode(frames, stream, temporary, config, mark)
    except av.FFmpegError as error:
        raise ValueError(f"{source} cannot be read from {start_s:g} s on ({error.strerror})") from None


def _opened(source: Path) -> Any:
    try:
        container = av.open(str(source))
    except (av.FFmpegError, OSError) as error:
        raise ValueError(f"{source} is not a readable video ({error.strerror})") from None
    if not container.streams.video:
        container.close()
        raise ValueError(f"{source} holds no pictures")
    return container


def _frames(container: Any, stream: Any, start_s: float, end_s: float) -> Iterator[Any]:
    first, base = stream.start_time or 0, stream.time_base
    begin = first + math.ceil((start_s - EARLY_S) / base)
    end = first + math.ceil((end_s - EARLY_S) / base)
    container.seek(begin, stream=stream)
    for attempt in range(2):
        nothing_yet = True
        for frame in container.decode(stream):
            if frame.pts is None:
                continue
            if nothing_yet and frame.pts > begin and attempt == 0 and begin > first:
                break  # the index led too far: from the beginning, then
            nothing_yet = False
            if frame.pts >= end:
                return
            if frame.pts >= begin:
                yield frame
        else:
            return
        container.seek(first, stream=stream)


def _encode(frames: Iterator[Any], stream: Any, path: Path, config: CutConfig, mark: str) -> Piece:
    times: list[Fraction] = []
    start = Fraction(0)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["comment"] = mark
        writing: Any = None
        for frame in frames:
            picture = _upright(frame)
            if writing is None:
                writing = _stream_like(container, stream, picture, config)
                origin = frame.pts
                start = (origin - (stream.start_time or 0)) * stream.time_base
            if times and (frame.pts - origin) * stream.time_base <= times[-1]:
                continue  # a repeated timestamp shows nothing new
            picture.pts, picture.time_base = frame.pts - origin, stream.time_base
            picture.duration, picture.pict_type = frame.duration, 0
            times.append(picture.pts * stream.time_base)
            container.mux(writing.encode(picture))
        if writing is None:
            raise ValueError("the video shows nothing then")
        container.mux(writing.encode())
        size = writing.width, writing.height
    return Piece(float(start), tuple(map(float, times)), *size)


def _stream_like(container: Any, stream: Any, picture: Any, config: CutConfig) -> Any:
    """A stream for pictures of this kind, with the source's clock, colours and shape of pixels."""
    options = {
        "crf": str(config.quality),
        "preset": config.preset,
        "bf": "0",
        "g": str(config.key_frame_every),
    }
    rate = stream.average_rate or stream.guessed_rate or Fraction(30)
    writing = container.add_stream("libx264", rate=rate, options=options)
    writing.width, writing.height, writing.pix_fmt = picture.width, picture.height, picture.format.name
    writing.codec_context.time_base = writing.time_base = stream.time_base
    context = stream.codec_context
    if context.sample_aspect_ratio:
        writing.codec_context.sample_aspect_ratio = context.sample_aspect_ratio
    for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
        setattr(writing.codec_context, name, getattr(context, name))
    return writing


def _upright(frame: Any) -> Any:
    """The picture as shown, in a format that the encoder takes."""
    odd = frame.width % 2 or frame.height % 2
    if frame.format.name not in ENCODER_FORMATS or (odd and "420" in frame.format.name):
        frame = frame.reformat(format="yuv444p" if odd else "yuv420p")
    turns = round(frame.rotation / 90) % 4
    if not turns:
        return frame
    flat = frame.reformat(format="yuv444p")
    planes = np.rot90(flat.to_ndarray(), turns, axes=(1, 2))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(planes), format="yuv444p").reformat(
        format="yuv420p"
    )


def _mark(source: Path, clip: PlannedClip, config: CutConfig) -> str:
    """What a clip was made of and how, to know it again."""
    state = source.stat()
    return json.dumps([source.name, state.st_size, clip.start, clip.end, config.quality, config.preset])


def _known(file: Path, source: Path, clip: PlannedClip, config: CutConfig) -> Piece | None:
    """What is in a clip that was cut before just so."""
    if not file.is_file():
        return None
    try:
        with av.open(str(file)) as container:
            if container.metadata.get("comment") != _mark(source, clip, config):
                return None
            stream = container.streams.video[0]
            assert stream.time_base is not None
            times = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
            times_s = tuple(float((time - times[0]) * stream.time_base) for time in times)
            size = stream.width, stream.height
        with _opened(source) as container:
            stream = container.streams.video[0]
            first = next(_frames(container, stream, clip.start, clip.end))
            start_s = float((first.pts - (stream.start_time or 0)) * stream.time_base)
        return Piece(start_s, times_s, *size)
    except (av.FFmpegError, ValueError, IndexError, StopIteration):
        return None


def _cut_clip(clip: PlannedClip, source: Path, file: Path, piece: Piece) -> CutClip:
    return CutClip(
        clip=clip.clip,
        file=file.name,
        source=str(source.resolve()),
        label=clip.label,
        action=clip.action,
        split=clip.split,
        start=round(piece.start_s, 6),
        duration=round(piece.duration_s, 6),
        element_start=round(max(clip.element_start - piece.start_s, 0.0), 6),
        element_end=round(min(clip.element_end - piece.start_s, piece.duration_s), 6),
        times=clip.times,
        frames=len(piece.times_s),
        fps=round(piece.fps, 4),
        width=piece.width,
        height=piece.height,
    )
