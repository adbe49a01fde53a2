"""The `motionary` command: parses, calls, prints.

A command is one typed function: its signature is the interface, its docstring the help. Everything heavy is
imported inside, so that `--help` is quick.
"""

import difflib
import inspect
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from motionary.atomic import explained
from motionary.commands.assets import assets_get, assets_list, assets_set
from motionary.commands.compare import compare
from motionary.commands.dataset import dataset_inspect, import_
from motionary.commands.dataset_editing import (
    dataset_filter,
    dataset_merge,
    dataset_mirror,
    dataset_relabel,
    dataset_split,
)
from motionary.commands.estimate import estimate
from motionary.commands.evaluate import evaluate
from motionary.commands.figure import figure_compare, figure_diversity, figure_sheet, figure_strip
from motionary.commands.finegym import finegym_curate, finegym_cut, finegym_fetch, finegym_plan
from motionary.commands.named import dataset_check, dataset_list
from motionary.commands.published import import_model
from motionary.interruption import exit_code, sender, sigterm_raises

Formats = Annotated[str, arg(metavar="npz,bvh,glb,mp4")]


class CommandError(Exception):
    """What a user needs to know about a command that could not be carried out."""


def train(
    dataset: Positional[Path | None] = None,
    /,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    preset: Literal["small", "best", "paper"] = "small",
    epochs: int | None = None,
    seed: int | None = None,
    config: Annotated[tuple[str, ...], arg(name="set", metavar="NAME=VALUE")] = (),
) -> None:
    """Train ACTOR on a data set, or go on with a run.

    Args:
        dataset: Data set folder.
        out: Folder of the run: model.safetensors, logs, samples.
        resume: A run to go on with, instead of DATASET and OUT.
        preset: small and best learn on a CPU; paper is the published recipe.
        epochs: Passes over the data, instead of the preset's.
        seed: Seed of everything random.
        config: Other settings of the preset, such as learning_rate=3e-4 or augment.mirror=true.
    """
    from motionary.datasets import Dataset
    from motionary.training import PRESETS, with_settings
    from motionary.training import resume as resume_run
    from motionary.training import train as train_run

    if resume is not None:
        if dataset is not None or out is not None:
            raise CommandError("--resume takes neither DATASET nor --out: the run knows its own.")
        print(f"model: {resume_run(resume, epochs=epochs)}")
        return
    if dataset is None or out is None:
        raise CommandError("Training needs DATASET and --out RUN, or --resume RUN.")
    given = {"epochs": epochs, "seed": seed}
    settings = [f"{name}={value}" for name, value in given.items() if value is not None]
    chosen = with_settings(PRESETS[preset], [*settings, *config])
    loaded = Dataset.load(dataset)
    if chosen.augment.mirror:
        images = loaded.mirrored_actions().items()
        print("mirror images:", ", ".join(f"{a} -> {b or 'never'}" for a, b in images))
    print(f"model: {train_run(loaded, out, chosen)}")


def train_recogniser(
    dataset: Positional[Path],
    /,
    *,
    out: Path,
    kind: Literal["gru", "stgcn"] = "gru",
    epochs: int | None = None,
    seed: int | None = None,
) -> None:
    """Train the action recogniser that scores generated motion.

    Args:
        dataset: Data set folder.
        out: Folder for the recogniser: model.safetensors, and how well it does: report.md, confusion.png.
        kind: gru looks at joint positions and learns fast; stgcn looks at rotations.
        epochs: Most passes over the data; it stops early when it no longer gains.
        seed: Seed of everything random.
    """
    from dataclasses import replace

    from motionary.datasets import Dataset
    from motionary.recognition import TRAIN_CONFIGS
    from motionary.recognition import train_recogniser as train_run

    config = TRAIN_CONFIGS[kind]
    config = replace(config, epochs=config.epochs if epochs is None else epochs)
    config = replace(config, seed=config.seed if seed is None else seed)
    checkpoint = train_run(Dataset.load(dataset), out, config)
    report = checkpoint.with_name("report.md")
    if report.exists():  # unless no clip was held out
        print(report.read_text(encoding="utf-8"))
    print(f"recogniser: {checkpoint}")


def generate(
    model: Positional[str],
    /,
    *,
    action: str,
    out: Path,
    num: int = 1,
    frames: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    formats: Formats = "npz",
) -> None:
    """Perform an action anew, as often and as long as wanted.

    Args:
        model: A run folder, a model.safetensors, or the name of a bundled model.
        action: Name of an action, or all.
        out: Folder for the motions: OUT/<action>_<k>.<format>.
        num: Motions of each action.
        frames: Length in frames; the length the model was trained on when not given.
        seconds: Length in seconds instead.
        seed: The same seed gives the same motions.
        formats: What to write, separated by commas.
    """
    from motionary.export import check_formats, export_motion
    from motionary.generation import performances
    from motionary.models import load_model

    suffixes = check_formats(formats.split(","))
    loaded = load_model(model)
    actions = loaded.actions if action == "all" else (action,)
    for name in actions:
        motions = performances(loaded, name, num, frames=frames, seconds=seconds, seed=seed)
        for index, motion in enumerate(motions):
            for suffix in suffixes:
                export_motion(motion, out / f"{name}_{index}{suffix}")
    print(f"{num * len(actions)} motions of {len(actions)} actions -> {out}")


