"""Videos come whole or not at all, gently, and from where it stopped; what is missing is listed."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from motionary.cli import main
from motionary.finegym.fetch import FetchConfig, fetch_videos, yt_dlp_command
from motionary.finegym.plan import PlannedClip, write_plan
from motionary.locks import alone_in

FAKE = Path(__file__).with_name("fake_yt_dlp.py")


def clip(video: str, end: float = 4.0, number: int = 0) -> PlannedClip:
    name = f"{video}_E_000000_000009_A_000{number}_000{number + 1}"
    return PlannedClip(name, video, 0.5, end + 0.5, 1.0, end, 43, "jump", "train", "exact")


def film(path: Path, seconds: float = 5.0, size: int = 64) -> Path:
    """A noisy video whose index comes first, so that half of it can be opened."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": "30"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for _ in range(int(25 * seconds)):
            picture = rng.integers(0, 255, (size, size, 3)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    film(folder / "-aaaaaaaaa_.mp4")
    for video in ("bbbbbbbbbbb", "ccccccccccc", "ddddddddddd"):
        (folder / f"{video}.mp4").write_bytes((folder / "-aaaaaaaaa_.mp4").read_bytes())
    monkeypatch.setenv("FAKE_SITE", str(folder))
    return folder


def outcomes(site: Path, video: str, *what: str) -> None:
    (site / f"{video}.json").write_text(json.dumps(what))


def asked(site: Path) -> list[str]:
    log = site / "asked.txt"
    return log.read_text().splitlines() if log.exists() else []


CONFIG = FetchConfig(pause_s=0.0, command=(sys.executable, str(FAKE)))
VIDEOS = ["-aaaaaaaaa_", "bbbbbbbbbbb", "ccccccccccc"]
PLAN = [clip(video, number=k) for video in VIDEOS for k in (0, 1)]


def fetch(out: Path, plan=PLAN, config=CONFIG):
    return fetch_videos(plan, out, config, say=lambda line: None)


def missing(out: Path) -> dict[str, str]:
    with (out / "missing.csv").open() as file:
        return {row["video"]: row["reason"] for row in csv.DictReader(file)}


def test_each_video_is_fetched_once_whole(site, tmp_path):
    out = tmp_path / "videos"
    fetched = fetch(out)
    assert list(fetched.videos) == VIDEOS
    assert (out / "-aaaaaaaaa_.mp4").read_bytes() == (site / "-aaaaaaaaa_.mp4").read_bytes()
    assert missing(out) == {}
    assert len(asked(site)) == 3
    fetch(out)
    assert len(asked(site)) == 3
    assert list((out / ".partial").iterdir()) == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Video unavailable. This video has been removed by the uploader", "gone"),
        ("Video unavailable. This video is no longer available because the YouTube account associated with "
         "this video has been terminated.", "gone"),
        ("Private video. Sign in if you've been granted access to this video", "private"),
        ("Video unavailable. This video is private", "private"),
        ("Sign in to confirm your age. This video may be inappropriate for some users.", "age"),
        ("The uploader has not made this video available in your country", "region"),
    ],
)  # fmt: skip
def test_what_is_gone_is_listed_and_not_asked_for_again(message, reason, site, tmp_path):
    out = tmp_path / "videos"
    outcomes(site, "bbbbbbbbbbb", message)
    fetched = fetch(out)
    assert missing(out) == {"bbbbbbbbbbb": reason}
    assert [(item.clips, message in item.message) for item in fetched.missing] == [(2, True)]
    assert sorted(fetched.videos) == [VIDEOS[0], VIDEOS[2]]
    fetch(out)
    assert len(asked(site)) == 3
    outcomes(site, "bbbbbbbbbbb", "ok")
    again = FetchConfig(pause_s=0.0, command=CONFIG.command, again=True)
    assert len(fetch(out, config=again).videos) == 3
    assert missing(out) == {}


def test_half_a_video_is_not_taken_and_is_gone_on_with(site, tmp_path):
    out, whole = tmp_path / "videos", (site / "bbbbbbbbbbb.mp4").stat().st_size
    outcomes(site, "bbbbbbbbbbb", "half", "ok")
    assert "bbbbbbbbbbb" not in fetch(out).videos
    assert missing(out) == {"bbbbbbbbbbb": "failed"}
    assert not list(out.glob("bbb*"))
    assert "bbbbbbbbbbb" in fetch(out).videos
    assert asked(site)[-1] == f"bbbbbbbbbbb ok {whole // 2}"
    assert (out / "bbbbbbbbbbb.mp4").read_bytes() == (site / "bbbbbbbbbbb.mp4").read_bytes()
    assert missing(out) == {}


def test_a_half_file_that_is_called_whole_is_not_taken(site, tmp_path):
    out = tmp_path / "videos"
    outcomes(site, "bbbbbbbbbbb", "short", "ok")
    fetched = fetch(out)
    assert "bbbbbbbbbbb" not in fetched.videos
    assert re.search("ends before|damaged", fetched.missing[0].message)
    assert "bbbbbbbbbbb" in fetch(out).videos
    assert asked(site)[-1] == "bbbbbbbbbbb ok 0"


def test_a_video_shorter_than_the_plan_says_is_still_taken_whole(site, tmp_path):
    assert "bbbbbbbbbbb" in fetch(tmp_path / "videos", [clip("bbbbbbbbbbb", end=500.0)]).videos


