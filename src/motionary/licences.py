"""What is in use, and under which terms: libraries, bodies and weights, models, data sets."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from motionary.body.assets import list_assets
from motionary.datasets.folder import INDEX_NAME, Dataset
from motionary.documents import parse_json
from motionary.models.checkpoint import BUNDLED, HEADER, MODEL_FILE
from motionary.models.tensor_files import read_header

UNKNOWN = "not stated"


@dataclass(frozen=True)
class Term:
    """One thing, and what its owner allows."""

    kind: str
    """library, asset, model or data set."""
    name: str
    version: str
    terms: str
    source: str
    """Where it came from, or where its terms can be read."""


def terms(sources: Sequence[Path] = ()) -> list[Term]:
    """Terms of Motionary and what it stands on: libraries here, assets here, bundled models, given sources.

    Args:
        sources: Data sets, model files, folders that hold one, or names of bundled models.

    Raises:
        FileNotFoundError: If a source is nothing of that kind.
        ValueError: If one is damaged.
    """
    libraries = [_library(found) for found in _needed("motionary")]
    assets = [
        Term("asset", asset.name, "", asset.licence, asset.source)
        for asset in list_assets()
        if asset.installed()
    ]
    bundled = [_model(path) for path in sorted(BUNDLED.glob("*/*.safetensors"))]
    return [*libraries, *assets, *bundled, *(term for source in sources for term in _of(source))]


def _needed(name: str) -> Iterator[Distribution]:
    """A distribution and all that it requires, its own extras included, as far as they are installed."""
    waiting, seen = [name], set()
    while waiting:
        key = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(key)
        except PackageNotFoundError:
            continue  # of an extra that is not installed, or of another platform
        yield found
        lines = [line for line in found.requires or () if key == name or "extra ==" not in line]
        named = [re.match(r"[\w.-]+", line) for line in lines]
        waiting += sorted((match[0] for match in named if match), reverse=True)


def _library(found: Distribution) -> Term:
    facts = found.metadata
    stated = "".join(facts.get_all("License-Expression") or ())
    if not stated:
        classes = facts.get_all("Classifier") or []
        stated = "; ".join(c.rpartition(" :: ")[2] for c in classes if c.startswith("License :: "))
    stated = stated or "".join((facts.get_all("License") or [""])[0].strip().splitlines()[:1]) or UNKNOWN
    return Term(
        "library", facts["Name"], found.version, stated[:80], f"https://pypi.org/project/{facts['Name']}"
    )


def _model(path: Path) -> Term:
    header = read_header(path)
    about = parse_json(header[HEADER], path) if HEADER in header else {}
    parts = about.get("provenance")
    made_of = parts.get("dataset") if isinstance(parts, dict) else None
    made = f"trained on {made_of}" if isinstance(made_of, str) else str(path)
    name = path.parent.name if path.name == MODEL_FILE else f"{path.parent.name}/{path.stem}"
    return Term("model", name, "", str(about.get("licence") or UNKNOWN), made)


def _of(source: Path) -> Iterable[Term]:
    """What a path, or a bundled model's name, holds."""
    folder = source if source.exists() else BUNDLED / source
    if folder.is_file():
        return [_model(folder)]
    if (folder / INDEX_NAME).is_file():
        dataset = Dataset.load(folder)
        made_by = str(dataset.provenance.get("made_by", folder))
        return [Term("data set", folder.resolve().name, "", dataset.licence, made_by)]
    models = sorted(folder.glob("*.safetensors"))
    if not models:
        raise FileNotFoundError(f"{source} is no data set, no model and no run: nothing tells its licence.")
    return [_model(path) for path in models]
