"""Motions in the browser, on this machine alone: those of a folder, or new ones of a model."""

from contextlib import suppress
from threading import Event

from motionary.studio.page import Studio
from motionary.studio.source import open_source

__all__ = ["Studio", "open_source", "serve"]


def serve(source: str, port: int) -> None:
    """Show a source in the browser until Ctrl-C.

    Args:
        source: A folder of motions, a run folder, a model.safetensors, or the name of a bundled model.
        port: On 127.0.0.1; 0 takes any free one.

    Raises:
        FileNotFoundError: If the source is none of these, or a folder without motions.
        ValueError: If the model is unusable or the port is not free.
    """
    studio = Studio.start(open_source(source), port)
    print(f"studio: {studio.address} (Ctrl-C ends it)", flush=True)
    try:
        with suppress(KeyboardInterrupt):
            Event().wait()
    finally:
        studio.stop()
