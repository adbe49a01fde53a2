"""Fetching a plan's videos with yt-dlp: one after another, gently, and again from where it stopped.

A video is fetched into `.partial` and takes its place in the folder only when it was looked into up to the
last element that the plan wants of it. What cannot be had is listed in `missing.csv`; what is gone for good
is not asked for again.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from motionary import progress
from motionary.atomic import working_in
from motionary.finegym.plan import PlannedClip, read_rows, write_rows

MISSING_NAME = "missing.csv"
PARTIAL_NAME = ".partial"
REASONS = {
    "busy": r"Too Many Requests|HTTP Error 429|not a bot|rate.?limit|try again later",
    "private": r"[Pp]rivate video|video is private|members.only",
    "age": r"confirm your age|[Ii]nappropriate for some users|age.restricted",
    "region": r"available in your (country|location)|geo.?restrict",
    "gone": r"unavailable|removed|account.*terminated|no longer available|does not exist|HTTP Error 4(04|10)",
}
"""What yt-dlp's message says of why, the first that fits; "failed" for what may go better another time."""
FINAL = ("private", "age", "region", "gone")
"""Not asked for again."""
MOST_FAILURES = 4
"""After as many failures in a row something else is wrong, such as the connection."""


@dataclass(frozen=True)
class FetchConfig:
    """How gently, and what."""

    rate: str = "4M"
    """Most bytes per second, as yt-dlp takes it."""
    pause_s: float = 5.0
    """Between two videos."""
    height: int = 1080
    """Of several sizes of a video the largest up to this is taken."""
    address: str = "https://www.youtube.com/watch?v={video}"
    """Where a video is."""
    command: tuple[str, ...] = ()
    """yt-dlp; the installed one when empty."""
    again: bool = False
    """Ask again for what was gone."""


@dataclass(frozen=True)
class Missing:
    """A video that could not be had."""

    video: str
    reason: str
    clips: int
    """Of the plan, that are lost with it."""
    message: str


@dataclass(frozen=True)
class Fetched:
    """What is there after fetching."""

    videos: dict[str, Path]
    missing: tuple[Missing, ...]
    stopped: str = ""
    """Why not all were asked for."""


def fetch_videos(
    plan: Sequence[PlannedClip], out: Path, config: FetchConfig, say: Callable[[str], None] = progress.say
) -> Fetched:
    """Fetch the videos of a plan that are not there yet.

    Args:
        plan: Clips; their videos are wanted.
        out: Folder of the videos.
        config: How.
        say: Told what happens, one line each.

    Raises:
        FileNotFoundError: If yt-dlp is not installed.
        ValueError: If the rate is none, or another run works on the folder.
    """
    if not re.fullmatch(r"\d+(\.\d+)?[KMG]?", config.rate):
        raise ValueError(f"The rate is bytes per second such as 500K or 4M; got {config.rate!r}.")
    command = config.command or yt_dlp_command()
    with working_in(out):
        return _fetch_missing(plan, out, config, command, say)


def _fetch_missing(
    plan: Sequence[PlannedClip],
    out: Path,
    config: FetchConfig,
    command: Sequence[str],
    say: Callable[[str], None],
) -> Fetched:
    wanted: dict[str, list[PlannedClip]] = {}
    for clip in plan:
        wanted.setdefault(clip.video, []).append(clip)
    missing = {row.video: row for row in _known_missing(out) if row.video in wanted}
    failures, asked, stopped = 0, 0, ""
    videos = progress.each(wanted.items(), "fetching", unit="video")
    for count, (video, clips) in enumerate(videos, start=1):
        if find_video(out, video) or (
            video in missing and missing[video].reason in FINAL and not config.again
        ):
            continue
        if asked:
            time.sleep(config.pause_s)
        asked += 1
        message = _fetch(video, max(clip.element_end for clip in clips), out, command, config)
        missing.pop(video, None)
        if message:
            missing[video] = Missing(video, _reason(message), len(clips), message)
        write_rows(out / MISSING_NAME, [missing[name] for name in wanted if name in missing], Missing)
        say(f"{count}/{len(wanted)} {video}: {message or 'fetched'}")
        failures = failures + 1 if message and missing[video].reason not in FINAL else 0
        if message and missing[video].reason == "busy":
            stopped = (
                "the site asks for patience: go on in some hours, with a lower --rate or a longer --pause"
            )
        elif failures == MOST_FAILURES:
            stopped = f"{failures} failures in a row: is there a connection, and is yt-dlp up to date?"
        if stopped:
            break
    here = {video: path for video in wanted if (path := find_video(out, video))}
    return Fetched(here, tuple(missing.values()), stopped)


