"""Damaged and hostile files, by the thousand, for every reader.

python benchmarks/fuzz.py [READER ...] [--inputs N | --minutes M] [--seed S] [--keep FOLDER] [--json]
python benchmarks/fuzz.py [READER ...] --atheris SECONDS [--keep FOLDER]     with libFuzzer, so long for each

Each input is made from whole files by `fuzzing/mutation.py` and read in a process with a limit on memory, a
watch on the clock, and a hook that sees what Python does. A reader may give a result, or raise one ValueError
or FileNotFoundError whose message names the file. Findings are anything else: another exception, an input
that takes more than ten seconds or half a gigabyte, a process that dies, a file written, a program started, a
connection made. Exits with 1 where there is one.
"""

import argparse
import gc
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fuzzing.mutation import mutated
from fuzzing.readers import Reader, readers

from motionary.native import Later

LONGEST_S = 10.0
"""That one input may take."""
MOST_BYTES = 512 << 20
"""That the process may grow by on one input."""
ADDRESS_SPACE = 3 << 30
"""Beyond what the process has mapped before its first input."""
PLAIN = (ValueError, FileNotFoundError)

WATCHED = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
)
TRACED = ("motionary", "zipfile", "tarfile", "json", "csv", "pickle", "yaml", "numpy.lib", "pybvh")
"""Modules whose branches libFuzzer follows."""
WRITING = ("os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.mkdir")


@dataclass
class Report:
    """What was tried of one reader."""

    reader: str
    inputs: int = 0
    read: int = 0
    """Inputs that gave a result: the damage did not matter, or no reader could have seen it."""
    seconds: float = 0.0
    findings: dict[str, list[int]] = field(default_factory=dict)
    """What happened -> inputs by number."""


class Watch:
    """Python's own report of what is done, kept to what no reader has any business doing."""

    def __init__(self, allowed: Sequence[Path]) -> None:
        self.allowed = tuple(str(path.resolve()) for path in allowed)
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in WATCHED:
            self.seen.append(event)
        elif event in WRITING or (event == "open" and self._writes(arguments)):
            path = arguments[0]
            if isinstance(path, str | bytes) and not os.path.realpath(os.fsdecode(path)).startswith(
                self.allowed
            ):
                self.seen.append(f"{event} {os.fsdecode(path)}")

    @staticmethod
    def _writes(arguments: tuple[Any, ...]) -> bool:
        _, mode, flags = arguments
        if isinstance(mode, str):
            return any(letter in mode for letter in "wax+")
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def input_of(reader: Reader, name: str, seed: int, number: int) -> bytes:
    """An input by its number; the same ones on every machine."""
    return mutated(reader.seeds, np.random.default_rng([seed, number, *name.encode()]))


def laid_out(reader: Reader, folder: Path) -> Path:
    """A folder with the whole files that a reader needs; where the damaged one goes."""
    for name, content in reader.others.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / reader.name


def tried(reader: Reader, path: Path, content: bytes) -> str | None:
    """What is wrong with how a reader takes an input; "" where it read it, None where it refused it well."""
    path.write_bytes(content)
    try:
        reader.read(path)
    except PLAIN as error:
        return _unclear(error, path)
    except BaseException as error:
        return _place(error)
    return ""


def _unclear(error: Exception, path: Path) -> str | None:
    message = str(error)
    if type(error) not in PLAIN:
        return _place(error)
    if path.name not in message and str(path.parent) not in message:
        return f"a message that names no file, {_place(error)}"
    if "MemoryError" in message or "DefaultCPUAllocator" in message:
        return f"asked for too much memory, {_place(error)}"
    return None


