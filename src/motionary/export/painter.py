"""Drawing people without OpenGL: depth-sorted faces filled by OpenCV at twice the size."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from motionary.export.camera import Camera
from motionary.export.shading import Colour, shade
from motionary.export.surface import vertex_normals

SUPERSAMPLING = 2
SUBPIXEL_BITS = 4
NEAREST_M = 0.05


class Painter:
    """Draws the farthest faces first. Faces must wind outward; those that look away are left out."""

    most_faces = 7_000

    def people(
        self,
        people: Sequence[Float[ndarray, "V 3"]],
        faces: Int[ndarray, "F 3"],
        camera: Camera,
        colours: Sequence[Colour],
    ) -> UInt8[ndarray, "H W 4"]:
        """The people alone on a clear picture, colours multiplied by alpha."""
        polygons, paints, depths = [], [], []
        for vertices, colour in zip(people, colours, strict=True):
            polygon, paint, depth = _visible_faces(vertices, faces, camera, colour)
            polygons.append(polygon)
            paints.append(paint)
            depths.append(depth)
        polygon, paint = np.concatenate(polygons), np.concatenate(paints)
        far_to_near = np.argsort(-np.concatenate(depths))
        canvas = np.zeros((camera.height * SUPERSAMPLING, camera.width * SUPERSAMPLING, 4), np.uint8)
        for corners, rgba in zip(polygon[far_to_near], paint[far_to_near].tolist(), strict=True):
            cv2.fillConvexPoly(canvas, corners, rgba, cv2.LINE_8, SUBPIXEL_BITS)
        return cv2.resize(canvas, (camera.width, camera.height), interpolation=cv2.INTER_AREA)


def _visible_faces(
    vertices: Float[ndarray, "V 3"], faces: Int[ndarray, "F 3"], camera: Camera, colour: Colour
) -> tuple[Int[ndarray, "G 3 2"], UInt8[ndarray, "G 4"], Float[ndarray, "G"]]:
    """Corners in fixed-point pixels of the large canvas, colour and depth of faces turned to the camera."""
    seen = camera.to_camera(vertices)
    depth = np.maximum(seen[:, 2], NEAREST_M)
    pixels = seen[:, :2] / depth[:, None] * camera.focal_px + np.array(camera.centre_px, np.float32)
    a, b, c = (pixels[faces[:, corner]] for corner in range(3))
    # Outward faces wind clockwise on a picture whose y points down.
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    kept = faces[(area < 0) & (seen[faces, 2] > NEAREST_M).all(1)]
    normals = vertex_normals(seen, faces)[kept].mean(1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    paint = np.full((len(kept), 4), 255, np.uint8)
    paint[:, :3] = shade(normals, seen[kept].mean(1), colour)
    # Pixel centres are whole numbers: scaling by s moves centre p to s p + (s - 1) / 2.
    large = pixels[kept] * SUPERSAMPLING + (SUPERSAMPLING - 1) / 2
    fixed = np.clip(np.round(large * 2**SUBPIXEL_BITS), -(2**26), 2**26).astype(np.int32)
    return fixed, paint, seen[kept, 2].mean(1)
