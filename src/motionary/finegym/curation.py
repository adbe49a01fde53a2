"""Choosing clips: what the rules say, what a person decides, and the folder of clips that comes of it."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import av

from motionary.atomic import placed_atomically, working_in, write_atomically
from motionary.documents import parse_json, read_text
from motionary.finegym.cut import CutClip, CutConfig, cut_piece
from motionary.finegym.looking import FindPeople, look_at
from motionary.finegym.plan import write_rows
from motionary.finegym.rules import RuleConfig, judge
from motionary.locks import LOCK_NAME

CHECKS_NAME = "checks.json"
DECISIONS_NAME = "decisions.json"
LISTING_NAME = "listing.csv"
TABLE_NAME = "table.csv"
SAME_S = 1e-3
"""Times that differ by less are one."""

Choice = Literal["accept", "reject"]


@dataclass(frozen=True)
class CheckedClip:
    """What the rules say of a clip."""

    clip: str
    verdict: Literal["accept", "trim", "reject"]
    reason: str
    keep_start: float
    """Seconds of the clip that the rules would keep."""
    keep_end: float
    rules: dict[str, dict[str, Any]]
    """By rule: good, reason and figures."""


@dataclass(frozen=True)
class Decision:
    """What a person, or the rules in their place, decided of a clip."""

    clip: str
    choice: Choice
    start: float
    """Seconds of the clip that are kept."""
    end: float
    by: Literal["person", "rules"] = "person"


def check_clips(
    clips: Sequence[CutClip],
    folder: Path,
    find_people: FindPeople,
    config: RuleConfig | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[CheckedClip]:
    """Apply the rules to every clip that was not checked before; checks.json and checks.csv hold the result.

    Args:
        clips: From `read_clips`.
        folder: Where they are.
        find_people: Finds everybody in a clip.
        config: The rules' limits.
        on_progress: Called with the number of clips checked and in all.
    """
    config = config or RuleConfig()
    path, limits = folder / CHECKS_NAME, repr(config)
    known = {item["clip"]: item for item in _read(path, {"clips": []})["clips"] if item["limits"] == limits}
    checked, stored = [], []
    for count, clip in enumerate(clips, start=1):
        made_of = [clip.start, clip.duration, clip.frames]
        item = known.get(clip.clip)
        if item is None or item["made_of"] != made_of:
            item = {**asdict(_check(clip, folder, find_people, config)), "made_of": made_of, "limits": limits}
        stored.append(item)
        checked.append(CheckedClip(**{name: item[name] for name in CheckedClip.__dataclass_fields__}))
        if item is not known.get(clip.clip):
            _write(path, {"clips": stored + [known[c.clip] for c in clips[count:] if c.clip in known]})
        if on_progress:
            on_progress(count, len(clips))
    _write(path, {"clips": stored})
    write_rows(folder / "checks.csv", [_row(check) for check in checked], CheckRow)
    return checked


def _check(clip: CutClip, folder: Path, find_people: FindPeople, config: RuleConfig) -> CheckedClip:
    element_s = clip.element_start, clip.element_end
    try:
        verdict = judge(look_at(folder / clip.file, find_people), element_s, config)
    except ValueError as error:
        return CheckedClip(clip.clip, "reject", str(error), 0.0, clip.duration, {})
    rules: dict[str, dict[str, Any]] = {
        finding.rule: {"good": finding.good, "reason": finding.reason, "figures": finding.figures}
        for finding in verdict.findings
    }
    return CheckedClip(
        clip.clip,
        verdict.verdict,
        verdict.reason,
        round(verdict.keep_start, 3),
        round(verdict.keep_end, 3),
        rules,
    )


@dataclass(frozen=True)
class CheckRow:
    """A line of checks.csv."""

    clip: str
    verdict: str
    reason: str
    keep_start: float
    keep_end: float
    failed: str
    """Rules, separated by spaces."""


def _row(check: CheckedClip) -> CheckRow:
    failed = " ".join(rule.replace(" ", "_") for rule, found in check.rules.items() if not found["good"])
    return CheckRow(check.clip, check.verdict, check.reason, check.keep_start, check.keep_end, failed)


class Decisions:
    """What was decided of a folder's clips, kept in decisions.json at every change."""

    def __init__(self, folder: Path, clips: Sequence[CutClip]) -> None:
        self.path = folder / DECISIONS_NAME
        self._clips = {clip.clip: clip for clip in clips}
        self.made = {
            name: Decision(**item)
            for name, item in _read(self.path, {"decisions": {}})["decisions"].items()
            if name in self._clips
        }

    def decide(self, name: str, choice: Choice, start: float, end: float) -> Decision:
        """Keep or refuse a part of a clip.

        Raises:
            ValueError: If there is no such clip, or the part is not within it.
        """
        if name not in self._clips:
            raise ValueError(f"There is no clip {name!r}.")
        if choice not in ("accept", "reject"):
            raise ValueError(f"A clip is accepted or rejected; got {choice!r}.")
        longest = self._clips[name].duration + SAME_S
        if not 0 <= start < end <= longest:
            raise ValueError(f"A part of {name} lies within 0 and {longest:.3f} s; got {start} to {end} s.")
        self.made[name] = Decision(name, choice, round(start, 3), round(end, 3))
        self._save()
        return self.made[name]

    def forget(self, name: str) -> None:
        """Leave a clip undecided."""
        if self.made.pop(name, None):
            self._save()

    def _save(self) -> None:
        _write(self.path, {"decisions": {name: asdict(decision) for name, decision in self.made.items()}})


