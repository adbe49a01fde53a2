"""How sharp a picture is, whatever it shows.

Source: Crété-Roffet et al. 2007, "The blur effect": blurring a sharp picture changes the differences between
neighbouring pixels much, blurring one that was blurred little.
"""

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

TAPS = 9
"""Length of the blur that a picture is compared with, pixels."""


def sharpness(picture: UInt8[ndarray, "h w"]) -> float:
    """Share of the differences between neighbours that a blur takes away, along the less sharp direction.

    Returns:
        0 for a picture that is blurred already, towards 1 for a sharp one; 0 for an empty one.
    """
    grey = picture.astype(np.float32)
    shares = []
    for axis, size in ((0, (1, TAPS)), (1, (TAPS, 1))):
        blurred = cv2.blur(grey, size, borderType=cv2.BORDER_REPLICATE)
        here, there = (np.abs(np.diff(values, axis=axis)) for values in (grey, blurred))
        total = float(here.sum())
        shares.append(float(np.maximum(here - there, 0).sum()) / total if total > 0 else 0.0)
    return min(shares)
