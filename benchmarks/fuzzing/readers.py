"""Every reader of other people's files: whole files of its format, and the call that reads one.

The seeds are made here, by the package itself or by the libraries that such files come from.
"""

import io
import json
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import av
import joblib
import numpy as np
import scipy.sparse
import torch
from numpy import ndarray

from motionary.body.assets import load_body
from motionary.body.skeleton import PARENTS
from motionary.body.smpl_files import read_smpl
from motionary.datasets import Dataset, write_dataset
from motionary.datasets.archives import as_folder
from motionary.datasets.estimate_notes import estimated
from motionary.datasets.folder import clip_record
from motionary.datasets.humanact12 import read_humanact12
from motionary.datasets.listing import read_listing
from motionary.datasets.ntu13 import read_ntu13
from motionary.datasets.packed import PACKED_NAME, open_packed
from motionary.datasets.relabelling import read_renames
from motionary.datasets.uestc import read_uestc
from motionary.estimators import saved
from motionary.estimators.batch.manifest import MANIFEST_NAME, Entry, Manifest
from motionary.estimators.external import read_results
from motionary.estimators.video import Video
from motionary.export.bvh import write_bvh
from motionary.finegym.annotations import read_annotations
from motionary.finegym.plan import read_rows, write_rows
from motionary.mocap import read_motion
from motionary.models.actor import Actor, ActorConfig
from motionary.models.checkpoint import Model, load_model
from motionary.models.published import PublishedOptions, import_published
from motionary.models.recognisers import GruConfig, GruRecogniser, Recogniser, read_published
from motionary.models.reference import to_reference
from motionary.motion import Motion
from motionary.torch_files import read_torch_file
from motionary.training.config import TrainConfig
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


# ---- seeds ----


@cache
def a_motion(frames: int = 12) -> Motion:
    t = np.linspace(0, 3, frames)
    pose = np.zeros((frames, 24, 3), np.float32)
    pose[:, [1, 2, 4, 5, 16, 17], 0] = 0.4 * np.sin(t[:, None] + np.arange(6))
    pose[:, [16, 17], 2] = [-1.1, 1.1]
    translation = np.stack([0.1 * t, 1 + 0 * t, 0.2 * t], -1)
    return Motion(pose, translation, 30.0, action="walk")


