"""The `motionary` command: parses, calls, prints.

A command is one typed function: its signature is the interface, its docstring the help. Everything heavy is
imported inside, so that `--help` is quick.
"""

import difflib
import io
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

from motionary import progress
from motionary.atomic import explained, in_words
from motionary.commands.assets import assets_get, assets_list, assets_set
from motionary.commands.chart import figure_confusion, figure_curves
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
from motionary.commands.export import export, overlay
from motionary.commands.figure import figure_compare, figure_diversity, figure_sheet, figure_strip
from motionary.commands.finegym import finegym_curate, finegym_cut, finegym_fetch, finegym_plan
from motionary.commands.generate import generate
from motionary.commands.licences import licences
from motionary.commands.named import dataset_check, dataset_list
from motionary.commands.overview import HELP, family, listing, overview
from motionary.commands.published import import_model
from motionary.commands.report import report
from motionary.commands.speaking import MANNERS, Answer, Command, ask, carry_out
from motionary.interruption import ending_raises, exit_code, sender
from motionary.labels import plain


class CommandError(Exception):
    """What a user needs to know about a command that could not be carried out."""


def train(
    dataset: Positional[Path | None] = None,
    /,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    preset: Literal["best", "small", "paper"] = "best",
    epochs: int | None = None,
    seed: int | None = None,
    config: Annotated[tuple[str, ...], arg(name="set", metavar="NAME=VALUE")] = (),
    anyway: FlagCreatePairsOff[bool] = False,
) -> Answer:
    """Train ACTOR on a data set, or go on with a run.

    Args:
        dataset: Data set folder.
        out: Folder of the run: model.safetensors, logs, samples.
        resume: A run to go on with, instead of DATASET and OUT.
        preset: best learns in minutes on a CPU, as it begins with what is linear in the data; small is ACTOR
            alone, a tenth of its size; paper is the published recipe.
        epochs: Passes over the data, instead of the preset's.
        seed: Seed of everything random.
        config: Other settings of the preset, such as learning_rate=3e-4 or augment.mirror=true.
        anyway: Begin even if memory or disk seem too small for it.
    """
    from motionary.datasets import Dataset
    from motionary.training import PRESETS, training_need, with_settings
    from motionary.training import resume as resume_run
    from motionary.training import train as train_run

    if resume is not None:
        if dataset is not None or out is not None:
            raise CommandError("--resume takes neither DATASET nor --out: the run knows its own.")
        return _made("model", resume_run(resume, epochs=epochs))
    if dataset is None or out is None:
        raise CommandError("Training needs DATASET and --out RUN, or --resume RUN.")
    given = {"epochs": epochs, "seed": seed}
    settings = [f"{name}={value}" for name, value in given.items() if value is not None]
    chosen = with_settings(PRESETS[preset], [*settings, *config])
    loaded = Dataset.load(dataset)
    if chosen.augment.mirror:
        images = loaded.mirrored_actions().items()
        progress.say("mirror images: " + ", ".join(f"{a} -> {b or 'never'}" for a, b in images))
    if not anyway:
        remedy = "lower batch_size or num_frames, or begin with --anyway"
        training_need(loaded, chosen).check("This training", out, remedy)
    return _made("model", train_run(loaded, out, chosen))


def train_recogniser(
    dataset: Positional[Path],
    /,
    *,
    out: Path,
    kind: Literal["gru", "stgcn"] = "gru",
    epochs: int | None = None,
    seed: int | None = None,
) -> Answer:
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
    report, metrics = checkpoint.with_name("report.md"), checkpoint.with_name("metrics.json")
    lines = [report.read_text(encoding="utf-8")] if report.exists() else []  # unless no clip was held out
    facts = {"recogniser": str(checkpoint), **json.loads(metrics.read_text(encoding="utf-8"))}
    return Answer(facts, (*lines, f"recogniser: {checkpoint}"))


def studio(
    source: Positional[tuple[str, ...]],
    /,
    *,
    dataset: Path | None = None,
    body: str = "figure",
    port: int = 8080,
    host: str = "127.0.0.1",
    token: str | None = None,
    anyone: bool = False,
) -> Answer:
    """Look at motions in the browser: a folder's, or new ones of a model.

    Args:
        source: Folders of motions; or models: a run folder, a model.safetensors, or a bundled model's name.
        dataset: Data set folder; shows its real clips nearest to a motion.
        body: figure, sticks, smpl (once it is set as an asset), or the path of a SMPL model.
        port: Port of the page.
        host: Address it answers at; other machines reach it where this is not 127.0.0.1, and need a token.
        token: Letters and digits that whoever opens the page must know; made up when needed and not given.
        anyone: Let anyone in who reaches the port, without a token.
    """
    from motionary.studio import Door, serve

    serve(*source, door=Door.of(host, port, token, anyone), dataset=dataset, body=body)
    return Answer()


