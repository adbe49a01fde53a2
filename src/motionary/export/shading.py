"""How a body's surface takes the light; the same in numpy and in GLSL."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from motionary.export.floor import TO_LIGHT

Colour = tuple[int, int, int]
"""sRGB, 0 to 255."""

CLAY: Colour = (221, 206, 184)
"""One person alone."""
PALETTE: tuple[Colour, ...] = (
    (86, 134, 190),
    (226, 153, 60),
    (72, 160, 135),
    (190, 120, 160),
    (225, 205, 90),
    (110, 110, 115),
)
"""Several people: hues of Okabe and Ito (2008), told apart by colour-blind readers too, softened."""
EARLY: Colour = (208, 218, 230)
LATE: Colour = (62, 110, 172)
"""Where time passes, colours run from the first to the second."""

SKY, BOUNCE, KEY, SHEEN, RIM = 0.44, 0.22, 0.66, 0.08, 0.16
"""Strengths: light from above, from the floor, from the lamp, its reflection, and along the outline."""
GAMMA = 2.2

GLSL = f"""
vec3 shade(vec3 normal, vec3 point, vec3 colour) {{
    vec3 light = vec3({TO_LIGHT[0]:.6f}, {TO_LIGHT[1]:.6f}, {TO_LIGHT[2]:.6f});
    vec3 view = -normalize(point);
    float up = 0.5 - 0.5 * normal.y;
    float lamp = max(dot(normal, light), 0.0);
    float sheen = pow(max(dot(normal, normalize(light + view)), 0.0), 24.0);
    float rim = pow(1.0 - max(dot(normal, view), 0.0), 3.0);
    vec3 diffuse = pow(colour, vec3({GAMMA})) * (mix({BOUNCE}, {SKY}, up) + {KEY} * lamp);
    return pow(clamp(diffuse + {SHEEN} * sheen + {RIM} * rim * up, 0.0, 1.0), vec3(1.0 / {GAMMA}));
}}
"""


def shade(
    normals: Float[ndarray, "N 3"], points: Float[ndarray, "N 3"], colour: Colour
) -> UInt8[ndarray, "N 3"]:
    """SRGB colours of surface points; unit normals and points, metres, in the camera's frame."""
    view = -points / np.linalg.norm(points, axis=1, keepdims=True)
    half = TO_LIGHT + view
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    up = (0.5 - 0.5 * normals[:, 1])[:, None]
    lamp = np.maximum(normals @ TO_LIGHT, 0)[:, None]
    sheen = np.maximum((normals * half).sum(1), 0)[:, None] ** 24
    rim = (1 - np.maximum((normals * view).sum(1), 0))[:, None] ** 3
    linear = (np.array(colour) / 255) ** GAMMA
    lit = linear * (BOUNCE + (SKY - BOUNCE) * up + KEY * lamp) + SHEEN * sheen + RIM * rim * up
    return (np.clip(lit, 0, 1) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8)
