"""The studio's page: a scene, a player, and the controls of a folder or a model."""

import io
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from threading import Event, RLock, Thread
from time import perf_counter
from typing import Any

import viser
from jaxtyping import Float
from numpy import ndarray

from motionary.body.assets import load_body
from motionary.export.render import colours_for
from motionary.export.scene import MOST_FACES, add_floor, add_person, aim, bone_tracks, pose_bones
from motionary.export.surface import Surface
from motionary.generation import generate
from motionary.models.checkpoint import Model
from motionary.motion import Motion
from motionary.studio.player import Player
from motionary.studio.source import MotionFolder, side_by_side

HOST = "127.0.0.1"
TICKS_PER_S = 30.0
MOST_PEOPLE = 4
LONGEST_S = 60.0
DEFAULT_S = 3.0  # for models that learned no length


@dataclass(frozen=True)
class Person:
    """Somebody in the scene."""

    mesh: viser.MeshSkinnedHandle
    wxyz: Float[ndarray, "T 24 4"]
    positions_m: Float[ndarray, "T 24 3"]

    def show(self, frame: int) -> None:
        """Take the pose of a frame, or of the last one after the end."""
        frame = min(frame, len(self.wxyz) - 1)
        pose_bones(self.mesh, self.wxyz[frame], self.positions_m[frame])


