"""What a machine has to give in memory and disk, and whether that is enough for what is asked."""

import ctypes
import gc
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MEMORY_KIB = re.compile(r"(\w+):\s+(\d+) kB")
LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Of a container: what it may have, and what it has."""


@dataclass(frozen=True)
class Need:
    """About how much a piece of work takes, in bytes."""

    memory: int = 0
    """At its peak, on top of what the program itself takes."""
    disk: int = 0

    def check(self, what: str, out: Path, remedy: str) -> None:
        """Say how much is needed, if that is more than there is.

        Args:
            what: That is to be done.
            out: Where it is written.
            remedy: What to do.

        Raises:
            ValueError: If there is not enough.
        """
        lacking = []
        free = available_memory()
        if free is not None and self.memory > free:
            lacking.append(f"{told(self.memory)} of memory, and {told(free)} are available")
        if self.disk > (room := free_disk(out)):
            lacking.append(f"{told(self.disk)} of disk, and {told(room)} are free")
        if lacking:
            raise ValueError(f"{what} needs about {'; '.join(lacking)}: {remedy}.")


def available_memory() -> int | None:
    """Bytes that this process can still have; None where the system does not tell."""
    free = _facts(Path("/proc/meminfo")).get("MemAvailable")
    for most, used in LIMITS:
        with suppress(OSError, ValueError):
            left = int(Path(most).read_text()) - int(Path(used).read_text())
            free = left if free is None else min(free, left)
    return free


def free_disk(folder: Path) -> int:
    """Bytes free for this user where a folder is, or will be."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def peak_memory() -> int | None:
    """Most bytes of memory that this process has had so far; None where the system does not tell."""
    if (most := _facts(Path("/proc/self/status")).get("VmHWM")) is not None:
        return most
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def give_back_memory() -> None:
    """Free what nobody reaches any more, and hand the C library's freed memory back to the system (Linux)."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library can
            ctypes.CDLL(None).malloc_trim(0)


def told(num_bytes: int | float) -> str:
    """Bytes as people say them."""
    if num_bytes < 1e9:
        return f"{num_bytes / 1e6:.0f} MB"
    if num_bytes < 1e12:
        return f"{num_bytes / 1e9:.1f} GB"
    return f"{num_bytes / 1e12:,.1f} TB" if num_bytes < 1e18 else f"{num_bytes / 1e12:.1e} TB"


def _facts(path: Path) -> dict[str, int]:
    """Sizes that Linux tells, in bytes."""
    try:
        return {name: 1024 * int(size) for name, size in MEMORY_KIB.findall(path.read_text())}
    except OSError:
        return {}
