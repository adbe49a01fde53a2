"""The result on stdout, all else on stderr: for every command alike."""

import json

import pytest
from rich.table import Table

from motionary import cli, progress
from motionary.cli import COMMANDS, main
from motionary.commands.speaking import Answer, ask


def work(items: int = 3, /, *, broken: bool = False) -> Answer:
    """Work at something.

    Args:
        items: How many.
        broken: Whether it fails in the end.
    """
    print("a chatty library")
    for _ in progress.each(range(items), "working"):
        pass
    progress.say("by the way")
    return Answer({"items": items}, ("did it",), failure="It broke." if broken else "")


@pytest.fixture
def run(monkeypatch, capsys):
    monkeypatch.setitem(COMMANDS, "work", work)
    monkeypatch.setattr(progress, "FIRST_LINE_S", 0.0)

    def go(*words: str, code: int = 0) -> tuple[str, str]:
        if code:
            with pytest.raises(SystemExit) as stopped:
                main(["work", *words])
            assert stopped.value.code == code
        else:
            main(["work", *words])
        return tuple(capsys.readouterr())

    return go


def test_progress_goes_to_stderr_and_the_result_to_stdout(run):
    out, err = run()
    assert out == "a chatty library\ndid it\n"
    assert "working  " in err
    assert "by the way\n" in err


def test_quiet_leaves_the_result_and_the_errors(run):
    assert run("--quiet") == ("a chatty library\ndid it\n", "")
    out, err = run("--quiet", "--broken", code=2)
    assert out.endswith("did it\n")
    assert err == "motionary: It broke.\n"


def test_json_is_one_object_whatever_else_is_printed(run):
    out, err = run("--json")
    assert json.loads(out) == {"items": 3}
    assert "a chatty library" in err
    assert "by the way" in err
    out, err = run("--json", "--broken", code=2)
    assert json.loads(out) == {"items": 3}
    assert err.endswith("motionary: It broke.\n")


def test_both_may_be_said_before_the_command(run, capsys):
    main(["--quiet", "--json", "work"])
    out, err = capsys.readouterr()
    assert json.loads(out) == {"items": 3}
    assert err == "a chatty library\n"


def test_what_was_found_wrong_is_an_exit_code_and_no_error(run, monkeypatch):
    monkeypatch.setitem(COMMANDS, "work", lambda: Answer(shown=(Table(title="found"),), exit_code=1))
    assert run(code=1)[1] == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_quiet_and_json(name, capsys):
    with pytest.raises(SystemExit):
        ask(COMMANDS[name], name, ["--help"])
    printed = capsys.readouterr().out
    assert "--quiet" in printed
    assert "--json" in printed


def test_a_reader_that_goes_away_is_no_error(run, monkeypatch):
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "carry_out", gone)
    monkeypatch.setattr(cli, "_forget_stdout", lambda: None)
    assert run(code=1) == ("", "")
