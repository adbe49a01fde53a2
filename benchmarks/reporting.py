"""How a benchmark tells programs what it found."""

import argparse
import json
from pathlib import Path
from typing import Any


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """--json, or --json FILE."""
    parser.add_argument("--json", nargs="?", const="-", help="print one JSON object last, or write it here")


def report(content: dict[str, Any], where: str | None) -> None:
    """Print it as the last line, or write it, as --json says; neither without."""
    if where == "-":
        print(json.dumps(content))
    elif where:
        Path(where).write_text(json.dumps(content, indent=1) + "\n")
