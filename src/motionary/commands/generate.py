"""`motionary generate`: performing actions anew."""

from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from motionary.commands.speaking import Answer

Formats = Annotated[str, arg(metavar="npz,bvh,glb,mp4")]


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
    anyway: FlagCreatePairsOff[bool] = False,
) -> Answer:
    """Perform an action anew, as often and as long as wanted.

    Stopped or killed, the same command goes on where it was.

    Args:
        model: A run folder, a model.safetensors, or the name of a bundled model.
        action: Name of an action, or all.
        out: Folder for the motions: OUT/<action>_<k>.<format>.
        num: Motions of each action.
        frames: Length in frames; the length the model was trained on when not given.
        seconds: Length in seconds instead.
        seed: The same seed gives the same motions.
        formats: What to write, separated by commas.
        anyway: Begin even if memory or disk seem too small for it.
    """
    from motionary.export import check_formats
    from motionary.models import load_model
    from motionary.producing import Wish, produce

    suffixes = check_formats(formats.split(","))
    loaded = load_model(model)
    actions = loaded.actions if action == "all" else (action,)
    wish = Wish(tuple(actions), num, seed, frames, seconds, tuple(suffixes))
    if not anyway:
        need = wish.need(loaded)
        need.check(f"{num * len(actions)} motions", out, "ask for less, or begin with --anyway")
    files = [str(path) for path in produce(loaded, wish, out)]
    made, kinds = num * len(actions), len(actions)
    said = f"{made} motion{'s'[: made > 1]} of {kinds} action{'s'[: kinds > 1]} -> {out}"
    return Answer({"out": str(out), "actions": actions, "files": files}, (said,))
