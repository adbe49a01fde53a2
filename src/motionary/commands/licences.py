"""`motionary licences`: the terms of everything in use."""

from pathlib import Path

from rich.table import Table
from tyro.conf import Positional

from motionary.commands.speaking import Answer


def licences(source: Positional[tuple[Path, ...]] = (), /) -> Answer:
    """List every library, weight and data set in use with its terms.

    Args:
        source: Data sets, models, runs or features of yours to list as well; a bundled model by its name.
    """
    from motionary.licences import terms

    table = Table("what", "name", "version", "terms", "from", title="In use here")
    found = terms(source)
    for term in found:
        table.add_row(term.kind, term.name, term.version, term.terms, term.source)
    return Answer({"in_use": [vars(term) for term in found]}, (table,))
