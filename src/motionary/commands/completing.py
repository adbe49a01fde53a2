"""`motionary completion`: scripts that make shells complete commands and options, made from the commands."""

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import make_dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import OmitSubcommandPrefixes, subcommand

from motionary.commands.speaking import Command, with_manner


def completion_script(shell: Literal["bash", "zsh", "fish"], commands: Mapping[str, Command]) -> str:
    """What the shell has to read; it knows the commands of now, so make it anew after an update."""
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        tyro.cli(_any_of(commands), prog="motionary", args=["--tyro-print-completion", shell])
    # tyro's is a file for zsh's function path; one that is read with `source` has to tell zsh what it is for.
    call = '_tyro_motionary "$@"'
    either = (
        f'if [[ "${{funcstack[1]}}" == _motionary ]]; then {call}; else compdef _tyro_motionary motionary; fi'
    )
    # Where bash is offered nothing, files are meant: data sets, runs, videos.
    script = printed.getvalue().replace("complete -F ", "complete -o default -F ")
    return script.replace(f"\n{call}\n", f"\n{either}\n").rstrip("\n")


def _any_of(commands: Mapping[str, Command]) -> Any:
    """A type whose values are the commands; names of two words become commands of commands."""
    families: dict[str, dict[str, Command]] = {}
    kinds = []
    for name, command in commands.items():
        first, _, second = name.partition(" ")
        if second:
            families.setdefault(first, {})[second] = command
        else:
            kinds.append(_named(first, with_manner(command)))
    for first, members in families.items():
        chosen = OmitSubcommandPrefixes[_any_of(members)]  # type: ignore[type-arg, misc, valid-type]
        kinds.append(_named(first, make_dataclass(first, [("command", chosen)])))
    return reduce(or_, kinds)


def _named(name: str, made_by: Callable[..., Any]) -> Any:
    return Annotated[Any, subcommand(name, constructor=made_by)]
