"""The studio: what is on the stage, what plays, and what may be asked for. Its controls call its methods."""

from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from threading import Event, RLock, Thread
from time import perf_counter
from typing import cast

import viser

from motionary.datasets.folder import Dataset
from motionary.features import face_forward
from motionary.grounding import with_feet_on_ground
from motionary.resources import give_back_memory
from motionary.studio.controls import Controls
from motionary.studio.desk import Desk
from motionary.studio.downloads import Download, make_download
from motionary.studio.feed import Feed
from motionary.studio.figures import FREE, STICKS, Figure, figure_names, load_figure
from motionary.studio.gate import Door, Gate
from motionary.studio.nearest import RealClips
from motionary.studio.player import Player
from motionary.studio.scene import Scene
from motionary.studio.server import start_server
from motionary.studio.source import Folders, Models, Source
from motionary.studio.state import COLOURINGS, MOST_PEOPLE, Ask, ColourBy, Performer, arrange, colours
from motionary.studio.uploads import limit_uploads, read_upload
from motionary.studio.variation import Sample

TICKS_PER_S = 30.0
SLIDER_EVERY_S = 0.1
"""The frame slider moves less often than the people: it costs a browser more."""
RESENT_EVERY_S = 0.25
"""A held frame is sent again so often, for browsers that come late or have just got their meshes."""
GIVE_BACK_EVERY_S = 60.0
"""Every visit leaves objects that refer to one another, 75 kB, and holes in the memory."""
MOST_ADDED = 4
MOST_REAL = 6
WHOLE_WAY = (0.0, 0.25, 0.5, 0.75, 1.0)


