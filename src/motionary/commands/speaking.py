"""How every command is asked and how it answers: the result on stdout, all else on stderr.

A command is a typed function that returns an `Answer`. `--quiet` and `--json` are added to all of them here.
"""

import functools
import inspect
import io
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console, RenderableType
from tyro.conf import FlagCreatePairsOff, arg

from motionary import progress
from motionary.resources import peak_memory, told

LONG_S = 10.0
"""After that the cost of a command is told."""
HELP_INDENT = 9
"""From there on tyro's errors quote the help of an option."""


@dataclass(frozen=True)
class Answer:
    """What a command found or made."""

    facts: dict[str, Any] = field(default_factory=dict)
    """For programs: what JSON can hold, paths as text."""
    shown: tuple[RenderableType, ...] = ()
    """For people: lines of text and tables."""
    failure: str = ""
    """Why the command ends as an error all the same."""
    exit_code: int = 0
    """Of a command that went well and found something wrong."""

    @classmethod
    def of_file(cls, what: str, path: Path) -> "Answer":
        """The one file that a command wrote, and what it is."""
        return cls({what: str(path)}, (str(path),))


@dataclass(frozen=True)
class Manner:
    """Of every command."""

    quiet: bool = False
    """Print errors and the result, no progress."""
    json: bool = False
    """Print the result as one JSON object."""


MANNERS = ("--quiet", "--json")
"""May also be said before the command."""

Command = Callable[..., Answer]


def ask(command: Command, name: str, words: Sequence[str]) -> tuple[Manner, Callable[[], Answer]]:
    """Parse the words after a command's name; what is returned carries it out.

    Raises:
        ValueError: If the words do not fit, saying in one line what does not.
        SystemExit: After `--help` was printed.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(with_manner(command), prog=f"motionary {name}", args=list(words))
    except SystemExit as stopped:
        if not stopped.code:
            raise
        reason = _in_one_line(said.getvalue())
        raise ValueError(f"{reason}; `motionary {name} --help` explains.") from None


def with_manner(command: Command) -> Callable[..., tuple[Manner, Callable[[], Answer]]]:
    """The command's signature with the manner's options, for parsing alone."""

    def take(*args: Any, manner: Manner, **options: Any) -> tuple[Manner, Callable[[], Answer]]:
        return manner, functools.partial(command, *args, **options)

    kind = Annotated[FlagCreatePairsOff[Manner], arg(name="")]
    own = inspect.signature(command)
    added = inspect.Parameter("manner", inspect.Parameter.KEYWORD_ONLY, default=Manner(), annotation=kind)
    # Nothing may be wrapped, as functools.wraps would or the tests' shape checks do: tyro looks through that.
    vars(take).pop("__wrapped__", None)
    take.__doc__, take.__annotations__ = command.__doc__, {**command.__annotations__, "manner": kind}
    take.__signature__ = own.replace(parameters=[*own.parameters.values(), added])  # type: ignore[attr-defined]
    return take


def carry_out(work: Callable[[], Answer], manner: Manner) -> None:
    """Do the work and print its answer; exit if it failed.

    Raises:
        ValueError: If the answer says so.
    """
    aside = redirect_stdout(sys.stderr) if manner.json else nullcontext()
    with progress.hushed(manner.quiet), aside:
        started_s = time.monotonic()
        answer = work()
        _tell_cost(time.monotonic() - started_s)
    if manner.json:
        print(json.dumps(answer.facts, indent=1, default=str))
    else:
        for part in answer.shown:
            print(part) if isinstance(part, str) else Console().print(part)
    if answer.failure:
        raise ValueError(answer.failure)
    if answer.exit_code:
        sys.exit(answer.exit_code)


def _tell_cost(seconds: float) -> None:
    """What long work took."""
    most = peak_memory()
    if seconds > LONG_S and most is not None:
        progress.say(f"took {timedelta(seconds=round(seconds))}, at most {told(most)} of memory")


def _in_one_line(boxes: str) -> str:
    """What tyro says in boxes of several lines, without what it repeats of the help."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", boxes)
    lines = [line.strip("│").rstrip() for line in text.splitlines() if not line.startswith(("╭", "╰"))]
    blocks = [list(block) for is_rule, block in itertools.groupby(lines, _is_rule) if not is_rule]
    told = blocks["│" not in text :]  # without lines to draw with, the title is a block too
    kept = [line.strip() for line in told[0] if not line.startswith(" " * HELP_INDENT)] if told else []
    message = " ".join(filter(None, kept)).partition(" Got errors:")[0].strip(".")
    meant = re.search(r"Perhaps you meant:\s+(-\S+)", "\n".join(lines))
    return (message or "these words do not fit") + (f", perhaps {meant[1]} was meant" if meant else "")


def _is_rule(line: str) -> bool:
    return bool(re.fullmatch(r"\s*[─-]+\s*", line))
