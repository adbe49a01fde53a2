"""`motionary assets`: what is here, what is missing, and getting it."""

from pathlib import Path

from tyro.conf import Positional


def assets_list() -> None:
    """List bodies, weights and samples: what is here, what is missing, its licence, where to get it."""
    from motionary.body.assets import list_assets

    for asset in list_assets():
        state = "here" if asset.installed() else f"not here, {asset.how}"
        print(f"{asset.name} ({state})\n    {asset.purpose}\n    {asset.licence}; {asset.source}")
        for file, note in asset.notes().items():
            print(f"    {file}: {note['from']}, sha256 {note['sha256']}")


def assets_get(name: Positional[str], /) -> None:
    """Fetch an asset that is free to fetch.

    Args:
        name: A name from `motionary assets list`.
    """
    from motionary.body.assets import get_asset

    print(get_asset(name))


def assets_set(name: Positional[str], file: Positional[Path], /) -> None:
    """Check a licensed file that you have obtained, and put it where Motionary finds it.

    Args:
        name: A name from `motionary assets list`.
        file: The file as downloaded.
    """
    from motionary.body.assets import ASSETS, set_asset

    path = set_asset(name, file)
    asset = ASSETS[name]
    print(f"{path}, sha256 of {file.name} {asset.notes()[path.name]['sha256']}")
    print(f"licence: {asset.licence}; {asset.source}")
    if missing := asset.missing():
        print(f"still missing: {', '.join(path.name for path in missing)}; {name} is {asset.given}")