class Studio:
    """A page that plays motions. `start` one and `stop` it; what its controls do, its methods do too."""

    def __init__(
        self,
        source: Source,
        server: viser.ViserServer,
        gate: Gate,
        feed: Feed,
        figure: Figure,
        real: RealClips | None,
    ) -> None:
        self.source, self.real = source, real
        self.server, self.gate, self.feed = server, gate, feed
        self.player = Player()
        self.scene = Scene(server)
        self.shown: list[Performer] = []
        """Everyone on the stage."""
        self._figure, self._own_figure = figure, figure.name
        self._main: list[Performer] = []
        self._added: list[Performer] = []
        self._num_real = 0
        self._colour_by: ColourBy = "person"
        self._lock = RLock()
        self._ended = Event()
        self._clock = Thread(target=self._run, name="studio-clock", daemon=True)
        self.desk = Desk(lambda text: self.controls.say(text))
        self.controls = Controls(self, server.gui)

    @classmethod
    def start(
        cls, source: Source, door: Door | None = None, dataset: Dataset | None = None, body: str = FREE
    ) -> "Studio":
        """Serve a page, showing the first of what there is.

        Args:
            source: From `open_source`.
            door: Where, and to whom; this machine alone, on any free port, when None.
            dataset: Real clips to show beside the others.
            body: One of `figure_names`, or the path of a SMPL model.

        Raises:
            FileNotFoundError: If the body is not there.
            ValueError: If the port is not free, or the body no body.
        """
        figure = load_figure(body)
        real = None if dataset is None else RealClips(dataset, load_figure(FREE).body)
        feed = Feed()
        server, gate = start_server(door or Door(port=0), feed)
        studio = cls(source, server, gate, feed, figure, real)
        limit_uploads(server)
        studio.controls.ask_first()
        studio.desk.rest()
        studio._clock.start()
        # A later click should not wait for the mesh that many people need.
        studio.desk.ask("prepare", lambda: studio._prepare())
        return studio

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return self.gate.door.address(self.server.get_port())

    @property
    def figure_names(self) -> tuple[str, ...]:
        """Bodies to choose from."""
        return figure_names(self._own_figure)

    def stop(self) -> None:
        """End the page and free its port."""
        self._ended.set()
        if self._clock.is_alive():
            self._clock.join()
        self.desk.stop()
        with redirect_stdout(StringIO()):
            self.server.stop()

    def choose(self, name: str) -> None:
        """Show every folder's motion of a name."""
        assert isinstance(self.source, Folders)
        self._show(self.source.choose(name))

    def perform(self, ask: Ask) -> None:
        """Have every model perform an action anew."""
        assert isinstance(self.source, Models)
        self._show(self.source.perform(ask))

    def vary(self, start: Sample, end: Sample, place: float, seconds: float) -> None:
        """Show a place on the way between two samples, between the two; what plays goes on playing."""
        assert isinstance(self.source, Models)
        self._show(
            self.source.walk(start, end, (0.0, min(max(place, 0.0), 1.0), 1.0), seconds), restart=False
        )

    def whole_way(self, start: Sample, end: Sample, seconds: float) -> None:
        """Show places all along the way between two samples."""
        assert isinstance(self.source, Models)
        self._show(self.source.walk(start, end, WHOLE_WAY, seconds))

    def show_real(self, num: int) -> None:
        """Have so many of the real clips that are nearest to the first person stand behind, or none."""
        self._num_real = min(max(int(num), 0), MOST_REAL)
        self._show(self._main)

    def add(self, name: str, content: bytes) -> None:
        """Put the motion of an uploaded file beside the others."""
        motion = read_upload(name, content)
        self._added = [*self._added, Performer(motion, f"added: {motion.action}")][-MOST_ADDED:]
        self._show(self._main)

    def clear_added(self) -> None:
        """Take uploaded motions away again."""
        self._added = []
        self._show(self._main)

    def wear(self, name: str) -> None:
        """Give everyone another body."""
        if name not in self.figure_names:
            raise ValueError(f"The bodies are {', '.join(self.figure_names)}; got {name!r}.")
        self._figure = load_figure(name)
        self._show(self._main, restart=False)

    def colour(self, by: str) -> None:
        """Tell people apart, or their sources, or frames to be believed from others."""
        if by not in COLOURINGS:
            raise ValueError(f"People are coloured by {', '.join(COLOURINGS)}; got {by!r}.")
        self._colour_by = cast(ColourBy, by)
        self._show(self._main, restart=False)

    def follow(self, follow: bool) -> None:
        """Have the camera travel along, or stay."""
        with self._lock:
            self.scene.follow = bool(follow)
            self._draw()

    def look_at(self) -> None:
        """Turn every camera back so that all people are seen."""
        with self._lock, self.server.atomic():
            self.scene.look_at(self._figure)

    def download(self, format: str) -> Download:
        """Everyone on the stage in one file."""
        return make_download(self.shown, format, self._figure.body)

    def seek(self, frame: int) -> None:
        """Show one frame."""
        with self._lock:
            self.player.seek(frame)
            self._draw()
            self.controls.show_frame(self.player.frame)

    def play(self, playing: bool) -> None:
        """Go on or hold."""
        with self._lock:
            self.player.playing = playing
            self.controls.show_playing(playing)

    def speed(self, speed: float) -> None:
        """Let time go by so many times as fast."""
        with self._lock:
            self.player.speed = min(max(float(speed), 0.05), 4.0)

    def tick(self, elapsed_s: float) -> None:
        """Let seconds go by."""
        with self._lock:
            before = self.player.frame
            self.player.advance(elapsed_s)
            if self.player.frame != before:
                self._draw()

    def _show(self, main: Sequence[Performer], restart: bool = True) -> None:
        """Put people on the stage, and who goes with them."""
        if not main:
            raise ValueError("Nobody is on the stage; perform or choose something first.")
        figure, by = self._figure, self._colour_by
        everyone = [*main, *self._beside(main)]
        if figure.name not in (FREE, STICKS):  # they stand on the free body's feet so far
            everyone = [replace(one, motion=with_feet_on_ground(one.motion, figure.body)) for one in everyone]
        motions = arrange(everyone)
        num_frames = max(map(len, motions))
        with self._lock:
            self._main, self.shown = list(main), everyone
            self.scene.by_trust = by == "trust"
            self.scene.show(everyone, motions, figure, colours(everyone, by))
            position = self.player.position
            self.player.insert(num_frames, motions[0].fps)
            if not restart:
                self.player.seek(int(position))
            self._draw()
            self.controls.show_length(num_frames)
            self.controls.show_frame(self.player.frame)
            self.controls.say(describe(everyone, num_frames, motions[0].fps))

    def _beside(self, main: Sequence[Performer]) -> list[Performer]:
        """Uploaded motions and real clips, in rows of their own behind the others."""
        row = 1 + max(performer.row for performer in main)
        added = [replace(performer, row=row) for performer in self._added]
        if self.real is None or not self._num_real:
            return added
        real = [
            Performer(
                with_feet_on_ground(face_forward(clip.motion), self._figure.body),
                f"real, {clip.distance_m * 100:.0f} cm off: {clip.record.path.rpartition('/')[2][:-4]}",
                row + 1,
                "real",
            )
            for clip in self.real.nearest(main[0].motion, self._num_real)
        ]
        return [*added, *real]

    def _draw(self) -> None:
        self.scene.recolour(self.player.frame)
        self.feed.publish(self.scene.frame(self.player.frame))

    def _run(self) -> None:
        """Keep time while anybody is looking."""
        before = perf_counter()
        resent = slid = given_back = before
        while not self._ended.wait(1 / TICKS_PER_S):
            now = perf_counter()
            if now - given_back > GIVE_BACK_EVERY_S:
                given_back = now
                give_back_memory()
            if self.feed.num_browsers:
                self.tick(now - before)
                if not self.player.playing and now - resent > RESENT_EVERY_S:
                    resent = now
                    with self._lock:
                        self._draw()
                if now - slid > SLIDER_EVERY_S:
                    slid = now
                    self.controls.show_frame(self.player.frame)
            before = now

    def _prepare(self) -> None:
        self._figure.surface(MOST_PEOPLE)


def describe(performers: Sequence[Performer], num_frames: int, fps: float) -> str:
    """One line about what is shown, and a line for each real clip."""
    first = performers[0].motion
    label = f"{first.action}, " if first.action else ""
    people = f"{len(performers)} people, " if len(performers) > 1 else ""
    trust = first.trust.mean()
    doubt = f", trust {trust:.2f}" if trust < 1 else ""
    real = "".join(f"\n{performer.caption}" for performer in performers if performer.kind == "real")
    return f"{label}{people}{num_frames / fps:.2f} s, {num_frames} frames at {fps:g}/s{doubt}{real}"
