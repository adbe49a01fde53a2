"""Whoever dies, and whenever: every job gets one outcome, and a worker elsewhere where there is one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motionary.estimators.batch.crew import MOST_DEATHS, Died, Finished, Foreman, Ready, Unable
from motionary.estimators.batch.jobs import Job
from motionary.estimators.batch.work import Outcome


def jobs(*names):
    return [Job(name, Path(name), name) for name in names]


class Script:
    """A crew in which who dies, and when, is told beforehand.

    `fates` has a word for each thing that a worker is about to do, in turn; after them everybody lives.
    """

    def __init__(self, fates="", deadly=(), places=("here",)):
        self.fates, self.deadly, self.places = list(fates), deadly, places
        self.living, self.todo, self.given = set(), [], []

    def hire(self, worker):
        assert worker not in self.living, "numbers are not used again"
        self.living.add(worker)
        self.todo.append((worker, None))

    def give(self, worker, job):
        assert worker in self.living, "nobody gives work to the dead"
        assert (worker, None) not in self.todo, "nobody gives work before it is ready"
        self.given.append((job.video, self.places[worker % len(self.places)]))
        self.todo.append((worker, job))

    def news(self):
        assert self.todo, "somebody waits for what never comes"
        worker, job = self.todo.pop(0)
        fate = self.fates.pop(0) if self.fates else "lives"
        if fate == "dies" or (job and job.video in self.deadly):
            self.living.remove(worker)
            return [Died(worker, "was killed by SIGKILL")]
        if fate == "unable":
            return [Unable(worker, "no weights")]
        if job is None:
            return [Ready(worker, self.places[worker % len(self.places)])]
        return [Finished(worker, Outcome(job.video, 1))]

    def close(self):
        pass


def work_through(crew, names, workers):
    outcomes = []
    Foreman(crew, workers, lambda job, outcome: outcomes.append((job.video, outcome))).carry_out(jobs(*names))
    return outcomes


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(["lives", "lives", "dies"]), max_size=20), st.integers(1, 4), st.integers(0, 6)
)
def test_every_job_has_one_outcome_whoever_dies(fates, workers, count):
    fates = [fate for index, fate in enumerate(fates) if fates[max(0, index - 1) : index + 1] != ["dies"] * 2]
    names = [f"{k}.mp4" for k in range(count)]
    outcomes = work_through(Script(fates), names, workers)
    assert sorted(video for video, _ in outcomes) == names
    for video, outcome in outcomes:
        assert outcome == Outcome(video, 1) or f"{MOST_DEATHS} workers died" in outcome.reason


def test_a_video_that_kills_fails_with_the_reason_and_holds_nobody_up():
    crew = Script(deadly=("bad",))
    outcomes = work_through(crew, ["bad", "b", "c", "d"], 2)
    assert [video for video, _ in outcomes] == ["b", "c", "d", "bad"]
    assert outcomes[-1][1].reason == "3 workers died with this video; the last was killed by SIGKILL."
    assert [video for video, _ in crew.given].count("bad") == MOST_DEATHS


def test_a_dead_workers_video_is_given_to_another_place():
    crew = Script(["lives", "lives", "dies"], places=("here", "there"))
    work_through(crew, ["a", "b", "c", "d"], 2)
    assert [place for video, place in crew.given if video == "a"] == ["here", "there"]


def test_no_more_workers_are_hired_than_there_is_work():
    crew = Script()
    work_through(crew, ["a", "b"], 8)
    assert crew.living == {0, 1}


def test_workers_that_die_before_they_begin_end_the_run():
    with pytest.raises(OSError, match="3 workers in a row died before they could begin; the last was killed"):
        work_through(Script(["dies"] * 9), ["a", "b"], 2)


def test_what_keeps_every_worker_from_working_ends_the_run():
    with pytest.raises(OSError, match="no weights"):
        work_through(Script(["lives", "unable"]), ["a", "b"], 1)