def export(
    motion: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    root: Literal["moving", "in_place"] = "moving",
    bones: Literal["smpl", "mixamo", "unreal", "vrm"] = "smpl",
    unit: Literal["cm", "m"] = "cm",
) -> None:
    """Write a motion in another format, chosen by the suffix of OUT.

    Args:
        motion: A .npz motion; several for one .glb.
        out: File to write: .npz, .bvh, .glb, .mp4, .png, .html, .trc or .jsonl.
        root: in_place keeps the person over one spot of the ground.
        bones: Whose bone names a .bvh or .glb bears.
        unit: Of a .bvh.
    """
    from motionary.export import ExportConfig, export_motion, export_together
    from motionary.motion import Motion

    if not motion:
        raise ValueError("Expected a .npz motion; none was given.")
    config = ExportConfig(root, bones, unit)
    motions = [Motion.load(path) for path in motion]
    if len(motions) > 1:
        print(export_together(motions, out, config=config))
    else:
        print(export_motion(motions[0], out, config=config))


def studio(source: Positional[str], /, *, port: int = 8080) -> None:
    """Look at motions in the browser: those in a folder, or new ones of a model.

    Args:
        source: A folder of motions, a run folder, a model.safetensors, or the name of a bundled model.
        port: Port on this machine alone (127.0.0.1).
    """
    from motionary.studio import serve

    serve(source, port)


def demo(*, out: Path = Path("motionary-demo")) -> None:
    """See the whole path in a few minutes: estimate, generate, score, export, and a report of it all.

    Args:
        out: Folder for everything it makes.
    """
    from motionary.demo import run_demo

    print(f"report: {run_demo(out)}")


COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "estimate": estimate,
    "import": import_,
    "dataset list": dataset_list,
    "dataset check": dataset_check,
    "dataset inspect": dataset_inspect,
    "dataset split": dataset_split,
    "dataset merge": dataset_merge,
    "dataset relabel": dataset_relabel,
    "dataset filter": dataset_filter,
    "dataset mirror": dataset_mirror,
    "train": train,
    "train-recogniser": train_recogniser,
    "import-model": import_model,
    "generate": generate,
    "evaluate": evaluate,
    "compare": compare,
    "export": export,
    "figure strip": figure_strip,
    "figure compare": figure_compare,
    "figure diversity": figure_diversity,
    "figure sheet": figure_sheet,
    "studio": studio,
    "finegym plan": finegym_plan,
    "finegym fetch": finegym_fetch,
    "finegym cut": finegym_cut,
    "finegym curate": finegym_curate,
    "assets list": assets_list,
    "assets get": assets_get,
    "assets set": assets_set,
}
"""In the order of the path they follow."""


def main(argv: list[str] | None = None) -> None:
    """Run one command; a user's mistake is one line on stderr and exit code 2."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help"):
        _print_overview()
        return
    if words[0] == "--version":
        print(version("motionary"))
        return
    name, rest = _command(words)
    try:
        with sigterm_raises():
            tyro.cli(COMMANDS[name], args=rest, prog=f"motionary {name}")
    except (CommandError, ValueError, OSError) as error:
        _print_error(explained(error))
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"motionary: stopped by {sender(interrupt)}; what was finished is kept.", file=sys.stderr)
        sys.exit(exit_code(interrupt))


def _command(words: list[str]) -> tuple[str, list[str]]:
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return name, words[length:]
    family = [name for name in COMMANDS if name.startswith(f"{words[0]} ")]
    near = family or difflib.get_close_matches(words[0], COMMANDS, n=3)
    hint = f"; did you mean {' or '.join(near)}" if near else "; `motionary --help` lists them"
    _print_error(CommandError(f"unknown command {' '.join(words[:2] if family else words[:1])!r}{hint}."))
    sys.exit(2)


def _print_overview() -> None:
    print("Learns human motion from ordinary videos and performs it again on demand.\n")
    print("usage: motionary COMMAND ...   (motionary COMMAND --help tells the rest)\n")
    for name, command in COMMANDS.items():
        summary = (inspect.getdoc(command) or "").splitlines()[0]
        print(f"  {name:<18}{summary}")


def _print_error(error: Exception) -> None:
    print(f"motionary: {' '.join(str(error).split())}", file=sys.stderr)