def by_rules(checks: Sequence[CheckedClip]) -> list[Decision]:
    """What the rules would decide."""
    return [
        Decision(
            check.clip,
            "reject" if check.verdict == "reject" else "accept",
            check.keep_start,
            check.keep_end,
            "rules",
        )
        for check in checks
    ]


@dataclass(frozen=True)
class ListedSample:
    """A line of listing.csv, which `motionary estimate` takes."""

    video: str
    """Relative to the list."""
    start: float
    end: float
    action: str
    split: str
    clip: str
    decided_by: str


@dataclass(frozen=True)
class TableRow:
    """A line of the study's table."""

    label: str
    samples: int
    refused: int
    undecided: int


def write_chosen(
    clips: Sequence[CutClip], decisions: Sequence[Decision], folder: Path, out: Path
) -> list[TableRow]:
    """Write the accepted clips as OUT/<action>/<clip>.mp4, their list and the table.

    A trimmed clip is cut out of its video anew, or out of the clip if the video is gone.

    Args:
        clips: All of them.
        decisions: On some of them.
        folder: Where they are.
        out: The new folder; what an earlier choice left there goes.

    Raises:
        ValueError: If no clip was accepted, or something else is in the folder or works on it.
    """
    decided = {decision.clip: decision for decision in decisions}
    accepted = [clip for clip in clips if clip.clip in decided and decided[clip.clip].choice == "accept"]
    if not accepted:
        raise ValueError(f"Not one of {len(clips)} clips was accepted: there is nothing to write to {out}.")
    _check_ours(out)
    with working_in(out):
        _remove_earlier(clips, out)
        write_rows(out / LISTING_NAME, [], ListedSample)  # whoever stops us, the folder is known as ours
        listing = [_chosen(clip, decided[clip.clip], folder, out) for clip in accepted]
        table = [_count(action, clips, decided) for action in sorted({clip.action for clip in clips})]
        write_rows(out / TABLE_NAME, table, TableRow)
        write_rows(out / LISTING_NAME, listing, ListedSample)
    return table


def _chosen(clip: CutClip, decision: Decision, folder: Path, out: Path) -> ListedSample:
    """An accepted clip, put in its place."""
    file = out / clip.action / f"{clip.clip}.mp4"
    _place(clip, decision, folder, file)
    where = f"{clip.action}/{file.name}"
    return ListedSample(where, 0.0, _seconds(file), clip.action, clip.split, clip.clip, decision.by)


def _count(action: str, clips: Sequence[CutClip], decided: dict[str, Decision]) -> TableRow:
    choices = [decided[c.clip].choice if c.clip in decided else None for c in clips if c.action == action]
    return TableRow(action, choices.count("accept"), choices.count("reject"), choices.count(None))


def _place(clip: CutClip, decision: Decision, folder: Path, file: Path) -> None:
    source = folder / clip.file
    file.parent.mkdir(parents=True, exist_ok=True)
    if decision.start <= SAME_S and decision.end >= clip.duration - SAME_S:
        with placed_atomically(file) as temporary:
            shutil.copyfile(source, temporary)
    elif (video := Path(clip.source)).is_file():
        cut_piece(video, clip.start + decision.start, clip.start + decision.end, file, CutConfig())
    else:
        cut_piece(source, decision.start, decision.end, file, CutConfig())


def _seconds(file: Path) -> float:
    with av.open(str(file)) as container:
        return round((container.duration or 0) / av.time_base, 3)


def _check_ours(out: Path) -> None:
    if out.exists() and not (out / LISTING_NAME).is_file() and {p.name for p in out.iterdir()} - {LOCK_NAME}:
        raise ValueError(f"{out} is in use by something else; name a new folder.")


def _remove_earlier(clips: Sequence[CutClip], out: Path) -> None:
    """Remove the clips of an earlier choice, also of one that was interrupted, and nothing else."""
    for clip in clips:
        (out / clip.action / f"{clip.clip}.mp4").unlink(missing_ok=True)
    if not (out / LISTING_NAME).is_file():
        return
    for line in read_text(out / LISTING_NAME).splitlines()[1:]:
        file = out / line.split(",")[0]
        if file.resolve().is_relative_to(out.resolve()):
            file.unlink(missing_ok=True)


def _read(path: Path, default: dict[str, Any]) -> dict[str, Any]:
    if not path.is_file():
        return default
    try:
        content: dict[str, Any] = parse_json(read_text(path), "it")
        return default | content
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to begin anew.") from None


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1).encode())
