"""Motion capture in: BVH, Acclaim ASF/AMC and AMASS files become Motions of the free body."""

from motionary.mocap.importing import (
    Imported,
    Piece,
    compiled_label_pattern,
    find_recordings,
    import_pieces,
    import_recordings,
    label_of,
)
from motionary.mocap.reading import FASTEST_M_S, read_motion

__all__ = [
    "FASTEST_M_S",
    "Imported",
    "Piece",
    "compiled_label_pattern",
    "find_recordings",
    "import_pieces",
    "import_recordings",
    "label_of",
    "read_motion",
]
