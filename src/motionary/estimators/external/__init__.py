"""Result files of other systems -> Motions. docs/formats.md describes each layout.

Every system's camera is turned once, here: from x right, y down, z away from it to y up.
"""

from motionary.estimators.external.formats import (
    DEFAULT_FPS,
    RESULTS,
    ResultClip,
    ResultFormat,
    VideoResult,
    find_results,
    read_results,
)

__all__ = [
    "DEFAULT_FPS",
    "RESULTS",
    "ResultClip",
    "ResultFormat",
    "VideoResult",
    "find_results",
    "read_results",
]
