"""The page on which a person accepts, rejects or trims clips: a small server on this machine alone.

Every address begins with a random word that only the printed address knows; clips are asked for by number,
never by path; nothing is loaded from elsewhere, which the page's policy also forbids.
"""

import json
import secrets
from collections.abc import Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any

import av

from motionary.finegym.curation import CheckedClip, Decisions
from motionary.finegym.cut import CutClip

HOST = "127.0.0.1"
POLICY = (
    "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
LONGEST_MESSAGE = 10_000
PAGES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}


class ChoosingPage:
    """Serves the page; `wait` until the person has finished, then `stop`."""

    def __init__(
        self, clips: Sequence[CutClip], checks: Sequence[CheckedClip], folder: Path, port: int = 0
    ) -> None:
        self.clips, self.folder = tuple(clips), folder
        self.checks = {check.clip: check for check in checks}
        self.decisions = Decisions(folder, clips)
        self.finished = Event()
        self._lock = RLock()
        self.token = secrets.token_urlsafe(18)
        try:
            self._server = ThreadingHTTPServer((HOST, port), partial(Answers, self))
        except (OSError, OverflowError) as error:
            raise ValueError(f"Port {port} cannot be used ({error}); give another --port, or 0.") from None
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True, name="choosing-page")
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def wait(self) -> None:
        """Until the person has finished."""
        while not self.finished.wait(0.5):
            pass

    def stop(self) -> None:
        """End the server and free its port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def describe(self) -> list[dict[str, Any]]:
        """What the page shows of every clip."""
        with self._lock:
            return [self._describe(clip) for clip in self.clips]

    def answer(self, what: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """Carry out what the page asks for.

        Raises:
            ValueError: If it asks for something that cannot be.
        """
        with self._lock:
            if what == "decide":
                start, end = float(content["start"]), float(content["end"])
                made = self.decisions.decide(content["clip"], content["choice"], start, end)
                return {"choice": made.choice, "start": made.start, "end": made.end}
            if what == "forget":
                self.decisions.forget(content["clip"])
                return {}
            if what == "finish":
                self.finished.set()
                return {}
        return None

    def _describe(self, clip: CutClip) -> dict[str, Any]:
        check, made = self.checks[clip.clip], self.decisions.made.get(clip.clip)
        return {
            "clip": clip.clip,
            "action": clip.action,
            "width": clip.width,
            "height": clip.height,
            "fps": clip.fps,
            "duration": clip.duration,
            "element": [clip.element_start, clip.element_end],
            "times": _frame_times(self.folder / clip.file),
            "verdict": check.verdict,
            "reason": check.reason,
            "suggested": {"start": check.keep_start, "end": check.keep_end},
            "rules": [[rule, found["good"], found["reason"]] for rule, found in check.rules.items()],
            "decision": {"choice": made.choice, "start": made.start, "end": made.end} if made else None,
        }


def _frame_times(file: Path) -> list[float]:
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        times = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
        return [round(float((time - times[0]) * stream.time_base), 6) for time in times]


class Answers(BaseHTTPRequestHandler):
    """Answers one request for a self._page."""

    protocol_version = "HTTP/1.1"

    def __init__(self, page: ChoosingPage, *connection: Any) -> None:
        self._page = page
        super().__init__(*connection)  # which answers

    def do_GET(self) -> None:
        """The page, what is known of the clips, or a clip."""
        what = self._asked()
        if what in PAGES:
            name, kind = PAGES[what]
            self._send(200, files("motionary.finegym").joinpath(name).read_bytes(), kind)
        elif what == "clips":
            self._tell(200, self._page.describe())
        elif (
            what
            and what.startswith("clip/")
            and what[5:].isdecimal()
            and int(what[5:]) < len(self._page.clips)
        ):
            self._send_part((self._page.folder / self._page.clips[int(what[5:])].file).read_bytes())
        else:
            self._tell(404, {"error": "There is nothing here."})

    def do_POST(self) -> None:
        """What the person wants."""
        what, length = self._asked(), self.headers.get("Content-Length", "")
        if what is None or not length.isdecimal() or int(length) > LONGEST_MESSAGE:
            self.close_connection = True
            self._tell(404, {"error": "There is nothing here."})
            return
        if self.headers.get("Content-Type") != "application/json":
            self.close_connection = True
            self._tell(415, {"error": "Expected JSON."})
            return
        try:
            answer = self._page.answer(what, json.loads(self.rfile.read(int(length))))
        except (ValueError, KeyError, TypeError) as error:
            self._tell(400, {"error": str(error)})
            return
        self._tell(200 if answer is not None else 404, answer or {})

    def _asked(self) -> str | None:
        """What is asked for, or None if the asker does not know the word or came by another name."""
        word, _, what = self.path.removeprefix("/").partition("/")
        known = secrets.compare_digest(word.encode(), self._page.token.encode())
        return what if known and self.headers.get("Host") == f"{HOST}:{self._page.port}" else None

    def _send_part(self, content: bytes) -> None:
        """A file, or the part of it that is asked for, as browsers do to step through a video."""
        begin, end = 0, len(content) - 1
        asked = self.headers.get("Range", "")
        first, dash, last = asked.removeprefix("bytes=").partition("-")
        if not (asked.startswith("bytes=") and dash and (first.isdecimal() or last.isdecimal())):
            self._send(200, content, "video/mp4")
            return
        if first:
            begin, end = int(first), min(int(last), end) if last.isdecimal() else end
        else:
            begin = max(len(content) - int(last), 0)
        if begin > end:
            self._send(416, b"", "video/mp4", {"Content-Range": f"bytes */{len(content)}"})
            return
        about = {"Content-Range": f"bytes {begin}-{end}/{len(content)}"}
        self._send(206, content[begin : end + 1], "video/mp4", about)

    def _tell(self, status: int, content: Any) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, about: dict[str, str] | None = None) -> None:
        self.send_response(status)
        fixed = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Accept-Ranges": "bytes",
        }
        for name, value in (fixed | (about or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the address holds the word."""
