"""Poses on the wire: what viser would have sent, once a frame, to whoever can take it."""

import asyncio
import time

import msgspec
import numpy as np
import pytest
import viser
import websockets
import zstandard
from viser import _messages

from motionary.studio.feed import Feed, bone_messages, pack, position_message
from motionary.studio.gate import Door
from motionary.studio.server import start_server


def unpacked(packet: bytes) -> dict:
    lengths = np.frombuffer(packet[:16], "<u8")
    inner = zstandard.ZstdDecompressor().decompress(packet[16 : 16 + lengths[1]])
    assert len(inner) == lengths[0]
    return msgspec.msgpack.decode(inner)


def test_messages_are_those_of_viser():
    turns, places = np.eye(4)[:2], np.arange(6.0).reshape(2, 3)
    expected = [
        message.as_serializable_dict([])
        for bone in range(2)
        for message in (
            _messages.SetBoneOrientationMessage("/a", bone, tuple(turns[bone])),
            _messages.SetBonePositionMessage("/a", bone, tuple(places[bone])),
        )
    ]
    expected.append(_messages.SetPositionMessage("/a", (1.0, 2.0, 3.0)).as_serializable_dict([]))
    ours = [*bone_messages("/a", turns, places), position_message("/a", (1.0, 2.0, 3.0))]
    content = unpacked(pack(ours, 5.0))
    assert content["messages"] == msgspec.msgpack.decode(msgspec.msgpack.encode(expected))
    assert content["timestampSec"] == 5.0
    assert content["binaryBufferLengths"] == []


def test_everyone_gets_frames_and_who_vanishes_is_forgotten():
    feed = Feed()
    server, _ = start_server(Door(port=0), feed)
    frame = [position_message("/there", (0.0, 0.0, 0.0))]

    async def watch(vanish: bool) -> bool:
        place = f"ws://127.0.0.1:{server.get_port()}"
        async with websockets.connect(place, subprotocols=[f"viser-v{viser.__version__}"]) as browser:
            while True:
                names = [message.get("name") for message in unpacked(await browser.recv())["messages"]]
                if "/there" in names:
                    if vanish:
                        browser.transport.abort()
                    return True

    async def everyone() -> list[bool]:
        watching = [asyncio.create_task(watch(vanish)) for vanish in [False, True] * 5]
        while not all(task.done() for task in watching):
            feed.publish(frame)
            await asyncio.sleep(0.05)
        return [task.result() for task in watching]

    try:
        assert asyncio.run(asyncio.wait_for(everyone(), 60)) == [True] * 10
        deadline = time.monotonic() + 30
        while feed.num_browsers and time.monotonic() < deadline:
            time.sleep(0.05)
        assert feed.num_browsers == 0
        assert feed.bytes_sent >= 10 * len(pack(frame, 0.0)) - 100
    finally:
        server.stop()


def test_nothing_is_packed_for_nobody(monkeypatch):
    monkeypatch.setattr("motionary.studio.feed.pack", lambda *_: pytest.fail("packed"))
    Feed().publish([position_message("/there", (0.0, 0.0, 0.0))])
