"""Drawing people with OpenGL off screen, by EGL: on a graphics card or, without one, Mesa's llvmpipe."""

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from motionary.export.camera import Camera
from motionary.export.shading import GLSL, Colour
from motionary.export.surface import vertex_normals

EGL: dict[str, Any] = {"backend": "egl", "libegl": "libEGL.so.1", "libgl": "libGL.so.1"}
SAMPLES = 4
MOST_CANVASES = 8
"""Of different size, kept for the next picture."""
NEAREST_M, FARTHEST_M = 0.05, 200.0

VERTEX_SHADER = f"""
#version 330
uniform mat4 camera_to_clip;
uniform vec3 colour;
in vec3 point;
in vec3 normal;
out vec3 shaded;
{GLSL}
void main() {{
    shaded = shade(normal, point, colour);
    gl_Position = camera_to_clip * vec4(point, 1.0);
}}
"""
# Faces are a few pixels large: to light their corners is enough, and less work for a processor.
FRAGMENT_SHADER = """
#version 330
in vec3 shaded;
out vec4 rgba;
void main() {
    rgba = vec4(shaded, 1.0);
}
"""


class OpenGl:
    """Smooth-shaded, antialiased people on the machine's OpenGL. Faces must wind outward.

    Raises whatever moderngl raises where EGL or OpenGL 3.3 is missing.
    """

    most_faces = 14_000

    def __init__(self) -> None:
        import moderngl

        self._moderngl = moderngl
        self._context = moderngl.create_context(standalone=True, **EGL)
        self._program = self._context.program(vertex_shader=VERTEX_SHADER, fragment_shader=FRAGMENT_SHADER)
        self._canvases: dict[tuple[int, int], tuple[Any, Any]] = {}
        # moderngl keeps contexts until they are released, and drivers allow only so many.
        weakref.finalize(self, self._context.release).atexit = False

    def people(
        self,
        people: Sequence[Float[ndarray, "V 3"]],
        faces: Int[ndarray, "F 3"],
        camera: Camera,
        colours: Sequence[Colour],
    ) -> UInt8[ndarray, "H W 4"]:
        """The people alone on a clear picture, colours multiplied by alpha."""
        with self._context:
            canvas, resolved = self._canvas(camera.width, camera.height)
            canvas.use()
            canvas.clear(0.0, 0.0, 0.0, 0.0)
            self._context.enable(self._moderngl.DEPTH_TEST | self._moderngl.CULL_FACE)
            self._context.cull_face = "front"  # on a picture whose y points down, the back is what is seen
            self._program["camera_to_clip"] = tuple(_camera_to_clip(camera).T.ravel())  # column by column
            for vertices, colour in zip(people, colours, strict=True):
                self._draw(camera.to_camera(vertices), faces, colour)
            self._context.copy_framebuffer(resolved, canvas)
            pixels = resolved.read(components=4, alignment=1)
        return np.frombuffer(pixels, np.uint8).reshape(camera.height, camera.width, 4)

    def _draw(self, seen: Float[ndarray, "V 3"], faces: Int[ndarray, "F 3"], colour: Colour) -> None:
        self._program["colour"] = tuple(channel / 255 for channel in colour)
        corners = np.concatenate([seen, vertex_normals(seen, faces)], axis=1).astype("f4")
        vertex_buffer = self._context.buffer(corners.tobytes())
        index_buffer = self._context.buffer(faces.astype("i4").tobytes())
        layout = [(vertex_buffer, "3f 3f", "point", "normal")]
        mesh = self._context.vertex_array(self._program, layout, index_buffer)
        mesh.render()
        for resource in (mesh, vertex_buffer, index_buffer):
            resource.release()

    def _canvas(self, width: int, height: int) -> tuple[Any, Any]:
        """What is drawn on, with several samples a pixel, and what they are averaged into."""
        size = (width, height)
        if size in self._canvases:
            return self._canvases[size]
        if len(self._canvases) == MOST_CANVASES:
            for old in self._canvases.pop(next(iter(self._canvases))):
                old.release()
        gl = self._context
        samples = min(SAMPLES, gl.max_samples)
        drawn = gl.framebuffer(
            gl.renderbuffer(size, 4, samples=samples), gl.depth_renderbuffer(size, samples=samples)
        )
        self._canvases[size] = drawn, gl.framebuffer(gl.renderbuffer(size, 4))
        return self._canvases[size]


def _camera_to_clip(camera: Camera) -> Float[ndarray, "4 4"]:
    """Projection with y down: OpenGL's first row is the bottom, so what is read back starts at the top."""
    (u, v), near, far = camera.centre_px, NEAREST_M, FARTHEST_M
    return np.array(
        [
            [2 * camera.focal_px / camera.width, 0, (2 * u + 1) / camera.width - 1, 0],
            [0, 2 * camera.focal_px / camera.height, (2 * v + 1) / camera.height - 1, 0],
            [0, 0, (far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, 1, 0],
        ]
    )
