"""`motionary assets`: what is here, what is missing, and getting it."""

from pathlib import Path

from tyro.conf import Positional

from motionary.commands.speaking import Answer


def assets_list() -> Answer:
    """List bodies, weights and samples: what is here, what is missing, its licence, where to get it."""
    from motionary.body.assets import list_assets

    lines, facts = [], {}
    for asset in list_assets():
        state = "here" if asset.installed() else f"not here, {asset.how}"
        lines.append(f"{asset.name} ({state})\n    {asset.purpose}\n    {asset.licence}; {asset.source}")
        lines += [
            f"    {file}: {note['from']}, sha256 {note['sha256']}" for file, note in asset.notes().items()
        ]
        facts[asset.name] = {
            "here": asset.installed(),
            "purpose": asset.purpose,
            "licence": asset.licence,
            "source": asset.source,
            "files": asset.notes(),
        }
    return Answer(facts, tuple(lines))


def assets_get(name: Positional[str], /) -> Answer:
    """Fetch an asset that is free to fetch.

    Args:
        name: A name from `motionary assets list`.
    """
    from motionary.body.assets import get_asset

    path = get_asset(name)
    return Answer.of_file("path", path)


def assets_set(name: Positional[str], file: Positional[Path], /) -> Answer:
    """Check a licensed file that you have obtained, and put it where Motionary finds it.

    Args:
        name: A name from `motionary assets list`.
        file: The file as downloaded.
    """
    from motionary.body.assets import ASSETS, set_asset

    path = set_asset(name, file)
    asset = ASSETS[name]
    checksum, missing = asset.notes()[path.name]["sha256"], [file.name for file in asset.missing()]
    lines = [f"{path}, sha256 of {file.name} {checksum}", f"licence: {asset.licence}; {asset.source}"]
    lines += [f"still missing: {', '.join(missing)}; {name} is {asset.given}"] if missing else []
    return Answer({"path": str(path), "sha256": checksum, "missing": missing}, tuple(lines))