def find_video(folder: Path, video: str) -> Path | None:
    """A video that is whole, or None."""
    if not folder.is_dir():
        return None
    found = sorted(path for path in folder.iterdir() if path.stem == video and path.is_file())
    return found[0] if found else None


def yt_dlp_command() -> tuple[str, ...]:
    """How to call yt-dlp.

    Raises:
        FileNotFoundError: If it is not installed.
    """
    if importlib.util.find_spec("yt_dlp"):
        return sys.executable, "-m", "yt_dlp"
    if program := shutil.which("yt-dlp"):
        return (program,)
    raise FileNotFoundError("yt-dlp is not installed; `pip install 'motionary[finegym]'` brings it.")


def _known_missing(out: Path) -> Iterable[Missing]:
    path = out / MISSING_NAME
    return read_rows(path, Missing, "motionary finegym fetch") if path.exists() else ()


def _fetch(video: str, until_s: float, out: Path, command: Sequence[str], config: FetchConfig) -> str:
    """Fetch one video and put it in place; returns what went wrong, nothing if all went well."""
    partial = out / PARTIAL_NAME
    partial.mkdir(parents=True, exist_ok=True)
    options = [
        "--ignore-config",
        "--no-playlist",
        "--quiet",
        "--no-warnings",
        "--continue",
        "--retries=5",
        f"--limit-rate={config.rate}",
        "--sleep-requests=1",
        "--format=bestvideo/best",  # the sound is not needed
        f"--format-sort=res:{config.height},fps,vcodec:h264",
        f"--output={video}.%(ext)s",
        "--",
        config.address.format(video=video),
    ]
    code, said = _run([*command, *options], partial)
    files = [path for path in partial.iterdir() if path.name.startswith(f"{video}.")]
    whole = [path for path in files if path.suffix not in (".part", ".ytdl", ".temp")]
    if code:
        return said or f"yt-dlp ended with exit code {code}"
    if len(whole) != 1:
        return f"yt-dlp left {len(whole)} files"
    if problem := _look_into(whole[0], until_s):
        whole[0].unlink()
        return problem
    whole[0].replace(out / whole[0].name)
    for rest in set(files) - set(whole):
        rest.unlink(missing_ok=True)
    return ""


def _run(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit code, and the last error it told of; stopping us stops it."""
    running = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, errors = running.communicate()
    except BaseException:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        raise
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")] or lines
    return running.returncode, told[-1] if told else ""


def _reason(message: str) -> str:
    return next((reason for reason, said in REASONS.items() if re.search(said, message)), "failed")


def _look_into(path: Path, until_s: float) -> str:
    """What is wrong with a file that should show pictures at a time, or up to its own end if earlier."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                return "the file holds no pictures"
            stream = container.streams.video[0]
            assert stream.time_base is not None
            first, lasts = stream.start_time or 0, (container.duration or 0) / av.time_base
            look_s = max(min(until_s, lasts or until_s) - 1.0, 0.0)
            container.seek(first + int(look_s / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.pts is not None and (frame.pts - first) * stream.time_base >= look_s:
                    return ""
    except (av.FFmpegError, OSError, ValueError) as error:
        return f"the file is damaged ({getattr(error, 'strerror', None) or error})"
    return f"the file ends before {look_s:.0f} s"
