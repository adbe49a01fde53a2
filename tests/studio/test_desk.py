"""Clicks are answered one after the other, and of a slider's many the last."""

from threading import Event

from motionary.studio.desk import Desk


def test_the_latest_of_a_kind_counts_and_all_kinds_are_served():
    done, gate = [], Event()
    desk = Desk(lambda text: None)
    desk.ask("first", gate.wait)
    for number in range(50):
        desk.ask("slider", lambda number=number: done.append(number))
    desk.ask("download", lambda: done.append("file"))
    gate.set()
    assert desk.rest(10.0)
    desk.stop()
    assert done == [49, "file"]


def test_errors_are_told_and_end_nothing(caplog):
    told, done = [], []
    desk = Desk(told.append)
    desk.ask("a", lambda: int("no number"))
    desk.ask("b", lambda: {}["missing"])
    desk.ask("c", lambda: done.append(True))
    assert desk.rest(10.0)
    desk.stop()
    assert "no number" in told[0]
    assert "terminal" in told[1]
    assert "KeyError" in caplog.text
    assert done == [True]
