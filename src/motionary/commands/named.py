"""`motionary dataset list` and `motionary dataset check`: data sets that go by a name."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional, arg


def dataset_list(*, json_: Annotated[bool, arg(name="json")] = False) -> None:
    """Show the data sets that go by a name: where they come from, their licences, how to lay them out.

    Args:
        json_: Print JSON instead of a table.
    """
    from motionary.datasets.named import NAMED, load_named

    about = {name: load_named(name).about for name in NAMED}
    if json_:
        print(json.dumps({name: asdict(facts) for name, facts in about.items()}, indent=1))
        return
    table = Table(show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("what, where from, how to lay it out", overflow="fold", ratio=3)
    table.add_column("licence", overflow="fold", ratio=1)
    for name, facts in about.items():
        table.add_row(name, f"{facts.title}\n{facts.page}\n{facts.layout}", facts.licence)
    console = Console()
    console.print(table)
    console.print("Nothing is downloaded: get it there, then `motionary dataset check NAME PATH`.")


def dataset_check(
    name: Positional[str],
    path: Positional[Path],
    /,
    *,
    json_: Annotated[bool, arg(name="json")] = False,
    workers: int | None = None,
) -> None:
    """Say which files of a downloaded data set are missing or damaged; exit code 1 if any are.

    Args:
        name: A data set that `motionary dataset list` names.
        path: What was downloaded: a folder or an archive.
        json_: Print JSON instead of a table.
        workers: Processes; one per core when not given.
    """
    from rich.progress import Progress

    from motionary.datasets.named import load_named

    named = load_named(name)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("checking", total=None)
        check = named.check(
            path, workers, lambda done, total: progress.update(task, completed=done, total=total)
        )
    if json_:
        print(json.dumps(check.summary(), indent=1))
    else:
        _print_problems(check.problems)
        bad = sum(problem.kind != "ignored" for problem in check.problems)
        people = f" by {len(check.subjects)} people" if check.subjects else ""
        print(f"{name}: {check.good} good clips of {len(check.actions)} actions{people}; {bad} bad files.")
    if not check.whole:
        sys.exit(1)


def _print_problems(problems: tuple) -> None:
    if not problems:
        return
    table = Table()
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("is", no_wrap=True)
    table.add_column("because", overflow="fold", ratio=3)
    for problem in problems:
        table.add_row(problem.file, problem.kind, problem.reason)
    Console().print(table)
