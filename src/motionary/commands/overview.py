"""`motionary --help`: every command on one screen, in the order of the path they follow."""

import inspect
import textwrap
from collections.abc import Collection, Mapping, Sequence

from motionary.commands.speaking import Command

HELP = frozenset(("-h", "--help"))
WIDTH = 98
"""Characters of a line, at most."""

_HEAD = """Learns human motion from ordinary videos and performs it again on demand.

usage: motionary COMMAND ...      motionary COMMAND --help explains one.
Every command takes --quiet (errors and the result only) and --json (the result as JSON on stdout).
"""


def overview(commands: Mapping[str, Command], steps: Mapping[str, Sequence[str]]) -> str:
    """A line for each command, and for each family of commands, under the steps of the path.

    Args:
        commands: By name; names of two words belong to a family.
        steps: Step -> commands and families; what is in none of them comes last.
    """
    known = {name for names in steps.values() for name in names}
    rest = tuple(dict.fromkeys(first for name in commands if (first := name.split()[0]) not in known))
    lines = [
        f"{step if index == 0 else '':<9}{name:<18}{_about(name, commands)}"
        for step, names in {**steps, "more": rest}.items()
        for index, name in enumerate(names)
    ]
    return "\n".join([_HEAD, *(_fitting(line) for line in lines)])


def family(name: str, commands: Collection[str]) -> list[str]:
    """Commands of two words of which this is the first."""
    return [command for command in commands if command.startswith(f"{name} ")]


def listing(names: Sequence[str], commands: Mapping[str, Command]) -> str:
    """A line for each of some commands."""
    width = max(map(len, names)) + 2
    return "\n".join(f"motionary {name:<{width}}{summary(commands[name])}" for name in names)


def summary(command: Command) -> str:
    """The first line of its help."""
    return (inspect.getdoc(command) or "").split("\n", 1)[0]


def _about(name: str, commands: Mapping[str, Command]) -> str:
    if name in commands:
        return summary(commands[name])
    return " | ".join(member.removeprefix(f"{name} ") for member in family(name, commands))


def _fitting(line: str) -> str:
    """A line cut between words where it is too long; its indentation stays."""
    if len(line) <= WIDTH:
        return line
    head = line[:27]
    return head + textwrap.shorten(line[27:], WIDTH - len(head), placeholder=" ...")