def written(name: str, write: Callable[[Path], Any]) -> bytes:
    """What a function writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def npz(**arrays: Any) -> bytes:
    return written("a.npz", lambda path: np.savez(path, **arrays))


def torch_file(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def joblib_file(content: Any, compress: int = 0) -> bytes:
    return written("a.pkl", lambda path: joblib.dump(content, path, compress=compress))


def motion_seeds() -> list[bytes]:
    motion = a_motion()
    amass = npz(
        poses=np.zeros((9, 156)), trans=np.ones((9, 3)), mocap_framerate=np.array(60.0), betas=np.zeros(16)
    )
    return [written("a.npz", motion.save), amass]


def bvh_seeds() -> list[bytes]:
    return [written("a.bvh", lambda path: write_bvh(a_motion(), path, load_body()))]


ASF = """:version 1.10
:name a
:units
  mass 1.0
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
"""
BONES = {
    "lhipjoint": ("root", "0.7 -0.7 0.1", 2.0, ""),
    "lfemur": ("lhipjoint", "0.1 -1 0", 7.0, "rx ry rz"),
    "ltibia": ("lfemur", "0.1 -1 0", 7.5, "rx"),
    "lfoot": ("ltibia", "0 -0.2 1", 2.0, "rx rz"),
    "rhipjoint": ("root", "-0.7 -0.7 0.1", 2.0, ""),
    "rfemur": ("rhipjoint", "-0.1 -1 0", 7.0, "rx ry rz"),
    "rtibia": ("rfemur", "-0.1 -1 0", 7.5, "rx"),
    "rfoot": ("rtibia", "0 -0.2 1", 2.0, "rx rz"),
    "lowerback": ("root", "0 1 0", 2.0, "rx ry rz"),
    "upperback": ("lowerback", "0 1 0", 2.0, "rx ry rz"),
    "lowerneck": ("upperback", "0 1 0", 1.5, "rx ry rz"),
    "head": ("lowerneck", "0 1 0", 1.5, "rx ry rz"),
    "lclavicle": ("upperback", "0.8 0.4 0", 3.0, "ry rz"),
    "lhumerus": ("lclavicle", "1 0 0", 5.0, "rx ry rz"),
    "lradius": ("lhumerus", "1 0 0", 3.5, "rx"),
    "lwrist": ("lradius", "1 0 0", 2.0, "ry"),
    "rclavicle": ("upperback", "-0.8 0.4 0", 3.0, "ry rz"),
    "rhumerus": ("rclavicle", "-1 0 0", 5.0, "rx ry rz"),
    "rradius": ("rhumerus", "-1 0 0", 3.5, "rx"),
    "rwrist": ("rradius", "-1 0 0", 2.0, "ry"),
}
"""Parent, direction, length and degrees of freedom."""


@cache
def acclaim() -> tuple[bytes, bytes]:
    lines = [ASF]
    for number, (name, (_, direction, length, dof)) in enumerate(BONES.items(), 1):
        lines.append(f"  begin\n    id {number}\n    name {name}\n    direction {direction}\n")
        lines.append(f"    length {length}\n    axis 0 0 0 XYZ\n" + (f"    dof {dof}\n" if dof else ""))
        lines.append("  end\n")
    lines.append(":hierarchy\n  begin\n")
    for parent in ("root", *BONES):
        if children := [name for name, (of, *_) in BONES.items() if of == parent]:
            lines.append(f"    {parent} {' '.join(children)}\n")
    frames = ["#!OML\n:FULLY-SPECIFIED\n:DEGREES\n"]
    for frame in range(1, 7):
        frames.append(f"{frame}\nroot 0 18 {0.1 * frame:g} 0 {frame} 0\n")
        frames += [f"{n} {' '.join('1.5' for _ in dof.split())}\n" for n, (*_, dof) in BONES.items() if dof]
    return "".join([*lines, "  end\n"]).encode(), "".join(frames).encode()


def smpl_arrays(num_vertices: int = 12) -> dict[str, ndarray]:
    rng = np.random.default_rng(0)
    weights = rng.random((num_vertices, 24))
    return {
        "v_template": rng.normal(size=(num_vertices, 3)),
        "shapedirs": rng.normal(size=(num_vertices, 3, 10)),
        "posedirs": rng.normal(size=(num_vertices, 3, 207)),
        "J_regressor": np.full((24, num_vertices), 1 / num_vertices),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(24)], np.uint32),
        "f": np.array([[0, 1, 2], [2, 3, 4]], np.uint32),
    }


def smpl_seeds() -> list[bytes]:
    arrays = smpl_arrays()
    sparse = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"])}
    return [npz(**arrays), *(pickle.dumps(sparse, protocol) for protocol in (0, 2, 4, 5))]


def person(frames: int = 8) -> dict[str, Any]:
    zeros = np.zeros((frames, 3))
    return {
        "pose": np.zeros((frames, 72)),
        "pose_world": np.zeros((frames, 72)),
        "trans_world": np.ones((frames, 3)),
        "trans": np.ones((frames, 3)),
        "betas": np.zeros((frames, 10), np.float32),
        "orig_cam": np.tile([0.5, 0.9, 0.1, 0.1], (frames, 1)),
        "bboxes": np.full((frames, 4), 200.0),
        "joints3d": np.zeros((frames, 49, 3)),
        "verts": zeros[:, None],
        "frame_ids": np.arange(frames),
    }


def result_seeds() -> list[bytes]:
    everything = person()
    world = ("pose_world", "trans_world")
    vibe = {key: value for key, value in everything.items() if key not in world}
    frame = {
        "time": 0,
        "tid": [1],
        "tracked_time": [0],
        "size": [[480, 640]],
        "camera": [np.array([0.1, 0.2, 30], np.float32)],
        "smpl": [
            {
                "global_orient": np.eye(3)[None],
                "body_pose": np.tile(np.eye(3), (23, 1, 1)),
                "betas": np.zeros(10),
            }
        ],
    }
    phalp = {f"img/{n:03d}.jpg": frame | {"time": n} for n in range(5)}
    pare = vibe | {"pose": np.tile(np.eye(3), (8, 24, 1, 1)), "smpl_joints2d": np.zeros((8, 49, 2))}
    tram = {
        "pred_rotmat": torch.eye(3).repeat(6, 24, 1, 1),
        "pred_shape": torch.zeros(6, 10),
        "pred_trans": torch.ones(6, 1, 3),
        "frame": torch.arange(6),
    }
    part = {
        "body_pose": torch.zeros(7, 63),
        "betas": torch.zeros(7, 10),
        "global_orient": torch.zeros(7, 3),
        "transl": torch.ones(7, 3),
    }
    smplx = {name: array.numpy() for name, array in part.items()}
    gvhmr = {"smpl_params_global": part, "smpl_params_incam": part}
    return [
        *(joblib_file({7: vibe}), joblib_file({1: everything}, 3), joblib_file({1: pare})),
        joblib_file(phalp, 3),
        written("a.npy", lambda path: np.save(path, tram)),  # type: ignore[arg-type]
        *(npz(**smplx), torch_file(gvhmr), torch_file(gvhmr, _use_new_zipfile_serialization=False)),
    ]


TINY = ActorConfig(num_actions=2, latent_dim=8, ff_dim=8, num_layers=1, num_heads=2)


def actor() -> Actor:
    return Actor(TINY)


def model_seeds() -> list[bytes]:
    model = Model(actor(), ("run", "walk"), 30.0, 8, "forward", {"dataset": "a"}, "CC0")
    return [written("m.safetensors", model.save)]


def recogniser_seeds() -> list[bytes]:
    network = GruRecogniser(GruConfig(num_actions=2, hidden_dim=4))
    rest = load_body().joints_template.clone()
    made = Recogniser(network, ("run", "walk"), 30.0, 8, "forward", rest, licence="CC0")
    return [written("m.safetensors", made.save)]


def gru_of_others() -> bytes:
    """As Action2Motion saves its recognisers."""
    names = {"to_features": "linear1", "to_logits": "linear2", "recurrent": "recurrent"}
    state = GruRecogniser(GruConfig(num_actions=2, hidden_dim=4)).state_dict()
    theirs = {f"{names[n.partition('.')[0]]}.{n.partition('.')[2]}": t for n, t in state.items()}
    return torch_file({"model": {n: t for n, t in theirs.items() if n.partition(".")[0] in names.values()}})


@cache
def data_set() -> dict[str, bytes]:
    """A data set's files, with those of a training run on it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        motion = a_motion()
        clips = []
        for action in ("run", "walk"):
            motion.save(folder / f"{action}.npz")
            clips.append(clip_record(motion, f"{action}.npz", action, "P1", source="a.bvh"))
        dataset = write_dataset(folder, clips, fps=30.0, provenance={"made_by": "fuzzing"}, licence="CC0")
        open_packed(dataset)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def state_seeds() -> list[bytes]:
    config = TrainConfig(latent_dim=8, ff_dim=8, num_layers=1, num_heads=2, num_frames=8, points="joints")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in data_set().items():
            (folder / name).write_bytes(content)
        Run.start(Dataset.load(folder), config).save(folder)
        content = (folder / STATE_FILE).read_bytes()
        size = 8 + int.from_bytes(content[:8], "little")
        header = content[8:size].replace(str(folder.resolve()).encode(), b".")  # where inputs are read
        return [content[:8] + header.ljust(size - 8) + content[size:]]