def _place(error: BaseException) -> str:
    """What was raised, and where in our code: findings of one place are one."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = next((frame for frame in reversed(frames) if "motionary/" in frame.filename), frames[-1])
    return f"{type(error).__name__} in {Path(ours.filename).name}:{ours.name}"


def _work(reader: Reader, name: str, seed: int, numbers: range, pipe: int, folder: Path) -> None:
    """Read inputs one after the other and tell of each."""
    path = laid_out(reader, folder)
    os.chdir(folder)
    for content in reader.seeds:  # what is compiled or loaded once counts for no input
        tried(reader, path, content)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    ceiling = pages * resource.getpagesize() + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    watch = Watch([folder, Path(tempfile.gettempdir())])
    for number in numbers:
        content = input_of(reader, name, seed, number)
        os.write(pipe, f"{number}\n".encode())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        watch.on = True
        found = tried(reader, path, content)
        watch.on = False
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        if watch.seen:
            found, watch.seen = f"did {watch.seen[0]}", []
        elif grown > MOST_BYTES:
            found = f"took {MOST_BYTES >> 20} MB or more"
        told = "" if found is None else "read" if found == "" else found.replace("\n", " ")
        os.write(pipe, f"{number} {told}\n".encode())


def watched(reader: Reader, name: str, seed: int, numbers: range, report: Report, ends_s: float) -> int:
    """Try inputs in a process of their own until they or the time are over, or it is; the next number."""
    folder = Path(
        tempfile.mkdtemp(prefix="motionary-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    )
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg talks
            _work(reader, name, seed, numbers, writing, folder)
        finally:
            os._exit(0)
    os.close(writing)
    number, started, left = numbers.start, False, b""
    try:
        while True:
            ready, _, _ = select.select([reading], [], [], LONGEST_S if started else 60)
            text = os.read(reading, 1 << 16) if ready else b""
            if not text:
                happened = "the process died" if ready else f"more than {LONGEST_S:g} s"
                if started or not ready:
                    report.findings.setdefault(happened, []).append(number)
                    report.inputs += 1
                    return number + 1
                return numbers.stop
            *lines, left = (left + text).split(b"\n")
            for line in lines:
                told, space, happened_now = line.decode().partition(" ")
                number, started = int(told), not space
                if not space:
                    continue
                report.inputs += 1
                if happened_now == "read":
                    report.read += 1
                elif happened_now:
                    report.findings.setdefault(happened_now, []).append(number)
            if time.monotonic() > ends_s:
                return number + 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        shutil.rmtree(folder, ignore_errors=True)


def fuzz(name: str, reader: Reader, seed: int, inputs: int, seconds: float) -> Report:
    """Inputs for one reader, up to a number or a time."""
    report = Report(name)
    began_s = time.monotonic()
    number = 0
    while number < inputs and time.monotonic() - began_s < seconds:
        number = watched(reader, name, seed, range(number, inputs), report, began_s + seconds)
    report.seconds = time.monotonic() - began_s
    return report


def each_with_atheris(names: Sequence[str], seconds: int, keep: Path | None) -> bool:
    """Run libFuzzer on readers, each in a process of its own; whether it found anything."""
    found = False
    for name in names:
        command = [sys.executable, __file__, name, "--atheris", str(seconds)]
        kept = ["--keep", str(keep)] if keep else []
        done = subprocess.run([*command, *kept], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        told = re.findall(
            r"^(?:#.*DONE.*|Done .*|.*RuntimeError: .*|==.*ERROR.*)$", done.stderr, re.MULTILINE
        )
        print(
            f"{name:28} exit {done.returncode}: {'; '.join(' '.join(line.split()) for line in told)}",
            flush=True,
        )
        found |= done.returncode != 0
    return found


def with_atheris(name: str, reader: Reader, seconds: int, keep: Path | None) -> None:
    """Inputs that libFuzzer makes by what they reach; the first finding, or the time, ends the process."""
    import atheris

    folder = Path(tempfile.mkdtemp(prefix="motionary-fuzz-"))
    path = laid_out(reader, folder)
    (folder / "corpus").mkdir()
    for number, content in enumerate(reader.seeds):
        (folder / "corpus" / str(number)).write_bytes(content)
    watch = Watch([folder, Path(tempfile.gettempdir())])

    def one(content: bytes) -> None:
        watch.on = True
        found = tried(reader, path, content)
        watch.on = False
        if found or watch.seen:
            raise RuntimeError(found or f"did {watch.seen[0]}")

    for content in reader.seeds:  # what is compiled or loaded once counts for no input
        tried(reader, path, content)
    things = gc.get_objects()
    loops = {
        id(thing.__wrapped__)
        for thing in things
        if isinstance(thing, Later) and hasattr(thing, "__wrapped__")
    }
    for thing in things:  # all of torch would take minutes; numba compiles no traced loop
        if isinstance(thing, types.FunctionType) and id(thing) not in loops and _is_traced(thing):
            atheris.instrument_func(thing)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    largest = max(1 << 16, 2 * max(map(len, reader.seeds)))
    options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=4096", f"-max_len={largest}"]
    options.append(f"-artifact_prefix={(keep or folder).absolute()}/{name}.")
    atheris.Setup([sys.argv[0], str(folder / "corpus"), *options], one)
    atheris.Fuzz()


def _is_traced(function: types.FunctionType) -> bool:
    return (function.__module__ or "").startswith(TRACED)


def table(reports: Sequence[Report]) -> str:
    """What was tried, and what was found."""
    lines = [f"{'reader':28}{'inputs':>8}{'read':>8}{'refused':>9}{'seconds':>9}  findings"]
    for report in reports:
        bad = sum(map(len, report.findings.values()))
        refused = report.inputs - report.read - bad
        counts = f"{report.inputs:8}{report.read:8}{refused:9}{report.seconds:9.1f}"
        lines.append(f"{report.reader:28}{counts}  {bad or '-'}")
        lines += [f"    {len(seen):5} x {what} (input {seen[0]})" for what, seen in report.findings.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reader", nargs="*")
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=5.0, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the first input of every finding")
    parser.add_argument("--atheris", type=int, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    known = readers()
    chosen = {name: known[name] for name in given.reader or known}
    if given.atheris and len(chosen) == 1:
        with_atheris(*chosen.popitem(), given.atheris, given.keep)
    if given.atheris:
        sys.exit(each_with_atheris(list(chosen), given.atheris, given.keep))
    reports = []
    for name, reader in chosen.items():
        reports.append(fuzz(name, reader, given.seed, given.inputs, 60 * given.minutes / len(chosen)))
        print(table(reports[-1:]).partition("\n")[2], flush=True)
        for place, seen in enumerate(reports[-1].findings.values()) if given.keep else ():
            given.keep.mkdir(parents=True, exist_ok=True)
            content = input_of(reader, name, given.seed, seen[0])
            (given.keep / f"{name}.{place}.bin").write_bytes(content)
    total = sum(report.inputs for report in reports)
    bad = sum(len(report.findings) for report in reports)
    print(f"{total} inputs in {sum(report.seconds for report in reports):.0f} s, {bad} kinds of findings")
    if given.json:
        print(json.dumps([asdict(report) for report in reports]))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
