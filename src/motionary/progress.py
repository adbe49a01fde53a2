"""How far long work is: a bar on a terminal; in a log or notebook a plain line now and then; on stderr.

Whoever works tells a `stage`; where and whether that is shown is decided here alone. Standard output is left
to results.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

FIRST_LINE_S = 3.0
"""Shorter work says nothing in a log."""
MOST_S_BETWEEN_LINES = 60.0
"""In a log; the first lines come sooner, each twice as late as the one before."""

Item = TypeVar("Item")


class Stage:
    """A stretch of work that counts what it has done; safe to tell from several threads."""

    def __init__(self, what: str, total: int | None, unit: str, done: int) -> None:
        self.what, self.total, self.unit, self.done, self.note = what, total, unit, done, ""
        self._first, self._started_s = done, time.monotonic()
        self._lock = threading.Lock()

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """So much more is done."""
        with self._lock:
            self.done += count
        self._show(note)

    def tell(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """So much is done, of so much; fits wherever an `on_progress` is asked for."""
        self.done = done
        self.total = self.total if total is None else total
        self._show(note)

    def skip(self, done: int) -> None:
        """So much was done before this work began, which says nothing about its rate."""
        self.done = self._first = done

    @property
    def elapsed_s(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started_s

    def facts(self) -> str:
        """Count, share, rate, time left and note."""
        counted = f"{self.done}/{self.total}" if self.total else str(self.done)
        share = f"({100 * self.done / self.total:.0f} %)" if self.total else ""
        return "  ".join(filter(None, (f"{counted} {share}".rstrip(), self.rate(), self.left(), self.note)))

    def rate(self) -> str:
        """Units a second, or seconds a unit where that is the larger number; empty until known."""
        made, unit = self.done - self._first, self.unit
        if made < 1 or self.elapsed_s <= 0:
            return ""
        per_s = made / self.elapsed_s
        return f"{per_s:.3g} {unit}/s" if per_s >= 1 else f"{1 / per_s:.3g} s/{unit}"

    def left(self) -> str:
        """Time that the rest takes at this rate; empty where that is not known."""
        made = self.done - self._first
        if not self.total or made < 1 or self.done >= self.total:
            return ""
        return f"{_clock(self.elapsed_s / made * (self.total - self.done))} left"

    def _show(self, note: str | None) -> None:
        self.note = self.note if note is None else note
        _shown.update(self)


@contextmanager
def stage(what: str, total: int | None = None, unit: str = "item", done: int = 0) -> Iterator[Stage]:
    """A stretch of work, shown while it goes; stages may lie within one another.

    Args:
        what: As people call it, such as "importing".
        total: How much there is to do, where that is known.
        unit: What is counted, in the singular.
        done: What was done before, which says nothing about the rate.
    """
    begun = Stage(what, total, unit, done)
    _shown.begin(begun)
    try:
        yield begun
    finally:
        _shown.end(begun)


def each(items: Iterable[Item], what: str, total: int | None = None, unit: str = "item") -> Iterator[Item]:
    """The items, counted as they are used up; the total is their number where they have one."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with stage(what, total, unit) as begun:
        for item in items:
            yield item
            begun.advance()


def say(line: str) -> None:
    """A line for people about how it goes, such as what was left out; not part of the result."""
    _shown.say(line)


@contextmanager
def hushed(quiet: bool = True) -> Iterator[None]:
    """Show and say nothing meanwhile, if quiet; errors and results are not told through this module."""
    before = _shown.hushed
    _shown.hushed = before or quiet
    try:
        yield
    finally:
        _shown.hushed = before


def _clock(seconds: float) -> str:
    text = str(timedelta(seconds=round(seconds)))  # 0:08:17
    return text.removeprefix("0:").removeprefix("0") if seconds < 3600 else text


class _Facts(ProgressColumn):
    """What a log would say, beside the bar, renewed with it."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["begun"].facts())


class _Shown:
    """Where stages are shown: one live display with a bar each, or lines."""

    def __init__(self) -> None:
        self.hushed = False
        self._lock = threading.RLock()
        self._bars: Progress | None = None
        self._tasks: dict[Stage, TaskID] = {}
        self._next_line_s: dict[Stage, float] = {}

    def begin(self, begun: Stage) -> None:
        with self._lock:
            if self.hushed:
                return
            if self._bars is None and sys.stderr.isatty():
                self._bars = self._drawn()
            if self._bars is None:
                self._next_line_s[begun] = FIRST_LINE_S
                return
            self._tasks[begun] = self._bars.add_task(
                begun.what, total=begun.total or None, completed=begun.done, begun=begun
            )

    def update(self, begun: Stage) -> None:
        with self._lock:
            if begun in self._tasks and self._bars:
                self._bars.update(self._tasks[begun], completed=begun.done, total=begun.total or None)
            elif begun in self._next_line_s and begun.elapsed_s >= self._next_line_s[begun]:
                ahead = min(begun.elapsed_s, MOST_S_BETWEEN_LINES)
                self._next_line_s[begun] = begun.elapsed_s + ahead
                _line(f"{begun.what}  {begun.facts()}")

    def end(self, begun: Stage) -> None:
        with self._lock:
            task, waited = self._tasks.pop(begun, None), self._next_line_s.pop(begun, None)
            if task is None and (waited is None or begun.elapsed_s < FIRST_LINE_S):
                return
            if task is not None and self._bars:
                self._bars.remove_task(task)
                if not self._tasks:
                    self._bars.stop()
                    self._bars = None
            told = (f"{begun.done} in {_clock(begun.elapsed_s)}", begun.rate(), begun.note)
            self.say("  ".join(filter(None, (begun.what, *told))))

    def say(self, line: str) -> None:
        with self._lock:
            if self.hushed:
                return
            if self._bars:
                self._bars.console.print(line, highlight=False, markup=False, soft_wrap=True)
            else:
                _line(line)

    def _drawn(self) -> Progress:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(20), _Facts())
        bars = Progress(*columns, console=Console(stderr=True), transient=True)
        bars.start()
        return bars


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


_shown = _Shown()