def hear_ctrl_c():
    """Shells start what they run in the background deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_fetch_goes_on_where_it_was(stop, site, tmp_path):
    out, whole = tmp_path / "videos", (site / "ccccccccccc.mp4").stat().st_size
    outcomes(site, "ccccccccccc", "hang", "ok")
    write_plan(PLAN, tmp_path / "plan.csv")
    program = tmp_path / "yt-dlp"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} "$@"\n')
    program.chmod(0o755)
    words = ["finegym", "fetch", tmp_path / "plan.csv", "--out", out, "--pause", "0.0", "--yt-dlp", program]
    words = [str(word) for word in words]
    running = subprocess.Popen(
        [sys.executable, "-m", "motionary", *words],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )
    part = out / ".partial/ccccccccccc.mp4.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, stop)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == (130 if stop == signal.SIGINT else -stop)
    assert b"Traceback" not in errors
    assert sorted(path.stem for path in out.glob("*.mp4")) == VIDEOS[:2]
    main(words)
    assert sorted(path.stem for path in out.glob("*.mp4")) == VIDEOS
    assert asked(site)[2:] == [f"ccccccccccc hang {0}", f"ccccccccccc ok {whole // 2}"]


def test_a_busy_site_is_left_alone(site, tmp_path):
    outcomes(site, VIDEOS[0], "Unable to download API page: HTTP Error 429: Too Many Requests")
    fetched = fetch(tmp_path / "videos")
    assert "patience" in fetched.stopped
    assert len(asked(site)) == 1
    outcomes(site, VIDEOS[0], "Sign in to confirm you're not a bot.")
    assert "patience" in fetch(tmp_path / "videos").stopped
    assert len(asked(site)) == 2


def test_failures_in_a_row_stop_it(site, tmp_path):
    plan = [clip(f"eeeeeeeeee{k}") for k in range(9)]
    for planned in plan:
        outcomes(
            site, planned.video, "Unable to download webpage: <urlopen error [Errno -3] name resolution>"
        )
    fetched = fetch(tmp_path / "videos", plan)
    assert "connection" in fetched.stopped
    assert len(asked(site)) == len(fetched.missing) == 4


def test_there_is_a_pause_between_videos(site, tmp_path):
    start = time.monotonic()
    fetch(tmp_path / "videos", config=FetchConfig(pause_s=0.4, command=CONFIG.command))
    assert time.monotonic() - start > 2 * 0.4


def test_the_command_lists_what_is_missing(site, tmp_path, capsys):
    outcomes(site, "bbbbbbbbbbb", "Private video")
    write_plan(PLAN, tmp_path / "plan.csv")
    program = tmp_path / "yt-dlp"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} "$@"\n')
    program.chmod(0o755)
    words = ["--out", tmp_path / "out", "--pause", "0.0", "--yt-dlp", program]
    main(["finegym", "fetch", str(tmp_path / "plan.csv"), *map(str, words)])
    printed = capsys.readouterr().out
    assert "2 of 3 videos, 4 of 6 clips" in printed
    assert "1 missing, and 2 clips with them" in printed
    with pytest.raises(SystemExit):
        main(["finegym", "fetch", str(tmp_path / "plan.csv"), "--rate", "fast", *map(str, words)])
    assert "got 'fast'" in capsys.readouterr().err


class Server(BaseHTTPRequestHandler):
    """Gives one file, in parts where asked, and breaks the first connection half-way."""

    content = b""
    ranges: list[str]

    def do_HEAD(self):
        self.reply(b"")

    def do_GET(self):
        asked = self.headers.get("Range", "bytes=0-")
        self.ranges.append(asked)
        start = int(re.match(r"bytes=(\d+)", asked)[1])
        body = self.content[start:]
        self.reply(body, start)

    def reply(self, body, start=0):
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(self.content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_the_installed_yt_dlp_understands_what_it_is_told(tmp_path):
    """A server of our own in the site's place: a whole file, a missing one, and one half there."""
    pytest.importorskip("yt_dlp")
    Server.content, Server.ranges = film(tmp_path / "film.mp4").read_bytes(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    out, half = tmp_path / "videos", len(Server.content) // 2
    (out / ".partial").mkdir(parents=True)
    (out / ".partial/bbbbbbbbbbb.mp4.part").write_bytes(Server.content[:half])
    try:
        address = f"http://127.0.0.1:{server.server_port}/{{video}}.mp4"
        config = FetchConfig(pause_s=0.0, address=address, command=yt_dlp_command())
        plan = [clip("-aaaaaaaaa_"), clip("bbbbbbbbbbb"), clip("missing0000")]
        fetched = fetch_videos(plan, out, config, say=lambda line: None)
    finally:
        server.shutdown()
    assert sorted(fetched.videos) == ["-aaaaaaaaa_", "bbbbbbbbbbb"], fetched.missing
    assert all(path.read_bytes() == Server.content for path in fetched.videos.values())
    assert any(asked.startswith(f"bytes={half}") for asked in Server.ranges)
    assert [(item.video, item.reason) for item in fetched.missing] == [("missing0000", "gone")]


def test_two_do_not_fetch_into_one_folder(tmp_path):
    config = FetchConfig(pause_s=0.0, command=(sys.executable, str(FAKE)))
    with alone_in(tmp_path / "out"), pytest.raises(ValueError, match=r"Another run is working on .*out"):
        fetch_videos([clip("bbbbbbbbbbb")], tmp_path / "out", config)
