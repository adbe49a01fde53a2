"""Motions that a browser sends: small, one at a time, read as carefully as any file."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import viser
from viser import _messages as viser_messages

from motionary.mocap.reading import read_motion
from motionary.motion import Motion

SUFFIXES = (".npz", ".bvh")
MOST_BYTES = 20 * 2**20
MOST_AT_ONCE = 4
"""Uploads under way, from all browsers together."""
LONGEST_S = 120.0


def read_upload(name: str, content: bytes) -> Motion:
    """The motion in an uploaded file.

    Raises:
        ValueError: If it is too large or too long, or no readable .npz or .bvh motion.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"A motion to add is an .npz or .bvh file; got {Path(name).name[:80]!r}.")
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"A motion to add has at most {MOST_BYTES / 2**20:g} MiB; got {len(content) / 2**20:.0f}."
        )
    with tempfile.TemporaryDirectory(prefix="motionary-") as folder:
        file = Path(folder) / f"upload{suffix}"  # never under the name that was sent
        file.write_bytes(content)
        try:
            duration_s = _duration_s(file)
            if duration_s > LONGEST_S:
                raise ValueError(f"A motion to add lasts at most {LONGEST_S:g} s; got {duration_s:.0f} s.")
            motion = read_motion(file, fps=None)
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(str(error).replace(str(file), Path(name).name[:80])) from None
    return replace(motion, action=motion.action or Path(name).stem[:40])


def _duration_s(file: Path) -> float:
    """How long a file says it lasts, before anything costly is done with it."""
    if file.suffix == ".npz":
        return Motion.load(file).duration_s
    text = file.read_text(encoding="utf-8", errors="replace")
    frames, step_s = (
        re.search(rf"{word}:\s*([\d.]+)", text, re.IGNORECASE) for word in ("Frames", "Frame Time")
    )
    return float(frames[1]) * float(step_s[1]) if frames and step_s else 0.0  # the reader says what is amiss


def limit_uploads(server: viser.ViserServer) -> None:
    """Have viser take no more of a file than `read_upload` would; it keeps what it is sent in memory.

    A file that says it is larger, or more than a few at once, is not begun; parts beyond the size that was
    said are dropped, with all that came before.
    """
    gui, link = server.gui, server._websock_server
    begin, go_on = gui._handle_file_transfer_start, gui._handle_file_transfer_part
    under_way = gui._current_file_upload_states

    def checked_begin(client_id: int, message: viser_messages.FileTransferStartUpload) -> None:
        if message.size_bytes > MOST_BYTES or message.part_count > MOST_BYTES // 2**16:
            client = server.get_clients().get(client_id)
            if client is not None:
                client.add_notification("Too large", f"At most {MOST_BYTES / 2**20:g} MiB.", color="red")
        elif len(under_way) < MOST_AT_ONCE:
            begin(client_id, message)  # type: ignore[arg-type]

    def checked_part(client_id: int, message: viser_messages.FileTransferPart) -> None:
        state = under_way.get(message.transfer_uuid)
        if state is None or state["client_id"] != client_id:
            return
        if state["transferred_bytes"] + len(message.content) > state["total_bytes"]:
            under_way.pop(message.transfer_uuid, None)
            return
        go_on(client_id, message)  # type: ignore[arg-type]

    for message, handler in (
        (viser_messages.FileTransferStartUpload, checked_begin),
        (viser_messages.FileTransferPart, checked_part),
    ):
        link.unregister_handler(message)
        link.register_handler(message, handler)  # type: ignore[arg-type]