def demo(*, out: Path = Path("motionary-demo")) -> Answer:
    """See the whole path in a few minutes, and a report of it all.

    Args:
        out: Folder for everything it makes.
    """
    from motionary.atomic import working_in
    from motionary.demo import run_demo

    with working_in(out):
        return _made("report", run_demo(out))


def completion(shell: Positional[Literal["bash", "zsh", "fish"]], /) -> Answer:
    """Print what makes a shell complete motionary's commands and options.

    For this session: `source <(motionary completion bash)`; for all, put that line into ~/.bashrc. For zsh
    likewise in ~/.zshrc, after `compinit`; for fish: `motionary completion fish | source`.

    Args:
        shell: Whose.
    """
    from motionary.commands.completing import completion_script

    script = completion_script(shell, COMMANDS)
    return Answer({"script": script}, (script,))


def _made(what: str, path: Path) -> Answer:
    return Answer({what: str(path)}, (f"{what}: {path}",))


COMMANDS: dict[str, Command] = {
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
    "overlay": overlay,
    "figure strip": figure_strip,
    "figure compare": figure_compare,
    "figure diversity": figure_diversity,
    "figure sheet": figure_sheet,
    "figure curves": figure_curves,
    "figure confusion": figure_confusion,
    "report": report,
    "studio": studio,
    "finegym plan": finegym_plan,
    "finegym fetch": finegym_fetch,
    "finegym cut": finegym_cut,
    "finegym curate": finegym_curate,
    "assets list": assets_list,
    "assets get": assets_get,
    "assets set": assets_set,
    "licences": licences,
    "completion": completion,
}

LONGEST_MESSAGE = 2000
"""Letters of an error; the file's name comes first and what to do last."""

STEPS = {
    "see": ("demo",),
    "collect": ("estimate", "import", "dataset", "finegym"),
    "learn": ("train", "train-recogniser", "import-model"),
    "perform": ("generate", "export", "overlay"),
    "judge": ("evaluate", "compare"),
    "show": ("report", "figure", "studio"),
    "set up": ("assets", "licences", "completion"),
}
"""The path that commands and families of commands follow."""


def main(argv: list[str] | None = None) -> None:
    """Run one command; a user's mistake is one line on stderr and exit code 2."""
    _open_streams()
    words = sys.argv[1:] if argv is None else argv
    while words and words[0] in MANNERS and len(words) > 1:
        words = [*words[1:], words[0]]
    if not words or words[0] in HELP:
        print(overview(COMMANDS, STEPS))
        return
    if words[0] == "--version":
        print(version("motionary"))
        return
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal has letters for every name
    try:
        _check_place()
        name, rest = _command(words)
        _check_said_once(rest)
        manner, work = ask(COMMANDS[name], name, rest)
        with ending_raises():
            carry_out(work, manner)
    except BrokenPipeError:  # whoever read the result, such as `head`, has seen enough
        _forget_stdout()
        sys.exit(1)
    except (CommandError, ValueError, OSError) as error:
        _print_error(explained(error))
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"motionary: stopped by {sender(interrupt)}; what was finished is kept.", file=sys.stderr)
        sys.exit(exit_code(interrupt))


def _open_streams() -> None:
    """Open what was closed: C libraries would write their remarks into the file that is opened next."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _check_place() -> None:
    """In a folder that was removed, libraries die without a word that helps."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise CommandError("the folder you are in is gone; change into another.") from None


def _command(words: list[str]) -> tuple[str, list[str]]:
    """The command's name and its own words."""
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return name, words[length:]
    members = family(words[0], COMMANDS)
    if members and set(words[1:2]) <= HELP:
        print(listing(members, COMMANDS))
        sys.exit(0 if words[1:] else 2)
    near = members or difflib.get_close_matches(words[0], _said_first(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`motionary --help` lists them."
    raise CommandError(f"unknown command {' '.join(words[:2] if members else words[:1])!r}; {hint}")


def _check_said_once(words: list[str]) -> None:
    """Of a repeated --set only the last would count, without a word."""
    if words.count("--set") > 1:
        raise CommandError("--set is given twice; say it once, with all its values after it.")


def _forget_stdout() -> None:
    """Python would complain once more on closing it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _said_first() -> list[str]:
    return list(dict.fromkeys((*COMMANDS, *(name.split()[0] for name in COMMANDS))))


def _print_error(error: Exception) -> None:
    if isinstance(error, UnicodeEncodeError):
        error = ValueError(f"{error.object[:200]} is named in bytes that are no UTF-8; rename it.")
    print(f"motionary: {_shortened(plain(' '.join(in_words(error).split())))}", file=sys.stderr)


def _shortened(message: str) -> str:
    """A message that quotes a damaged file may quote much of it."""
    half = LONGEST_MESSAGE // 2
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:half]} [...] {message[-half:]}"
