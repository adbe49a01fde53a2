"""Completion is tried in a real bash, and in zsh and fish where they are."""

import shutil
import subprocess

import pytest

from motionary.cli import COMMANDS, main
from motionary.commands.completing import completion_script

ASK = """
source /dev/stdin <<< "$SCRIPT"
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p motionary | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def complete():
    if not shutil.which("bash"):
        pytest.skip("needs bash")
    script = completion_script("bash", COMMANDS)

    def ask(*words: str) -> set[str]:
        done = subprocess.run(
            ["bash", "--norc", "-c", ASK, "bash", "motionary", *words],
            env={"SCRIPT": script, "PATH": "/usr/local/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return set(done.stdout.split("\n")[:-1])

    return ask


def test_bash_completes_commands_and_their_families(complete):
    assert {name.split()[0] for name in COMMANDS} <= complete("")
    assert {"train", "train-recogniser"} == complete("tra")
    members = {name.split()[1] for name in COMMANDS if name.startswith("dataset ")}
    assert members <= complete("dataset", "")


def test_bash_completes_options_and_their_choices(complete):
    assert {"--out", "--seconds", "--quiet", "--json"} <= complete("generate", "hdm05", "--")
    assert "--max-speed" in complete("dataset", "filter", "data", "--max")
    assert {"small", "paper"} <= complete("train", "data", "--preset", "")


def test_bash_is_left_to_complete_files(complete):
    assert complete("dataset", "inspect", "some_fold") == {""}
    assert "complete -o default -F" in completion_script("bash", COMMANDS)


ASK_ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= RPS1=; autoload -U compinit; compinit -D -u; source $1; echo rea''dy"
zpty -r -m shell line '*ready*'
zpty -w -n shell "$2"$'\\t\\t'
zpty -r -m shell line "*$3*"
print -r -- "$line"
"""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("motionary tra", "train-recogniser"),
        ("motionary dataset ", "relabel"),
        ("motionary generate hdm05 --s", "--seed"),
        ("motionary train data --preset ", "small"),
    ],
)
@pytest.mark.parametrize("shell", ["fish", "zsh"])
def test_fish_and_zsh_complete_them_too(shell, line, offered, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"needs {shell} (Debian: apt install {shell})")
    script = tmp_path / "script"
    script.write_text(completion_script(shell, COMMANDS))
    asks = {
        "fish": ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
        "zsh": ["zsh", "-f", "-c", ASK_ZSH, "zsh", str(script), line, offered],
    }
    told = subprocess.run(asks[shell], capture_output=True, text=True, timeout=60)
    assert offered in told.stdout, told.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_command(shell, capsys):
    main(["completion", shell])
    script = capsys.readouterr().out
    assert all(word in script for name in COMMANDS for word in name.split())
