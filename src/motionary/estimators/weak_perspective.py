"""Cameras of networks that look at square crops: a scale and a shift, and what they mean outside the crop.

Such a network says (s, x, y): a body in metres is shifted by (x, y) and scaled by s, so that -1 to 1 spans
the crop. That is the limit of a perspective camera far away; its makers take one of focal length 5000 px over
a crop of 224 px. Camera axes as in OpenCV: x right, y down, z forward.
"""

import torch
from jaxtyping import Float
from torch import Tensor

CROP_SIZE = 224
"""Pixels across a crop."""
FOCAL_PX = 5000.0
"""Of the crop's camera."""


def body_translation(camera: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Where the body stands before the crop's camera, metres."""
    scale, x, y = camera.unbind(-1)
    return torch.stack([x, y, 2 * FOCAL_PX / (CROP_SIZE * scale + 1e-9)], -1)


def project(
    points: Float[Tensor, "*B K 3"],
    translation: Float[Tensor, "*B 3"],
    focal_px: float,
    *,
    R_camera_world: Float[Tensor, "*B 3 3"] | None = None,
    centre_px: Float[Tensor, "*B 2"] | None = None,
) -> Float[Tensor, "*B K 2"]:
    """Pixels of points in metres, turned and then shifted; from the centre where none is given."""
    if R_camera_world is not None:
        points = points @ R_camera_world.mT
    seen = points + translation[..., None, :]
    pixels = focal_px * seen[..., :2] / seen[..., 2:]
    return pixels if centre_px is None else pixels + centre_px[..., None, :]


def project_to_crop(
    points: Float[Tensor, "*B K 3"], camera: Float[Tensor, "*B 3"]
) -> Float[Tensor, "*B K 2"]:
    """Positions in the crop, -1 to 1 across, of points in the body's frame, metres."""
    return project(points, body_translation(camera), FOCAL_PX) / (CROP_SIZE / 2)


def crop_to_pixels(positions: Float[Tensor, "*B K 2"]) -> Float[Tensor, "*B K 2"]:
    """Pixels of the crop, of positions from -1 to 1."""
    return (positions + 1) * (CROP_SIZE / 2)


def pixels_to_crop(pixels: Float[Tensor, "*B K 2"]) -> Float[Tensor, "*B K 2"]:
    """Positions from -1 to 1, of pixels of the crop."""
    return pixels * (2 / CROP_SIZE) - 1


def crop_to_image(
    positions: Float[Tensor, "*B K 2"], boxes: Float[Tensor, "*B 3"], crop_scale: float
) -> Float[Tensor, "*B K 2"]:
    """Pixels of the whole image, of positions from -1 to 1 in a crop.

    Args:
        positions: In the crop.
        boxes: Centre and side of each person's box in the image, pixels.
        crop_scale: How many times the box the crop takes in. VIBE's own code crops 1.1 times the box and
            calculates here as if it were 1, so its overlays are too small by that factor.
    """
    centre, side = boxes[..., :2], boxes[..., 2:] * crop_scale
    return centre[..., None, :] + positions * side[..., None, :] / 2


def full_image_camera(
    camera: Float[Tensor, "*B 3"],
    boxes: Float[Tensor, "*B 3"],
    image_size: tuple[int, int],
    crop_scale: float,
) -> Float[Tensor, "*B 4"]:
    """The same weak camera over the whole image: (scale across, scale down, x, y).

    Args:
        camera: Over the crop.
        boxes: Centre and side of each person's box in the image, pixels.
        image_size: Width and height, pixels.
        crop_scale: As for `crop_to_image`.
    """
    half = torch.tensor(image_size, dtype=camera.dtype, device=camera.device) / 2
    scale = camera[..., :1] * boxes[..., 2:] * crop_scale / (2 * half)
    shift = (boxes[..., :2] - half) / half / scale + camera[..., 1:]
    return torch.cat([scale, shift], -1)


def full_image_translation(
    camera: Float[Tensor, "*B 3"],
    crops: Float[Tensor, "*B 3"],
    image_size: tuple[int, int],
    focal_px: Float[Tensor, "*B"] | float,
) -> Float[Tensor, "*B 3"]:
    """Where the body stands before a perspective camera that took the whole image, metres.

    Args:
        camera: Over the crop.
        crops: Centre and side of each crop in the image, pixels.
        image_size: Width and height, pixels.
        focal_px: Of the whole image's camera, whose principal point is the image's centre.
    """
    half = torch.tensor(image_size, dtype=camera.dtype, device=camera.device) / 2
    size = crops[..., 2:] * camera[..., :1]
    depth = 2 * torch.as_tensor(focal_px, dtype=camera.dtype, device=camera.device)[..., None] / size
    return torch.cat([camera[..., 1:] + 2 * (crops[..., :2] - half) / size, depth], -1)
