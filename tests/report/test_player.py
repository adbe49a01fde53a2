"""What a page plays is what the body model says."""

import base64
import json
import re

import numpy as np
import pytest

from motionary.body.assets import load_body
from motionary.export.surface import Surface
from motionary.motion import Motion
from motionary.report.player import FACES, Show, player


@pytest.fixture(scope="module")
def body():
    return load_body()


def a_motion(seed: int, frames: int = 12, fps: float = 30.0) -> Motion:
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(0, 0.02, (frames, 3)), axis=0)
    return Motion(pose=rng.normal(0, 0.3, (frames, 24, 3)), translation=path, fps=fps)


def content(markup: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup, re.S)[1])


def unpacked(text: str, kind: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind).reshape(*shape)


def test_bones_put_the_skin_where_the_body_model_has_it(body):
    motion = a_motion(0).on_ground(body)
    told = content(player([Show("dance", (motion,))], body))
    mesh, person = told["mesh"], told["shows"][0]["people"][0]
    rest = unpacked(mesh["vertices"], "<f4", -1, 3)
    turns = unpacked(person["turns"], "<i2", 12, 24, 4) / 32767
    shifts = unpacked(person["shifts"], "<i2", 12, 24, 3) * person["scale"]
    bones = unpacked(mesh["bones"], "u1", -1, 4)
    weights = unpacked(mesh["weights"], "u1", -1, 4) / 255
    w, v = turns[:, bones, :1], turns[:, bones, 1:]
    across = 2 * np.cross(v, rest[:, None])
    placed = rest[:, None] + w * across + np.cross(v, across) + shifts[:, bones]
    played = (weights[..., None] * placed).sum(2)
    expected = Surface.of(body, FACES).vertices(motion)
    place = (played - expected).mean((0, 1))  # everybody has a place of their own in the room
    assert np.abs(played - expected - place).max() < 0.02  # weights have 8 bits, and four bones of a vertex
    assert abs(place[1]) < 0.002


def test_people_have_rooms_of_their_own(body):
    show = Show("two", (a_motion(1), a_motion(2)))
    told = content(player([show], body))["shows"][0]
    spans = []
    for person in told["people"]:
        shifts = unpacked(person["shifts"], "<i2", 12, 24, 3) * person["scale"]
        spans.append((shifts[:, 0, 0].min(), shifts[:, 0, 0].max()))
    assert spans[0][1] < spans[1][0]
    assert told["low"][0] < 0 < told["high"][0]


def test_fast_and_long_motions_are_cut_down(body):
    told = content(player([Show("long", (a_motion(3, frames=1500, fps=120.0),))], body))["shows"][0]
    assert told["fps"] == 30
    assert told["people"][0]["frames"] == 300


def test_a_name_cannot_end_the_script(body):
    markup = player([Show("</script><b>", (a_motion(4),))], body)
    assert "</script><b>" not in markup
    assert "&lt;/script&gt;&lt;b&gt;" in markup
