"""The panel beside the scene: what it shows and which of the studio's methods it calls."""

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

from viser import GuiApi

from motionary.studio.downloads import FORMATS
from motionary.studio.figures import label_of
from motionary.studio.source import Folders, Models
from motionary.studio.state import COLOURINGS, LONGEST_S, MOST_PEOPLE, Ask
from motionary.studio.variation import Sample

if TYPE_CHECKING:
    from motionary.studio.page import Studio

DEFAULT_S = 3.0  # for models that learned no length


class Controls:
    """Widgets. Anything that takes time goes to the studio's desk; what a browser sends is checked there."""

    def __init__(self, studio: "Studio", gui: GuiApi) -> None:
        self._studio, self._gui = studio, gui
        self._frame_shown = -1
        gui.configure_theme(show_logo=False, show_share_button=False)
        gui.main_panel.dock_right()
        self._said: Any = gui.add_text("Shown", "", disabled=True, multiline=True)
        self._add_player()
        source = studio.source
        self.ask_first = self._add_models(source) if isinstance(source, Models) else self._add_folders(source)
        if studio.real is not None:
            self._add_real()
        self._add_look()
        self._add_files()

    def say(self, text: str) -> None:
        """Tell what is shown, or what went wrong."""
        self._said.value = text

    def show_frame(self, frame: int) -> None:
        """Move the slider."""
        if frame != self._frame_shown:
            self._frame_shown = frame
            self._frame.value = frame

    def show_length(self, num_frames: int) -> None:
        """Let the slider reach the last frame."""
        self._frame.value = self._frame_shown = 0
        self._frame.max = max(num_frames - 1, 1)

    def show_playing(self, playing: bool) -> None:
        """Say what a click on the button would do."""
        self._play.label = "Pause" if playing else "Play"

    def _add_player(self) -> None:
        studio, gui = self._studio, self._gui
        self._play: Any = gui.add_button("Pause")
        self._play.on_click(lambda _: studio.play(not studio.player.playing))
        self._frame: Any = gui.add_slider("Frame", 0, 1, 1, 0)
        self._frame.on_update(self._scrub)
        speed = gui.add_slider("Speed", 0.1, 2.0, 0.1, 1.0)
        speed.on_update(lambda _: studio.speed(_number(speed.value)))

    def _scrub(self, event: Any) -> None:
        if event.client_id is not None:  # moved by a hand, not by playing
            self._studio.play(False)
            self._studio.seek(int(_number(event.target.value)))

    def _add_folders(self, folders: Folders) -> Callable[..., None]:
        name = self._gui.add_dropdown("Motion", folders.names)
        choose = self._asking("show", lambda: self._studio.choose(str(name.value)))
        name.on_update(choose)
        return choose

    def _add_models(self, models: Models) -> Callable[..., None]:
        gui, studio = self._gui, self._studio
        first = models.models[0]
        learned_s = first.num_frames / first.fps if first.num_frames > 0 else DEFAULT_S
        with gui.add_folder("Perform"):
            action = gui.add_dropdown("Action", models.actions)
            people = gui.add_slider("People", 1, MOST_PEOPLE // len(models.models) or 1, 1, 1)
            seconds = gui.add_number("Seconds", round(learned_s, 2), min=0.1, max=LONGEST_S, step=0.01)
            seed: Any = gui.add_number("Seed", 0, min=0, step=1)
            button = gui.add_button("Perform")
            another = gui.add_button("Another seed")

        def ask() -> Ask:
            num, length_s, chosen = (_number(widget.value) for widget in (people, seconds, seed))
            return Ask(str(action.value), int(num), length_s, int(chosen))

        perform = self._asking("show", lambda: studio.perform(ask()))
        button.on_click(perform)

        @another.on_click
        def _(_: Any) -> None:
            seed.value = int(_number(seed.value)) + 1
            perform()

        self._add_variation(models, ask)
        return perform

    def _add_variation(self, models: Models, ask: Callable[[], Ask]) -> None:
        """The way from what `Perform` says to another sample, of the same or of another action."""
        gui, studio = self._gui, self._studio
        with gui.add_folder("Vary", expand_by_default=False):
            action = gui.add_dropdown("To action", models.actions)
            seed = gui.add_number("To seed", 1, min=0, step=1)
            place = gui.add_slider("Variation", 0, 100, 1, 50, hint="Percent of the way to the other sample")
            whole = gui.add_button("Whole way")

        def ends() -> tuple[Sample, Sample]:
            start = ask().checked(models.actions)
            end = Ask(str(action.value), 1, 1.0, int(_number(seed.value))).checked(models.actions)
            return Sample(start.action, start.seed), Sample(end.action, end.seed)

        vary = self._asking("show", lambda: studio.vary(*ends(), _number(place.value) / 100, ask().seconds))
        for widget in (place, action, seed):
            widget.on_update(lambda event: vary() if event.client_id is not None else None)
        whole.on_click(self._asking("show", lambda: studio.whole_way(*ends(), ask().seconds)))

    def _add_real(self) -> None:
        from motionary.studio.page import MOST_REAL

        with self._gui.add_folder("Real clips"):
            num = self._gui.add_slider(
                "Nearest", 0, MOST_REAL, 1, 0, hint="Most like the first person's motion"
            )
        num.on_update(self._asking("show", lambda: self._studio.show_real(int(_number(num.value)))))

    def _add_look(self) -> None:
        gui, studio = self._gui, self._studio
        labels = {label_of(name): name for name in studio.figure_names}
        with gui.add_folder("Look", expand_by_default=False):
            follow = gui.add_checkbox("Follow", False)
            body = gui.add_dropdown("Body", tuple(labels))
            colour = gui.add_dropdown("Colour by", COLOURINGS)
            back = gui.add_button("Camera back")
        follow.on_update(lambda _: studio.follow(bool(follow.value)))
        body.on_update(
            self._asking("wear", lambda: studio.wear(labels.get(str(body.value), str(body.value))))
        )
        colour.on_update(self._asking("colour", lambda: studio.colour(str(colour.value))))
        back.on_click(lambda _: studio.look_at())

    def _add_files(self) -> None:
        gui, studio = self._gui, self._studio
        with gui.add_folder("Files"):
            format = gui.add_dropdown("Format", FORMATS)
            fetch = gui.add_button("Download")
            add = gui.add_upload_button(
                "Add a motion", mime_type=".npz,.bvh", hint=".npz or .bvh, to compare with"
            )
            clear = gui.add_button("Remove added")

        @fetch.on_click
        def _(event: Any) -> None:
            client, wanted = event.client, format.value

            def send() -> None:
                self.say(f"Making the {wanted} ...")
                made = studio.download(wanted)
                client.send_file_download(made.name, made.content, save_immediately=True)
                self.say(f"{made.name}: {len(made.content) / 1e6:.2f} MB")

            studio.desk.ask(f"download {client.client_id}", send)

        @add.on_upload
        def _(_: Any) -> None:
            file = add.value
            studio.desk.ask("add", lambda: studio.add(file.name, file.content))

        clear.on_click(self._asking("show", studio.clear_added))

    def _asking(self, kind: str, act: Callable[[], None]) -> Callable[..., None]:
        """A callback that has something done at the desk."""
        return lambda _=None: self._studio.desk.ask(kind, act)


def _number(value: Any) -> float:
    """A number that a browser sent.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"Expected a number; got {value!r}.")
    return float(value)
