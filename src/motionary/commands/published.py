"""`motionary import-model`: ACTOR's published checkpoints."""

from pathlib import Path

from tyro.conf import Positional

from motionary.commands.speaking import Answer


def import_model(
    file: Positional[str],
    /,
    *,
    out: Path,
    opt: Path | None = None,
    actions: tuple[str, ...] = (),
    fps: float | None = None,
    to_reference: bool = False,
) -> Answer:
    """Turn a published ACTOR checkpoint into a model, or the reverse.

    Args:
        file: A checkpoint_*.pth.tar; with --to-reference a run folder, a model.safetensors, or the name of a
            bundled model.
        out: Folder or .safetensors file of the model; with --to-reference the .pth.tar.
        opt: The opt.yaml of its training, which names the data set and the length of its motions.
        actions: Names of its actions in label order, or a text file with one on each line.
        fps: Frames per second of its motions, instead of the data set's.
        to_reference: Write the published code's checkpoint, and an opt.yaml beside it.
    """
    from motionary.models.checkpoint import MODEL_FILE, load_model
    from motionary.models.published import PublishedOptions, export_published, import_published

    if to_reference:
        checkpoint = export_published(load_model(file), out)
        return Answer({"checkpoint": str(checkpoint)}, (f"checkpoint: {checkpoint}",))
    options = PublishedOptions.read(opt) if opt else None
    model = import_published(file, options, _names(actions), fps)
    path = out if out.suffix == ".safetensors" else out / MODEL_FILE
    model.save(path)
    facts = {"model": str(path), "actions": model.actions, "fps": model.fps}
    return Answer(facts, (f"model: {path} ({len(model.actions)} actions at {model.fps:g} frames/s)",))


def _names(given: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names, or those in the text file that was given instead."""
    if len(given) == 1 and Path(given[0]).is_file():
        lines = Path(given[0]).read_text(encoding="utf-8").splitlines()
        return tuple(line.strip() for line in lines if line.strip())
    return given or None
