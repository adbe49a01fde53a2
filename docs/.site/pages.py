"""Pages of the documentation that are made from the code, which keeps them true, and the site's order."""

import io
import re
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest import mock

from mkdocs.structure.files import File, Files

from motionary.cli import COMMANDS, STEPS
from motionary.commands.overview import family, summary
from motionary.commands.speaking import ask
from motionary.evaluation.explained import EXPLAINED

ROOT = Path(__file__).resolve().parents[2]
ORDER: list[Any] = [
    {"Start": ["index.md", "tour.md", "gallery.md"]},
    {"Data": ["estimating_many.md", "quality.md", "vibe_and_pare.md", "datasets.md", "named-datasets.md",
              "formats.md", "finegym.md"]},
    {"Numbers": ["numbers.md", "evaluation.md", "results.md", "experiments.md", "performance.md",
                 "published.md"]},
    {"Extend": ["architecture.md", "contributing.md", "changelog.md"]},
]  # fmt: skip
"""Pages that exist and are not named come last."""


def on_files(files: Files, config: Any) -> Files:
    """Add the made pages, and put all into their order."""
    for name, text in _made().items():
        files.append(File.generated(config, name, content=text))
    pages = [file.src_uri for file in files.documentation_pages()]
    sections = [
        {title: [page for page in wanted if page in pages]}
        for section in ORDER
        for title, wanted in section.items()
    ]
    commands = [page for page in pages if page.startswith("commands/")]
    named = {page for section in sections for wanted in section.values() for page in wanted} | set(commands)
    rest = [page for page in pages if page not in named]
    config.nav = [sections[0], {"Commands": commands}, *sections[1:], *([{"More": rest}] if rest else [])]
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the repository that are no pages become their names."""
    return re.sub(r"\[([^\]]+)\]\(\.\./([^)]+)\)", r"\1 (`\2` in the repository)", markdown)


def _made() -> dict[str, str]:
    pages = {
        "index.md": _from_root("README.md"),
        "changelog.md": _from_root("CHANGELOG.md"),
        "contributing.md": _from_root("CONTRIBUTING.md"),
        "numbers.md": _numbers(),
        "commands/index.md": _commands(),
    }
    for first in dict.fromkeys(name.split()[0] for name in COMMANDS):
        members = [first] if first in COMMANDS else family(first, COMMANDS)
        text = "\n\n".join(f"## motionary {name}\n\n```text\n{_help(name)}\n```" for name in members)
        pages[f"commands/{first}.md"] = f"# {first}\n\n{text}\n"
    return pages


def _from_root(name: str) -> str:
    """A file beside the docs folder, its links as they are from within."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for other in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = text.replace(f"]({other})", f"]({other.lower()})")
    return text.replace("[LICENSE](LICENSE)", "`LICENSE`")


def _commands() -> str:
    lines = [
        "# Commands",
        "",
        "Every command takes `--quiet` and `--json`; what follows is what `--help` says.",
    ]
    for step, names in STEPS.items():
        lines += ["", f"## {step.capitalize()}", ""]
        for name in names:
            about = summary(COMMANDS[name]) if name in COMMANDS else ", ".join(_members(name))
            lines.append(f"- [`{name}`]({name}.md): {about}")
    return "\n".join(lines) + "\n"


def _members(name: str) -> list[str]:
    return [f"`{member.removeprefix(f'{name} ')}`" for member in family(name, COMMANDS)]


def _help(name: str) -> str:
    printed = io.StringIO()
    with (
        mock.patch.dict("os.environ", COLUMNS="100", NO_COLOR="1"),
        redirect_stdout(printed),
        suppress(SystemExit),
    ):
        ask(COMMANDS[name], name, ["--help"])
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.getvalue()).strip()


def _numbers() -> str:
    rows = "\n".join(f"| {word} | {said} |" for word, said in EXPLAINED.items())
    table = f"| word | meaning |\n|---|---|\n{rows}\n"
    return (
        "# What each number means\n\nThe words of the tables that `motionary evaluate` prints and "
        "`motionary report` shows. Exact definitions and sources stand in "
        f"[Evaluation](evaluation.md), measured values in [Results](results.md).\n\n{table}"
    )
