"""Poses to browsers: one message per browser and frame, whatever the number of people.

viser sends every bone of a skinned mesh in two messages of its own and keeps count of each; twelve people at
30 frames/s are 17 000 a second, which cost a processor core and more, and make late comers wait for millions
of numbers to be skipped. Here a frame's messages are packed once, in viser 1.1's own format, and the same
bytes go to every browser. A browser that is slow misses frames; one that has vanished holds nothing up.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

import msgspec
import zstandard
from jaxtyping import Float
from numpy import ndarray
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

Message = dict[str, Any]


def bone_messages(
    name: str, wxyz: Float[ndarray, "J 4"], positions_m: Float[ndarray, "J 3"]
) -> list[Message]:
    """What puts a skinned mesh's bones in place: viser's SetBoneOrientation and SetBonePosition messages."""
    messages: list[Message] = []
    for bone, (turn, place) in enumerate(zip(wxyz.tolist(), positions_m.tolist(), strict=True)):
        common = {"name": name, "bone_index": bone, "owner": ""}
        messages.append({**common, "wxyz": turn, "type": "SetBoneOrientationMessage"})
        messages.append({**common, "position": place, "type": "SetBonePositionMessage"})
    return messages


def position_message(name: str, position_m: Sequence[float]) -> Message:
    """What puts a scene node in place."""
    return {"name": name, "position": list(position_m), "owner": "", "type": "SetPositionMessage"}


def pack(messages: Sequence[Message], timestamp_s: float) -> bytes:
    """Messages as viser's page reads them: two lengths, then zstd-compressed msgpack."""
    content = {"messages": messages, "timestampSec": timestamp_s, "binaryBufferLengths": ()}
    inner = msgspec.msgpack.encode(content)
    packed = zstandard.ZstdCompressor(level=1).compress(inner)
    return len(inner).to_bytes(8, "little") + len(packed).to_bytes(8, "little") + packed


class Feed:
    """The latest frame, and the browsers it goes to."""

    def __init__(self) -> None:
        self.frames_sent = self.bytes_sent = 0
        self._latest = b""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: dict[ServerConnection, asyncio.Event] = {}

    @property
    def num_browsers(self) -> int:
        """Connected now."""
        return len(self._news)

    def publish(self, messages: Sequence[Message]) -> None:
        """Give every browser a frame; from any thread."""
        if self._loop is None or not self._news:
            return
        packet = pack(messages, perf_counter())
        with suppress(RuntimeError):  # the loop has ended with the server
            self._loop.call_soon_threadsafe(self._announce, packet)

    async def follow(self, connection: ServerConnection) -> None:
        """Send one browser the latest frame whenever there is one, as fast as it takes them."""
        self._loop = asyncio.get_running_loop()
        news = self._news[connection] = asyncio.Event()
        try:
            while True:
                await news.wait()
                news.clear()
                packet = self._latest
                await connection.send(packet)
                self.frames_sent += 1
                self.bytes_sent += len(packet)
        except ConnectionClosed:
            pass
        finally:
            del self._news[connection]

    def _announce(self, packet: bytes) -> None:
        self._latest = packet
        for news in self._news.values():
            news.set()
