"""The stage as browsers see it: bodies, captions, floor, and the messages that make one frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import viser
from jaxtyping import Float
from numpy import ndarray

from motionary.export.scene import DIMMED, add_floor, add_person, aim, bone_tracks
from motionary.export.shading import Colour
from motionary.motion import Motion
from motionary.studio.feed import Message, bone_messages, position_message
from motionary.studio.figures import Figure
from motionary.studio.state import Performer, path_of, sign, trust_colour

STAGE = "/stage"
CAPTION_ABOVE_M = 0.32
"""Of the head's joint."""
HEAD = 15


@dataclass
class Person:
    """A place on the stage and who has it."""

    index: int
    mesh: viser.MeshSkinnedHandle
    look: tuple[Any, ...]
    """What the mesh was made from."""
    caption: Any
    motion: Motion
    wxyz: Float[ndarray, "T 24 4"]
    positions_m: Float[ndarray, "T 24 3"]

    def messages(self, frame: int) -> list[Message]:
        """The pose of a frame, or of the last one after the end."""
        frame = min(frame, len(self.wxyz) - 1)
        pelvis, head = self.positions_m[frame, 0], self.positions_m[frame, HEAD]
        above = (float(pelvis[0]), float(head[1]) + CAPTION_ABOVE_M, float(pelvis[2]))
        return [
            *bone_messages(mesh_name(self.index), self.wxyz[frame], self.positions_m[frame]),
            position_message(caption_name(self.index), above),
        ]


def mesh_name(index: int) -> str:
    """Of somebody's mesh."""
    return f"{STAGE}/person_{index}"


def caption_name(index: int) -> str:
    """Of the words above somebody."""
    return f"{STAGE}/caption_{index}"


class Scene:
    """Everything three-dimensional. The stage as a whole moves under the camera when somebody is followed."""

    def __init__(self, server: viser.ViserServer) -> None:
        self.people: list[Person] = []
        self.follow = False
        self.by_trust = False
        self._server = server
        self._places: list[Person] = []
        self._way_m = np.zeros((1, 3), np.float32)
        self._layout: tuple[Any, ...] | None = None
        server.scene.add_frame(STAGE, show_axes=False)
        add_floor(server, f"{STAGE}/floor")

    def show(
        self,
        performers: Sequence[Performer],
        motions: Sequence[Motion],
        figure: Figure,
        colours: Sequence[Colour],
    ) -> None:
        """Put motions on the stage, as `arrange` has placed them, instead of what was there.

        A place keeps its mesh where the same body stands on it again: new motions then cost a browser nothing
        but poses.
        """
        with self._server.atomic():
            tracks = [bone_tracks(motion, figure.body) for motion in motions]
            for index, (performer, motion, colour) in enumerate(
                zip(performers, motions, colours, strict=True)
            ):
                self._take_place(index, performer, motion, figure, len(motions), colour, tracks[index])
            # A mesh is replaced by name or hidden: a page of viser 1.1 goes blank when one is removed.
            for person in self._places[len(motions) :]:
                person.mesh.visible = person.caption.visible = False
            self.people = self._places[: len(motions)]
            self._way_m = path_of(motions, max(map(len, motions)))
            layout = tuple((performer.row, performer.kind) for performer in performers)
            if layout != self._layout:
                self._layout = layout
                self.look_at(figure)

    def frame(self, number: int) -> list[Message]:
        """What browsers must be told to see a frame."""
        by_m = -self._way_m[min(number, len(self._way_m) - 1)] if self.follow else np.zeros(3)
        messages = [position_message(STAGE, by_m.tolist())]
        for person in self.people:
            messages += person.messages(number)
        return messages

    def recolour(self, number: int) -> None:
        """Bring colours of trust up to date; viser tells browsers only of those that changed."""
        if not self.by_trust:
            return
        for person in self.people:
            shade = dimmed(trust_colour(float(person.motion.trust[min(number, len(person.motion) - 1)])))
            if person.mesh.color != shade:
                person.mesh.color = shade

    def look_at(self, figure: Figure) -> None:
        """Turn every camera so that all people are seen."""
        clients = self._server.get_clients().values()
        motions = [person.motion for person in self.people]
        aim(self._server.initial_camera, motions, figure.body)
        for client in clients:
            aim(client.camera, motions, figure.body, client.camera.aspect)

    def _take_place(
        self,
        index: int,
        performer: Performer,
        motion: Motion,
        figure: Figure,
        num_people: int,
        colour: Colour,
        track: tuple[Float[ndarray, "T 24 4"], Float[ndarray, "T 24 3"]],
    ) -> None:
        surface = figure.surface(num_people)
        look = (figure.name, len(surface.faces), motion.betas.tobytes())
        here = self._places[index] if index < len(self._places) else None
        if here is None or here.look != look:
            mesh = add_person(self._server, mesh_name(index), motion, surface, colour)
        else:
            mesh = here.mesh
            mesh.color = dimmed(colour)
        mesh.visible = True
        words = (
            here.caption
            if here
            else self._server.scene.add_label(
                caption_name(index), performer.caption, font_screen_scale=0.85, anchor="bottom-center"
            )
        )
        words.text = sign(performer, index + 1, num_people)
        words.visible = num_people > 1
        self._places[index : index + 1] = [Person(index, mesh, look, words, motion, *track)]


def dimmed(colour: Colour) -> Colour:
    """As `add_person` gives it to viser."""
    red, green, blue = (int(channel) for channel in (np.array(colour) * DIMMED).astype(np.uint8))
    return red, green, blue
