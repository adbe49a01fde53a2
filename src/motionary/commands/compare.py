"""`motionary compare`: estimators, or models, beside one another on one page."""

from pathlib import Path

from tyro.conf import Positional

from motionary.commands.speaking import Answer


def compare(
    contender: Positional[tuple[str, ...]],
    /,
    *,
    out: Path,
    recogniser: tuple[str, ...] = (),
    every: int | None = None,
    num: int = 8,
    seed: int = 0,
) -> Answer:
    """Put estimates of the same videos, or models, side by side.

    Args:
        contender: Two or more folders that `motionary estimate --out` wrote (or one video's folder in each);
            or two or more models: run folders, .safetensors files, names of bundled ones.
        out: Folder for compare.html, which needs no other file, and compare.json.
        recogniser: Recognisers that look at everybody: folders, files or names of bundled ones.
        every: Frames from one pose of a strip to the next; about ten poses when not given.
        num: Performances of every action by a model.
        seed: Of those.
    """
    from motionary.atomic import working_in
    from motionary.body.assets import load_body
    from motionary.comparison import CompareConfig, read_contenders, write_comparison
    from motionary.datasets.folder import check_no_data_set
    from motionary.recognition import load_recogniser

    config = CompareConfig(every=every)
    if num < 1:
        raise ValueError(f"--num counts performances and must be at least 1; got {num}.")
    check_no_data_set(out)
    judges = {name: load_recogniser(name) for name in recogniser}
    contenders = read_contenders(contender, num, seed)
    with working_in(out):
        page = write_comparison(contenders, judges, out, load_body(), config)
    return Answer({"page": str(page), "numbers": str(page.with_name("compare.json"))}, (str(page),))
