"""Progress says stage, count, rate and time left: on a terminal in a bar, elsewhere in plain lines."""

import io
import sys
import threading

import pytest

from motionary import progress


@pytest.fixture
def clock(monkeypatch):
    """Time that stands still until it is moved."""

    class Clock:
        now_s = 100.0

        def monotonic(self) -> float:
            return self.now_s

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_now_and_then(clock, capsys):
    with progress.stage("importing", 1000, "file") as stage:
        for _ in range(1000):
            clock.now_s += 0.5
            stage.advance()
    printed, lines = capsys.readouterr()
    lines = lines.splitlines()
    assert printed == ""
    assert lines[0] == "importing  6/1000 (1 %)  2 file/s  8:17 left"
    assert 8 <= len(lines) <= 14
    assert lines[-1] == "importing  1000 in 8:20  2 file/s"
    assert all("\r" not in line and "\x1b" not in line for line in lines)


def test_short_work_says_nothing_in_a_log(clock, capsys):
    for _ in progress.each(range(10), "looking"):
        clock.now_s += 0.1
    assert capsys.readouterr() == ("", "")


def test_rates_below_one_are_seconds_each(clock):
    with progress.stage("training", 10, "epoch") as stage:
        clock.now_s += 30
        stage.advance(note="loss 2.1")
        assert stage.facts() == "1/10 (10 %)  30 s/epoch  4:30 left  loss 2.1"


def test_what_was_done_before_says_nothing_about_the_rate(clock):
    with progress.stage("training", 100, "epoch", done=90) as stage:
        clock.now_s += 10
        stage.tell(95)
        assert stage.facts() == "95/100 (95 %)  2 s/epoch  0:10 left"
    with progress.stage("estimating", unit="video") as stage:
        stage.skip(50)
        clock.now_s += 10
        stage.tell(60, 70)
        assert stage.facts() == "60/70 (86 %)  1 video/s  0:10 left"


def test_without_a_total_the_count_and_rate_are_told(clock):
    with progress.stage("reading", unit="frame") as stage:
        clock.now_s += 2
        stage.advance(50)
        assert stage.facts() == "50  25 frame/s"


def test_a_terminal_gets_a_bar_that_leaves_a_line(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress.stage("training", 4, "epoch") as outer, progress.stage("drawing", 2, "strip") as inner:
        inner.advance(2)
        outer.advance(4)
        progress.say("by the way")
    said = terminal.getvalue()
    assert "by the way\n" in said
    assert "━" in said
    assert "training  4 in 0:00" in said
    assert progress._shown._bars is None


def test_threads_may_tell_one_stage(clock, capsys):
    with progress.stage("scoring", 400, "seed") as stage:
        threads = [threading.Thread(target=lambda: [stage.advance() for _ in range(100)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stage.done == 400


def test_hushed_says_nothing_and_ends(clock, capsys):
    with progress.hushed(), progress.stage("training", 2) as stage:
        clock.now_s += 100
        stage.advance()
        progress.say("by the way")
    assert capsys.readouterr() == ("", "")
    progress.say("again")
    assert capsys.readouterr().err == "again\n"


def test_an_error_takes_the_bar_away(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(ValueError, match="broke"), progress.stage("training", 2):
        raise ValueError("it broke")
    assert progress._shown._bars is None