class Studio:
    """A page that plays motions. `start` one and `stop` it; what its controls do, its methods do too."""

    def __init__(self, source: Model | MotionFolder, server: viser.ViserServer, surface: Surface):
        self.source = source
        self.server = server
        self.player = Player()
        self.people: list[Person] = []
        self._surface = surface
        self._lock = RLock()  # clicks come in threads of their own
        self._ended = Event()
        self._clock = Thread(target=self._run, daemon=True)

    @classmethod
    def start(cls, source: Model | MotionFolder, port: int = 0) -> "Studio":
        """Serve a page on this machine alone, showing the first of what there is.

        Args:
            source: From `open_source`.
            port: 0 takes any free one.

        Raises:
            ValueError: If the port is not free.
        """
        surface = Surface.of(load_body(), MOST_FACES)
        studio = cls(source, _serve_on(port), surface)
        choose_first = studio._add_choice()
        studio._add_player()
        choose_first()
        studio._clock.start()
        return studio

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server.get_port()}"

    def stop(self) -> None:
        """End the page and free its port."""
        self._ended.set()
        self._clock.join()
        with redirect_stdout(io.StringIO()):
            self.server.stop()

    def choose(self, name: str) -> None:
        """Show a motion of the folder."""
        assert isinstance(self.source, MotionFolder)
        self.show([self.source.load(name)])

    def perform(self, action: str, num: int = 1, seconds: float = DEFAULT_S, seed: int = 0) -> None:
        """Have the model perform an action anew by num people side by side."""
        assert isinstance(self.source, Model)
        self.show(side_by_side(generate(self.source, action, num, seconds=seconds, seed=seed)))

    def show(self, motions: Sequence[Motion]) -> None:
        """Play motions that happen together, from their start, instead of what was there."""
        body, colours = self._surface.body, colours_for(len(motions))
        with self._lock, self.server.atomic():
            # A mesh is replaced by name or hidden: a page of viser 1.1 goes blank when one is removed.
            for person in self.people[len(motions) :]:
                person.mesh.visible = False
            self.people = [
                Person(
                    add_person(self.server, f"/person_{index}", motion, self._surface, colours[index]),
                    *bone_tracks(motion, body),
                )
                for index, motion in enumerate(motions)
            ]
            self.player.insert(max(map(len, motions)), motions[0].fps)
            self.seek(0)
            self._frame.max = max(self.player.num_frames - 1, 1)
            clients = self.server.get_clients().values()
            for camera in (self.server.initial_camera, *(client.camera for client in clients)):
                aim(camera, motions, body)
        first, seconds = motions[0], self.player.num_frames / self.player.fps
        label = f"{first.action}, " if first.action else ""
        self._said.value = f"{label}{seconds:.2f} s, {self.player.num_frames} frames at {first.fps:g}/s"

    def seek(self, frame: int) -> None:
        """Show one frame."""
        with self._lock:
            self.player.seek(frame)
            self._draw()

    def play(self, playing: bool) -> None:
        """Go on or hold."""
        with self._lock:
            self.player.playing = playing
            self._play.label = "Pause" if playing else "Play"

    def tick(self, elapsed_s: float) -> None:
        """Let seconds go by."""
        with self._lock:
            before = self.player.frame
            self.player.advance(elapsed_s)
            if self.player.frame != before:
                self._draw()

    def _draw(self) -> None:
        with self.server.atomic():
            for person in self.people:
                person.show(self.player.frame)
            self._frame.value = self.player.frame

    def _run(self) -> None:
        """Keep time while anybody is looking."""
        before = perf_counter()
        while not self._ended.wait(1 / TICKS_PER_S):
            now = perf_counter()
            if self.server.get_clients():
                self.tick(now - before)
            before = now

    def _add_choice(self) -> Callable[..., None]:
        """Controls that choose a motion; returns what they call."""
        if isinstance(self.source, MotionFolder):
            return self._add_folder(self.source)
        return self._add_model(self.source)

    def _add_folder(self, folder: MotionFolder) -> Callable[..., None]:
        name = self.server.gui.add_dropdown("Motion", folder.names)
        choose = self._answering(lambda: self.choose(name.value))
        name.on_update(choose)
        return choose

    def _add_model(self, model: Model) -> Callable[..., None]:
        gui = self.server.gui
        learned_s = model.num_frames / model.fps if model.num_frames > 0 else DEFAULT_S
        action = gui.add_dropdown("Action", model.actions)
        people = gui.add_slider("People", 1, MOST_PEOPLE, 1, 1)
        seconds = gui.add_number("Seconds", round(learned_s, 2), min=0.1, max=LONGEST_S, step=0.01)
        seed = gui.add_number("Seed", 0, min=0, step=1)
        perform = self._answering(
            lambda: self.perform(action.value, people.value, seconds.value, int(seed.value))
        )
        gui.add_button("Perform").on_click(perform)
        return perform

    def _add_player(self) -> None:
        gui = self.server.gui
        self._play: Any = gui.add_button("Pause")
        self._play.on_click(lambda _: self.play(not self.player.playing))
        self._frame: Any = gui.add_slider("Frame", 0, 1, 1, 0)
        self._frame.on_update(self._scrub)
        speed = gui.add_slider("Speed", 0.1, 2.0, 0.1, 1.0)
        speed.on_update(lambda _: setattr(self.player, "speed", speed.value))
        self._said: Any = gui.add_text("Shown", "", disabled=True, multiline=True)

    def _scrub(self, event: Any) -> None:
        if event.client_id is not None:  # moved by a hand, not by playing
            self.play(False)
            self.seek(event.target.value)

    def _answering(self, act: Callable[[], None]) -> Callable[..., None]:
        """A callback that says on the page what went wrong; clicks wait for one another."""

        def answer(_: Any = None) -> None:
            with self._lock:
                try:
                    act()
                except (ValueError, OSError) as error:
                    self._said.value = str(error)

        return answer


def _serve_on(port: int) -> viser.ViserServer:
    """A server that keeps to this machine and this port."""
    try:
        with socket.socket() as probe:  # viser would go on to the next port, or hang beyond the last
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
    except (OSError, OverflowError) as error:
        raise ValueError(f"Port {port} cannot be used ({error}); give another with --port.") from None
    # Browsers open spare connections and drop them, which websockets reports with a traceback.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    with redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host=HOST, port=port, label="Motionary", verbose=False)
    server.request_share_url = lambda verbose=True: None  # type: ignore[method-assign]  # no public tunnel
    add_floor(server)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    return server
