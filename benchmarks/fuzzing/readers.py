"""Every reader of other people's files: whole files of its format, and the call that reads one.

The seeds are made by the package itself or by the libraries that such files come from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzzing.containers import torch_file, written
from fuzzing.data_sets import (
    CATEGORIES,
    ELEMENTS,
    LISTING,
    TIMES,
    UESTC_INFO,
    archive_seeds,
    data_set,
    humanact_seeds,
    ntu_seeds,
    uestc_seeds,
)
from fuzzing.estimates import ESTIMATE, manifest_seed, person, result_seeds
from fuzzing.models import (
    OPTIONS,
    actor,
    gru_of_others,
    model_seeds,
    recogniser_seeds,
    smpl_seeds,
    state_seeds,
)
from fuzzing.recordings import acclaim, bvh_seeds, motion_seeds, video

from motionary.body.smpl_files import read_smpl
from motionary.datasets import Dataset
from motionary.datasets.archives import as_folder
from motionary.datasets.estimate_notes import estimated
from motionary.datasets.humanact12 import read_humanact12
from motionary.datasets.listing import read_listing
from motionary.datasets.ntu13 import read_ntu13
from motionary.datasets.packed import PACKED_NAME, open_packed
from motionary.datasets.relabelling import read_renames
from motionary.datasets.uestc import read_uestc
from motionary.estimators import saved
from motionary.estimators.batch.manifest import MANIFEST_NAME, Manifest
from motionary.estimators.external import read_results
from motionary.estimators.video import Video
from motionary.finegym.annotations import read_annotations
from motionary.finegym.plan import read_rows, write_rows
from motionary.mocap import read_motion
from motionary.models.checkpoint import load_model
from motionary.models.published import PublishedOptions, import_published
from motionary.models.recognisers import Recogniser, read_published
from motionary.models.reference import to_reference
from motionary.motion import Motion
from motionary.torch_files import read_torch_file
from motionary.training.state import STATE_FILE, Run


@dataclass(frozen=True)
class Reader:
    """One file that is read, among others that it needs."""

    read: Callable[[Path], Any]
    """Called with the damaged file's path."""
    seeds: Sequence[bytes]
    name: str
    """Of the damaged file, in its folder."""
    others: dict[str, bytes] = field(default_factory=dict)
    """Whole files beside it."""


def first_frames(path: Path) -> None:
    opened = Video(path)
    for frame, _ in zip(opened.frames(), range(20), strict=False):
        frame.rgb()
    opened.facts()


def unpack(path: Path) -> None:
    with as_folder(path, (".bvh",)):
        pass


def of_folder(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda path: read(path.parent)


def read_data_set(folder: Path) -> None:
    dataset = Dataset.load(folder)
    dataset.summary()
    open_packed(dataset)
    dataset.motions()


def read_estimate(folder: Path) -> None:
    estimated(folder / "person_1.npz")
    saved.read_estimate(folder)


@dataclass(frozen=True)
class Row:
    """A line of a table of ours."""

    name: str
    seconds: float
    number: int


def read_table(path: Path) -> Any:
    return read_rows(path, Row, "fuzzing")


def readers() -> dict[str, Reader]:
    """All readers by name."""
    asf, amc = acclaim()
    rows = written("a.csv", lambda path: write_rows(path, [Row("a", 1.5, 2), Row("b", 2.5, 3)], Row))
    checkpoint = torch_file(to_reference(actor().state_dict()))
    files = data_set()
    lists = {"gym99_train_element_v1.1.txt": ELEMENTS, "gym99_categories.txt": CATEGORIES}
    annotated = of_folder(lambda folder: read_annotations([folder]))
    return {
        "motion.npz": Reader(Motion.load, motion_seeds(), "a.npz"),
        "amass.npz": Reader(read_motion, motion_seeds(), "a.npz"),
        "bvh": Reader(read_motion, bvh_seeds(), "a.bvh"),
        "amc": Reader(read_motion, [amc], "a.amc", {"a.asf": asf}),
        "asf": Reader(lambda path: read_motion(path.with_suffix(".amc")), [asf], "a.asf", {"a.amc": amc}),
        "smpl": Reader(read_smpl, smpl_seeds(), "model.pkl"),
        "results": Reader(read_results, result_seeds(), "result.pkl"),
        "results.pt": Reader(read_results, result_seeds()[-2:], "result.pt"),
        "actor.pth.tar": Reader(import_published, [checkpoint], "checkpoint_0100.pth.tar"),
        "torch": Reader(read_torch_file, [torch_file(person()), checkpoint], "a.pt"),
        "gru.tar": Reader(read_published, [gru_of_others()], "model.tar"),
        "opt.yaml": Reader(PublishedOptions.read, [OPTIONS], "opt.yaml"),
        "model.safetensors": Reader(load_model, model_seeds(), "model.safetensors"),
        "recogniser.safetensors": Reader(Recogniser.load, recogniser_seeds(), "model.safetensors"),
        "training_state.safetensors": Reader(of_folder(Run.load), state_seeds(), STATE_FILE, files),
        "dataset.json": Reader(of_folder(read_data_set), [files["dataset.json"]], "dataset.json", files),
        "packed.safetensors": Reader(of_folder(read_data_set), [files[PACKED_NAME]], PACKED_NAME, files),
        "manifest.json": Reader(
            of_folder(lambda folder: Manifest.open(folder, "blazepose", {}, "largest")),
            [manifest_seed()],
            MANIFEST_NAME,
        ),
        "estimate.json": Reader(of_folder(read_estimate), [ESTIMATE], "estimate.json"),
        "listing.csv": Reader(read_listing, [LISTING, LISTING.replace(b",", b";")], "list.csv"),
        "renames.csv": Reader(read_renames, [b"old,new\nwalk,go\nrun,\n"], "names.csv"),
        "table.csv": Reader(read_table, [rows], "table.csv"),
        "finegym.txt": Reader(annotated, [ELEMENTS], "gym99_train_element_v1.1.txt", lists),
        "finegym_categories.txt": Reader(annotated, [CATEGORIES], "gym99_categories.txt", lists),
        "finegym.json": Reader(annotated, [TIMES], "finegym_annotation_info_v1.0.json", lists),
        "video.mp4": Reader(first_frames, [video("mpeg4", ".mp4"), video("libx264", ".mp4")], "a.mp4"),
        "video.mkv": Reader(first_frames, [video("mpeg4", ".mkv"), video("libx264", ".avi")], "a.mkv"),
        "archive.zip": Reader(unpack, archive_seeds("zip"), "set.zip"),
        "archive.tar.gz": Reader(unpack, archive_seeds("gz"), "set.tar.gz"),
        "archive.tar.xz": Reader(unpack, archive_seeds("xz"), "set.tar.xz"),
        "ntu13": Reader(
            of_folder(read_ntu13),
            ntu_seeds(),
            "S001C001P001R001A006.pkl",
            {"ntu_vibe_list.txt": b"S001C001P001R001A006.pkl\n"},
        ),
        "humanact12": Reader(of_folder(read_humanact12), humanact_seeds(), "humanact12poses.pkl"),
        "uestc": Reader(of_folder(read_uestc), uestc_seeds(), "vibe_cache_refined.pkl", UESTC_INFO),
    }
