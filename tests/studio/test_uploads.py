"""What a browser sends is limited before it is kept, and read without trust."""

import io
import time

import msgspec
import numpy as np
import pytest
import viser
import websockets.sync.client as browser

from motionary.studio import open_source
from motionary.studio.uploads import MOST_AT_ONCE, MOST_BYTES, read_upload


@pytest.fixture
def npz(tmp_path, make_motion) -> bytes:
    make_motion(6, 0.1).save(tmp_path / "m.npz")
    return (tmp_path / "m.npz").read_bytes()


def test_a_motion_comes_out_as_it_went_in(npz, make_motion):
    motion = read_upload("../../walk.npz", npz)
    assert np.allclose(motion.pose, make_motion(6, 0.1).pose, atol=1e-5)
    assert (motion.action, len(motion)) == ("kneel", 6)


def bomb() -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, poses=np.zeros((40_000, 72), np.float32), trans=np.zeros((40_000, 3)),
                        mocap_framerate=30.0)  # fmt: skip
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.exe", b"MZ", "npz or .bvh"),
        ("a.npz", b"PK\x03\x04 cut", "a.npz"),
        ("a.npz", b"x" * (MOST_BYTES + 1), "at most 20 MiB"),
        ("a.bvh", b"HIERARCHY\nROOT", "a.bvh"),
        ("long.npz", bomb(), "at most 120 s"),
        ("long.bvh", b"MOTION\nFrames: 100000\nFrame Time: 0.01\n", "at most 120 s"),
    ],
)
def test_what_is_no_motion_is_refused_in_a_sentence(name, content, message):
    with pytest.raises(ValueError, match=message) as refused:
        read_upload(name, content)
    assert "/tmp" not in str(refused.value)


def test_a_server_keeps_no_more_than_it_said(folder, npz, start):
    studio = start(open_source(str(folder)))
    under_way = studio.server.gui._current_file_upload_states
    button = next(
        uuid
        for uuid, handle in studio.server.gui._gui_input_handle_from_uuid.items()
        if "Upload" in type(handle).__name__
    )

    def say(kind: str, **content) -> None:
        link.send(msgspec.msgpack.encode({"type": kind, **content}))

    def begin(name: str, size: int, parts: int = 1) -> None:
        told = {"filename": f"{name}.npz", "mime_type": "", "part_count": parts, "size_bytes": size}
        say("FileTransferStartUpload", source_component_uuid=button, transfer_uuid=name, **told)

    def part(name: str, content: bytes) -> None:
        say(
            "FileTransferPart",
            source_component_uuid=button,
            transfer_uuid=name,
            part_index=0,
            content=content,
        )

    def until(true) -> bool:
        deadline = time.monotonic() + 20
        while not true() and time.monotonic() < deadline:
            time.sleep(0.02)
        return true()

    place = studio.address.replace("http", "ws")
    with browser.connect(place, subprotocols=[f"viser-v{viser.__version__}"], max_size=None) as link:
        begin("huge", MOST_BYTES + 1)
        begin("many", 1000, parts=10**6)
        begin("liar", 10)
        assert until(lambda: list(under_way) == ["liar"])
        part("liar", b"x" * 11)
        assert until(lambda: not under_way)
        for number in range(3 * MOST_AT_ONCE):
            begin(f"n{number}", 10)
        assert until(lambda: len(under_way) == MOST_AT_ONCE)
        time.sleep(0.2)
        assert len(under_way) == MOST_AT_ONCE
    assert until(lambda: studio.feed.num_browsers == 0)
