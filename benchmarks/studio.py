"""Is the studio quick, and does it grow? python benchmarks/studio.py speed|soak [--minutes M] [--browsers N].

speed: seconds from the command to the page and from an ask to the first pose; what a frame of twelve people
costs the server and a browser's line. soak: browsers (their side of the wire, no window) come to a studio in
a process of its own, press Perform, read, read slowly or not at all, and vanish, for as long as you say, and
rest between visits (--rest S, seconds on average); its memory, threads and open files are read every minute.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import viser
import websockets
import zstandard

PROTOCOL = f"viser-v{viser.__version__}"
CAMERA = {
    "type": "ViewerCameraMessage",
    "wxyz": (1.0, 0.0, 0.0, 0.0),
    "position": (0.0, 1.0, 4.0),
    "fov": 0.6,
    "near": 0.1,
    "far": 100.0,
    "image_height": 600,
    "image_width": 800,
    "look_at": (0.0, 1.0, 0.0),
    "up_direction": (0.0, 1.0, 0.0),
}


@contextmanager
def studio_process(source: str) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """A studio of its own, its address, and the seconds it took to say it."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "motionary", "studio", source, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address, "the studio did not start"
        yield process, address[0], time.perf_counter() - start
    finally:
        process.terminate()
        process.wait()


def messages(packet: bytes) -> list[dict[str, Any]]:
    """What a packet from viser says."""
    inner = zstandard.ZstdDecompressor().decompress(packet[16 : 16 + int.from_bytes(packet[8:16], "little")])
    return msgspec.msgpack.decode(inner)["messages"]


def resources(pid: int) -> dict[str, int]:
    """Memory in KiB, threads and open files of a process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "Threads")}
    return {**found, "files": len(list(Path(f"/proc/{pid}/fd").iterdir()))}


async def visit(address: str, dice: random.Random, counts: dict[str, int]) -> None:
    """One browser: it comes, perhaps presses Perform, watches for a while or not at all, and goes."""
    manner = dice.choice(("closes", "vanishes", "vanishes at once", "never reads"))
    place = address.replace("http", "ws")
    with suppress(OSError, websockets.exceptions.WebSocketException, TimeoutError):
        async with websockets.connect(
            place, subprotocols=[f"viser-v{viser.__version__}"], max_size=None
        ) as link:
            counts["visits"] += 1
            counts[manner] = counts.get(manner, 0) + 1
            await link.send(msgspec.msgpack.encode(CAMERA))
            end = time.monotonic() + dice.uniform(0, 2)
            pressed = dice.random() < 0.9  # the others press
            while time.monotonic() < end and manner != "vanishes at once":
                if manner == "never reads":
                    await asyncio.sleep(0.2)
                    continue
                for message in messages(await asyncio.wait_for(link.recv(), 5)):
                    label = message.get("props", {}).get("label")
                    if message["type"] == "GuiButtonMessage" and label == "Perform" and not pressed:
                        pressed = True
                        counts["performs"] += 1
                        press = {
                            "type": "GuiUpdateMessage",
                            "uuid": message["uuid"],
                            "updates": {"value": True},
                        }
                        await link.send(msgspec.msgpack.encode(press))
            if manner != "closes":
                link.transport.abort()


async def crowd(address: str, num_browsers: int, seconds: float, rest_s: float, pid: int) -> dict[str, Any]:
    """So many browsers at a time for so long; the studio's resources every minute, or ten times in all."""
    dice, counts = random.Random(0), {"visits": 0, "performs": 0}
    end = time.monotonic() + seconds

    async def one() -> None:
        while time.monotonic() < end:
            await visit(address, dice, counts)
            await asyncio.sleep(min(dice.uniform(0, 2 * rest_s), max(0.0, end - time.monotonic())))

    browsers = [asyncio.create_task(one()) for _ in range(num_browsers)]
    readings: list[dict[str, int]] = []
    pause_s = min(60.0, seconds / 10)
    for _ in range(round(seconds / pause_s)):
        await asyncio.sleep(pause_s)
        readings.append(resources(pid))
        print(json.dumps({**counts, **readings[-1]}), file=sys.stderr, flush=True)
    await asyncio.gather(*browsers)
    return {"counts": counts, "readings": readings}


def soak(source: str, minutes: float, num_browsers: int, rest_s: float = 0.0) -> dict[str, Any]:
    """What became of a studio that was visited; growth is from a tenth of the time on, when all is warm."""
    with studio_process(source) as (process, address, _):
        result = asyncio.run(crowd(address, num_browsers, minutes * 60, rest_s, process.pid))
        time.sleep(3)
        after = resources(process.pid)
        alive = process.poll() is None and bool(asyncio.run(first_packet(address)))
    memory_KiB = [reading["VmRSS"] for reading in result["readings"]]
    growth_MiB = (memory_KiB[-1] - memory_KiB[len(memory_KiB) // 10]) / 1024
    return {"minutes": minutes, "browsers": num_browsers, "rest_s": rest_s, "alive": alive,
            "growth_MiB": round(growth_MiB, 2), **result, "after": after}  # fmt: skip


async def first_packet(address: str) -> bytes:
    """What a browser that comes now is told first."""
    place = address.replace("http", "ws")
    async with websockets.connect(place, subprotocols=[PROTOCOL], max_size=None) as link:
        return await asyncio.wait_for(link.recv(), 30)


def speed(source: str) -> dict[str, Any]:
    """Seconds and bytes; processor seconds too, which a busy machine changes less."""
    with studio_process(source) as (_, _, start_s):
        pass
    from motionary.studio import Studio, open_source
    from motionary.studio.feed import pack
    from motionary.studio.state import Ask

    studio = Studio.start(open_source(source))
    try:
        studio.desk.rest()
        action = studio.source.actions[0]
        answers = {}
        for num in (1, 12):
            before, cpu = time.perf_counter(), time.process_time()
            studio.perform(Ask(action, num, 2.0, num))
            answers[f"answer_{num}_s"] = round(time.perf_counter() - before, 3)
            answers[f"answer_{num}_cpu_s"] = round(time.process_time() - cpu, 3)
        costs, sizes = [], []
        for frame in range(studio.player.num_frames):
            cpu = time.process_time()
            packet = pack(studio.scene.frame(frame), time.perf_counter())
            costs.append(time.process_time() - cpu)
            sizes.append(len(packet))
    finally:
        studio.stop()
    frame_ms, frame_kB = statistics.median(costs) * 1e3, statistics.median(sizes) / 1e3
    return {
        "start_s": round(start_s, 2),
        **answers,
        "frame_cpu_ms": round(frame_ms, 2),
        "frame_kB": round(frame_kB, 1),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "soak"))
    parser.add_argument("source", nargs="?", default="hdm05")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--rest", type=float, default=0.0)
    given = parser.parse_args()
    if given.what == "speed":
        done = speed(given.source)
    else:
        done = soak(given.source, given.minutes, given.browsers, given.rest)
    print(json.dumps(done, indent=1))


if __name__ == "__main__":
    main()
