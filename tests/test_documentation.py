"""The examples in the README and the documentation run, and the site builds from this checkout alone."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from motionary.cli import COMMANDS, main
from motionary.evaluation.explained import EXPLAINED
from motionary.export import export_motion
from motionary.generation import generate
from motionary.models import load_model

ROOT = Path(__file__).resolve().parents[1]
RUNNABLE = re.compile(r"<!-- run -->\n```(bash|python)\n(.*?)```", re.S)
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if RUNNABLE.search(path.read_text())
]
ACTIONS = ("kickLFront", "squat1Reps")
SHORTER = {
    "train": ["--epochs", "2", "--set", "num_layers=1", "latent_dim=32", "ff_dim=32", "points=joints"],
    "train-recogniser": ["--epochs", "2"],
    "evaluate": ["--seeds", "2"],
    "report": ["--samples", "1"],
    "import": ["--workers", "0"],
}
"""What is added to long commands of the examples, unless they have that option."""
MOST = {"--num": 3, "--epochs": 3, "--samples": 2, "--seeds": 2}
"""Of what the examples ask for."""


def commands_of(block: str) -> list[list[str]]:
    """A bash block's commands, word by word; comments go, lines that go on are joined."""
    lines = block.replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in re.split(r"\s&&\s", line)]
    return [words for part in parts if (words := shlex.split(part, comments=True))]


def shortened(words: list[str]) -> list[str]:
    """A command that does the same and less of it."""
    pairs = zip(["", *words], words, strict=False)
    fewer = [str(min(int(word), MOST[before])) if before in MOST else word for before, word in pairs]
    fewer = [word.replace(",mp4", "") for word in fewer]  # films take long, and have tests of their own
    added = SHORTER.get(words[0], [])
    return fewer if not added or added[0] in words else [*fewer, *added]


def run(words: list[str]) -> None:
    if words[0] != "motionary":
        subprocess.run(words, check=True)
        return
    if ">" in words:
        words = words[: words.index(">")]
    main(shortened(words[1:]))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the recordings that the README takes for granted."""
    model = load_model("hdm05")
    for action, name in zip(ACTIONS, ("kick", "squat"), strict=True):
        for index, motion in enumerate(generate(model, action, 6, frames=40)):
            export_motion(motion, tmp_path / "mocap" / f"anna_{name}_{index}.bvh")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_examples_run_in_their_order(page, place, capsys):
    blocks = RUNNABLE.findall(page.read_text())
    for language, block in blocks:
        if language == "python":
            lines = [line for line in block.splitlines() if "mp4" not in line]
            exec(compile("\n".join(lines), page.name, "exec"), {})
            continue
        for words in commands_of(block):
            if words[:2] != ["motionary", "estimate"]:  # whose tests have videos
                run(words)
    assert any(place.rglob("*.npz"))


def test_every_example_that_could_run_is_marked():
    """Blocks of motionary commands are run, but for those that need what the tests have not."""
    unmarked = []
    for path in PAGES:
        text = path.read_text()
        marked = {block for _, block in RUNNABLE.findall(text)}
        unmarked += [
            (path.name, block)
            for block in re.findall(r"```bash\n(.*?)```", text, re.S)
            if block not in marked and re.search(r"^motionary ", block, re.M)
        ]
    assert unmarked == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not shutil.which("mkdocs", path=str(Path(sys.executable).parent)):
        pytest.skip("needs the extra `docs`")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return out


def test_the_site_explains_every_command_and_number(site):
    pages = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    commands = "".join(text for name, text in pages.items() if name.startswith("commands/"))
    assert all(f"motionary {name}" in commands for name in COMMANDS)
    assert "--label-pattern" in commands
    assert all(word in pages["numbers/index.html"] for word in EXPLAINED)
    written = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert written <= {name.split("/")[0] for name in pages}


def test_the_site_asks_for_nothing_elsewhere(site):
    fetched = re.compile(
        r'<(?:script|img|iframe|source)\b[^>]*\bsrc="(?:https?:)?//|<link\b[^>]*\bhref="(?:https?:)?//'
    )
    for path in site.rglob("*.html"):
        assert not fetched.search(path.read_text()), path
    for path in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", path.read_text()), path
