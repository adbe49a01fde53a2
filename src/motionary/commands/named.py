"""`motionary dataset list` and `motionary dataset check`: data sets that go by a name."""

from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from tyro.conf import Positional

from motionary import progress
from motionary.commands.speaking import Answer


def dataset_list() -> Answer:
    """Show the data sets that go by a name: where they come from, their licences, how to lay them out."""
    from motionary.datasets.named import NAMED, load_named

    about = {name: load_named(name).about for name in NAMED}
    table = Table(show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("what, where from, how to lay it out", overflow="fold", ratio=3)
    table.add_column("licence", overflow="fold", ratio=1)
    for name, facts in about.items():
        table.add_row(name, f"{facts.title}\n{facts.page}\n{facts.layout}", facts.licence)
    advice = "Nothing is downloaded: get it there, then `motionary dataset check NAME PATH`."
    return Answer({name: asdict(facts) for name, facts in about.items()}, (table, advice))


def dataset_check(
    name: Positional[str],
    path: Positional[Path],
    /,
    *,
    workers: int | None = None,
) -> Answer:
    """Say which files of a downloaded data set are missing or damaged; exit code 1 if any are.

    Args:
        name: A data set that `motionary dataset list` names.
        path: What was downloaded: a folder or an archive.
        workers: Processes; one per core when not given.
    """
    from motionary.datasets.named import load_named

    named = load_named(name)
    with progress.stage("checking", unit="file") as stage:
        check = named.check(path, workers, stage.tell)
    bad = sum(problem.kind != "ignored" for problem in check.problems)
    people = f" by {len(check.subjects)} people" if check.subjects else ""
    said = f"{name}: {check.good} good clips of {len(check.actions)} actions{people}; {bad} bad files."
    table = (_problems(check.problems),) if check.problems else ()
    return Answer(check.summary(), (*table, said), exit_code=0 if check.whole else 1)


def _problems(problems: tuple) -> Table:
    table = Table()
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("is", no_wrap=True)
    table.add_column("because", overflow="fold", ratio=3)
    for problem in problems:
        table.add_row(problem.file, problem.kind, problem.reason)
    return table
