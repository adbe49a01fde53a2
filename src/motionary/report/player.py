"""Moving bodies on a page: a mesh, its bones' motions, and a player of our own in WebGL.

A viser page of one motion takes 1.6 MB; here all motions share one mesh, and one takes some 20 kB.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.body.smpl import BodyModel
from motionary.export.scene import bone_tracks
from motionary.export.surface import Surface, strongest_weights, vertex_normals
from motionary.grounding import with_feet_on_ground
from motionary.motion import Motion

FACES = 6000
FASTEST_FPS = 30.0
LONGEST_S = 10.0
"""Of each motion on the page."""
ROOM_M = 0.7
"""Between one person's room and the next one's."""
_SCRIPT = Path(__file__).with_name("player.js")


@dataclass(frozen=True)
class Show:
    """Motions that play side by side, under one name."""

    name: str
    motions: tuple[Motion, ...]


def player(
    shows: Sequence[Show], body: BodyModel, instead: str = "The pictures on this page show them."
) -> str:
    """HTML of a player: choose a show, play, pause, scrub, slow down, turn and come closer.

    Args:
        shows: At least one, each of at least one motion.
        body: Whose skin; all are drawn with its neutral shape.
        instead: What a browser without WebGL says besides.
    """
    names = "".join(f"<option value={index}>{escape(show.name)}</option>" for index, show in enumerate(shows))
    content = {"mesh": _mesh(body), "shows": [_show(show, body) for show in shows]}
    # "<" is written otherwise, so that no name can end the script.
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    return _MARKUP.format(names=names, instead=escape(instead), data=data, script=_script())


@cache
def _script() -> str:
    return _SCRIPT.read_text(encoding="utf-8")


def _mesh(body: BodyModel) -> dict[str, str]:
    """Rest vertices, normals, faces, and the four strongest bones of each vertex."""
    surface = Surface.of(body, FACES)
    vertices = body.shape().vertices[surface.vertex_ids].numpy()
    weights = body.weights[surface.vertex_ids].numpy()
    joints, shares = strongest_weights(weights)
    return {
        "vertices": _packed(vertices, "<f4"),
        "normals": _packed(vertex_normals(vertices, surface.faces), "<f4"),
        "faces": _packed(surface.faces, "<u2"),
        "bones": _packed(joints, "u1"),
        "weights": _packed(np.round(255 * shares), "u1"),
    }


def _show(show: Show, body: BodyModel) -> dict[str, Any]:
    fps = min(max(motion.fps for motion in show.motions), FASTEST_FPS)
    motions = [with_feet_on_ground(_in_short(motion, fps), body) for motion in show.motions]
    tracks = [bone_tracks(motion, body) for motion in motions]
    rest_m = body.shape().joints.numpy()
    places_m = _side_by_side([positions for _, positions in tracks])
    people = [
        _person(wxyz, positions + place, rest_m)
        for (wxyz, positions), place in zip(tracks, places_m, strict=True)
    ]
    corners = np.concatenate(
        [(positions + place).reshape(-1, 3) for (_, positions), place in zip(tracks, places_m, strict=True)]
    )
    return {
        "fps": fps,
        "people": people,
        "low": corners.min(0).round(3).tolist(),
        "high": corners.max(0).round(3).tolist(),
    }


def _in_short(motion: Motion, fps: float) -> Motion:
    """Of the neutral shape, which the one mesh has."""
    same = Motion(motion.pose, motion.translation, motion.fps, action=motion.action).resample(fps)
    return same.crop(0, min(len(same), round(LONGEST_S * fps)))


def _side_by_side(positions_m: Sequence[Float[ndarray, "_ 24 3"]]) -> list[Float[ndarray, "3"]]:
    """Displacements that give everybody a room of their own along x, all of them about the origin."""
    widths = [float(np.ptp(points[..., 0])) for points in positions_m]
    ends = np.cumsum([width + ROOM_M for width in widths])
    places = []
    for points, width, end in zip(positions_m, widths, ends, strict=True):
        left = end - width - ROOM_M / 2 - ends[-1] / 2
        middle_z = (points[..., 2].min() + points[..., 2].max()) / 2
        places.append(np.array([left - points[..., 0].min(), 0.0, -middle_z], np.float32))
    return places


def _person(
    wxyz: Float[ndarray, "T 24 4"], positions: Float[ndarray, "T 24 3"], rest_m: Float[ndarray, "24 3"]
) -> dict[str, Any]:
    """Bones as 16-bit numbers: where a rest vertex v goes is R v + shift."""
    turned = _turn(wxyz, np.broadcast_to(rest_m, positions.shape))
    shifts = positions - turned
    scale_m = float(np.abs(shifts).max()) / 32767 or 1e-6
    return {
        "frames": len(wxyz),
        "turns": _packed(np.round(32767 * wxyz), "<i2"),
        "shifts": _packed(np.round(shifts / scale_m), "<i2"),
        "scale": scale_m,
    }


def _turn(wxyz: Float[ndarray, "*B 4"], points: Float[ndarray, "*B 3"]) -> Float[ndarray, "*B 3"]:
    """Points turned by unit quaternions: p + 2 w (v x p) + 2 v x (v x p)."""
    w, v = wxyz[..., :1], wxyz[..., 1:]
    across = 2 * np.cross(v, points)
    return points + w * across + np.cross(v, across)


def _packed(array: Any, kind: str) -> str:
    values = array.numpy() if isinstance(array, torch.Tensor) else array
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


_MARKUP = """
<div class="player"><style>
.player {{ background: #e9ebea; border-radius: 8px; overflow: hidden; margin: 1rem 0 }}
.player canvas {{ width: 100%; aspect-ratio: 16 / 8; display: block; cursor: grab; touch-action: none }}
.player .bar {{ display: flex; gap: .7rem; align-items: center; padding: .55rem .8rem; background: #dfe2e2;
  flex-wrap: wrap }}
.player select, .player button {{ font: inherit; padding: .2rem .5rem; border-radius: 5px;
  border: 1px solid #b9bfc4; background: #fff }}
.player input {{ flex: 1; min-width: 8rem }} .player output {{ min-width: 7.5rem; text-align: right;
  font-variant-numeric: tabular-nums }}
.player p {{ padding: .5rem 1rem }}
</style>
<canvas aria-label="moving bodies; drag to turn, double-click to come closer"></canvas>
<div class="bar"><select class="show" aria-label="action">{names}</select>
<button class="play" type="button">Pause</button>
<input class="frame" type="range" min="0" value="0" aria-label="time">
<select class="speed" aria-label="speed"><option value="0.25">¼ speed</option>
<option value="0.5">½ speed</option><option value="1" selected>real speed</option>
<option value="2">2 x speed</option></select>
<output></output></div>
<p hidden>This browser draws no WebGL, so nothing moves here. {instead}</p>
<script type="application/json">{data}</script>
<script>
{script}
</script></div>
"""
