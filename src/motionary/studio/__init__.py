"""Motions in the browser: those of folders, or new ones of models."""

import gc
from contextlib import suppress
from pathlib import Path
from threading import Event

from motionary.datasets.folder import Dataset
from motionary.studio.figures import FREE
from motionary.studio.gate import Door
from motionary.studio.page import Studio
from motionary.studio.source import open_source

__all__ = ["Door", "Studio", "open_source", "serve"]


def serve(
    *sources: str, door: Door | None = None, dataset: Path | str | None = None, body: str = FREE
) -> None:
    """Show sources in the browser until Ctrl-C.

    Args:
        sources: Folders of motions; or models: a run folder, a model.safetensors, or a bundled name.
        door: Where the page answers, and to whom; this machine alone when None.
        dataset: Folder of real clips to show beside the others.
        body: "figure", "sticks", "smpl" or the path of a SMPL model file.

    Raises:
        FileNotFoundError: If a source is none of these, or a folder without motions, or the body is missing.
        ValueError: If a model is unusable or the port is not free.
    """
    source = open_source(*sources)
    real = None if dataset is None else Dataset.load(dataset)
    studio = Studio.start(source, door or Door(), real, body)
    gc.freeze()  # a round over what visits leave takes 120 ms with all that is loaded now, none without
    print(f"studio: {studio.address} (Ctrl-C ends it)", flush=True)
    try:
        with suppress(KeyboardInterrupt):
            Event().wait()
    finally:
        studio.stop()