def manifest_seed() -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        manifest = Manifest(Path(temporary), "blazepose", {}, "largest")
        manifest.record(Entry("a.mp4", "/videos/a.mp4", "a", 1000, 5))
        manifest.write()
        return (Path(temporary) / MANIFEST_NAME).read_bytes()


ESTIMATE = json.dumps(
    {
        "video": {"name": "a.mp4", "fps": 30.0},
        "people": [
            {
                **{"file": "person_1.npz", "person": 1, "start_s": 0.0, "fps": 30.0, "frames": 12},
                **{"height_px": 200.0, "off_centre_px": 10.0, "quality": {"verdict": "good"}},
            }
        ],
    }
).encode()

ELEMENTS = b"0LtLS9wROrk_E_002407_002435_A_0003_0005 4\n0LtLS9wROrk_E_002407_002435_A_0006_0008 7\n"
CATEGORIES = b"Clabel:4; set:1; Glabel:5; (VT) round-off, flic-flac on\n"
TIMES = json.dumps(
    {
        "0LtLS9wROrk": {
            "E_002407_002435": {
                "event": 1,
                "timestamps": [[2407.32, 2435.28]],
                "segments": {"A_0003_0005": {"stages": 1, "timestamps": [[3.45, 5.64]]}},
            }
        }
    }
).encode()
OPTIONS = b"modeltype: cvae\narchiname: transformer\npose_rep: rot6d\nglob: true\ntranslation: true\n" + (
    b"num_frames: 60\nlatent_dim: 8\nnum_layers: 1\nactions: [a, b]\nfps: 30\n"
)
LISTING = b"file,start,end,action,person\na.bvh,0:01,2.5,walk,P1\n# no\nb.bvh,,,run,P2\n"


def video(codec: str, suffix: str) -> bytes:
    def write(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(6):
                picture = np.full((48, 64, 3), 40 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode(None))

    return written(f"a{suffix}", write)


def archive_seeds(kind: str) -> list[bytes]:
    files = {"set/one.bvh": b"one" * 50, "set/two.bvh": bytes(3000)}
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return [buffer.getvalue()]


def ntu_seeds() -> list[bytes]:
    people = {1: {"pose": np.zeros((6, 72)), "joints3d": np.zeros((6, 49, 3))}}
    return [joblib_file(people), joblib_file(people, 3)]


def humanact_seeds() -> list[bytes]:
    clips = {"poses": [np.zeros((6, 72))] * 2, "joints3D": [np.zeros((6, 24, 3))] * 2, "y": [0, 11]}
    return [pickle.dumps(clips, 2), pickle.dumps(clips, 4)]


def uestc_seeds() -> list[bytes]:
    clips = {
        "pose": [np.zeros((6, 72))] * 2,
        "joints3d": [np.zeros((6, 49, 3))] * 2,
        "orig_cam": [np.full((6, 4), 0.5)] * 2,
    }
    return [pickle.dumps(clips, 4), joblib_file(clips)]


UESTC_INFO = {
    "info/names.txt": b"a0_d0_p001_c1_color.avi\na1_d0_p002_c1_color.avi\n",
    "info/action_classes.txt": b"".join(b"action %d\n" % n for n in range(40)),
    "info/num_frames_min.txt": b"6\n6\n",
}


# ---- reading ----


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


def read_table(path: Path) -> Any:
    return read_rows(path, Row, "fuzzing")


@dataclass(frozen=True)
class Row:
    """A line of a table of ours."""

    name: str
    seconds: float
    number: int


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


def read_estimate(folder: Path) -> None:
    estimated(folder / "person_1.npz")
    saved.read_estimate(folder)
