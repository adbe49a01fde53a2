"""Whether what a user downloaded of a data set is whole: which files are missing, which are damaged."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Progress = Callable[[int, int], None]
"""Called with the number of files done and in all."""


@dataclass(frozen=True)
class Problem:
    """One file that is not as it should be."""

    file: str
    """Relative to the folder that was checked."""
    kind: Literal["missing", "damaged", "ignored"]
    """Ignored files are none of the data set's, and harm nothing."""
    reason: str


@dataclass(frozen=True)
class Check:
    """What a look at every file found."""

    data_set: str
    path: str
    good: int
    """Clips that can be used."""
    problems: tuple[Problem, ...] = ()
    actions: dict[str, int] = field(default_factory=dict)
    """Usable clips of each."""
    subjects: dict[str, int] = field(default_factory=dict)
    """Usable clips of each, where it is known who performed."""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing or damaged."""
        return self.good > 0 and all(problem.kind == "ignored" for problem in self.problems)

    def summary(self) -> dict[str, Any]:
        """JSON-able facts."""
        return {**asdict(self), "whole": self.whole}


Findings = tuple[list[tuple[str, str | None]], list[Problem]]
"""Action and subject of every usable clip, and what is wrong with the others."""


def check_of(data_set: str, path: Path, findings: Findings) -> Check:
    """A check, from what was found."""
    usable, problems = findings
    actions = Counter(action for action, _ in usable)
    subjects = Counter(subject for _, subject in usable if subject)
    return Check(
        data_set,
        str(path),
        len(usable),
        tuple(sorted(problems, key=lambda problem: (problem.kind != "missing", problem.kind, problem.file))),
        dict(sorted(actions.items())),
        dict(sorted(subjects.items())),
    )
