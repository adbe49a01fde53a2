"""FineGym's published files: element lists, categories and times, of any release.

An element list has lines `VIDEO_E_start_end_A_start_end LABEL`: a video, an event in it and an element in
the event, in whole seconds, the element's relative to the event's. The annotation JSON has the same names
with exact times. Names round down: seen over many elements, whole seconds last as long as the elements do.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from motionary.documents import parse_json, read_text

MOST_DIGITS = 9
"""Of a time in an element's name, seconds."""
NAME = re.compile(r"(?P<video>.+)_E_(?P<event>\d+_\d+)(?:_A_(?P<segment>\d+_\d+))?")
CATEGORY = re.compile(
    r"\s*Clabel:\s*(?P<label>\d{1,9})\s*;\s*set:\s*(?P<set>\d{1,9})\s*;\s*Glabel:\s*\d+\s*;\s*(?P<name>.+?)\s*"
)
SET_NAME = re.compile(r"\s*set:\s*(?P<set>\d{1,9})\s*;\s*(?P<name>\S+)\s*")
FAMILY = re.compile(r"gym\d+", re.IGNORECASE)
RELEASE = re.compile(r"[_-]v(\d+(?:\.\d+)*)", re.IGNORECASE)
SPLIT = re.compile(r"(?<![a-z])(train|val|test)(?![a-z])", re.IGNORECASE)
DEFAULT_FAMILY = "gym99"


@dataclass(frozen=True)
class Element:
    """One performance of one element. Times are seconds of the video."""

    name: str
    """As the lists call it."""
    video: str
    """YouTube's id."""
    start_s: float
    end_s: float
    whole_s: int
    """Length by the whole seconds of the name."""
    label: int
    split: str
    exact: bool = False
    """Whether the times are the annotated ones; if not, the element lies somewhere within them."""


@dataclass(frozen=True)
class Category:
    """What a label means."""

    label: int
    name: str
    """Such as "split jump"; the apparatus goes before it in brackets in the file and is left out."""
    apparatus: str = ""
    """VT, FX, BB or UB."""
    group: str = ""
    """Name of its set, such as BB_leap_jump_hop."""


@dataclass(frozen=True)
class Annotations:
    """Elements of some splits and what their labels mean."""

    elements: tuple[Element, ...]
    categories: dict[int, Category]
    sources: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    """What a person should know about how the files fit together."""


def read_annotations(paths: Sequence[Path], family: str | None = None) -> Annotations:
    """Read element lists, category lists and the annotation JSON.

    Args:
        paths: Files, told apart by what they hold, or folders of them. Of a folder's lists, those of one
            family of labels are read, in the newest release of each split.
        family: "gym99", "gym288", ...; gym99 where there is more than one in a folder.

    Raises:
        FileNotFoundError: If a path does not exist or there is no element list.
        ValueError: If a file is damaged, or two lists give one element different labels.
    """
    files = [file for path in paths for file in _files(Path(path), family)]
    elements: dict[str, Element] = {}
    lines: list[str] = []
    times: dict[str, Any] = {}
    lists = []
    for file in files:
        text = _text(file)
        if text.lstrip().startswith("{"):
            times |= _parse_json(text, file)
        elif CATEGORY.fullmatch(first := text.lstrip().split("\n")[0]) or SET_NAME.fullmatch(first):
            lines += text.splitlines()
        else:
            lists.append(file)
            for element in _read_list(text, file):
                _agree(elements.setdefault(element.name, element), element, file)
    if not lists:
        where = ", ".join(map(str, paths))
        raise FileNotFoundError(
            f"No element list in {where}; get gym99_train_element_v1.1.txt and others from "
            "https://sdolivia.github.io/FineGym and name them or their folder."
        )
    try:
        timed, notes = _timed(list(elements.values()), times)
    except ValueError as error:
        raise ValueError(f"{', '.join(map(str, files))}: {error}") from None
    return Annotations(tuple(timed), _categories(lines), tuple(files), tuple(notes))


def whole_seconds(name: str) -> tuple[str, float, float, int]:
    """The video, from when to when an element or event may last, and its whole seconds, all by its name.

    Raises:
        ValueError: If the name is not of this form.
    """
    found = NAME.fullmatch(name)
    if not found:
        raise ValueError(f"expected a name like VIDEO_E_002184_002237_A_0035_0036; got {name!r}")
    if max(map(len, found["event"].split("_") + (found["segment"] or "").split("_"))) > MOST_DIGITS:
        raise ValueError("no video lasts so long")
    begin, end = map(int, found["event"].split("_"))
    if not found["segment"]:
        return found["video"], float(begin), end + 1.0, end - begin
    first, last = map(int, found["segment"].split("_"))
    # The event's and the element's times are both rounded down: together by up to two seconds.
    return found["video"], float(begin + first), begin + last + 2.0, last - first


def _files(path: Path, family: str | None) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"No annotation file or folder at {path}.")
    files = sorted(file for file in path.iterdir() if file.suffix in (".txt", ".json"))
    families = sorted({found[0].lower() for file in files if (found := FAMILY.match(file.name))})
    listed = {found[0].lower() for f in files if SPLIT.search(f.name) and (found := FAMILY.match(f.name))}
    chosen = (family or (DEFAULT_FAMILY if DEFAULT_FAMILY in listed else min(listed, default=""))).lower()
    if family and chosen not in families:
        raise FileNotFoundError(f"No {family} in {path}; there is {', '.join(families) or 'none'}.")
    newest: dict[tuple[str, str], Path] = {}
    for file in files:
        of = FAMILY.match(file.name)
        if of and of[0].lower() != chosen:
            continue
        split = SPLIT.search(file.name)
        kind = (file.suffix, split[1].lower() if split else RELEASE.sub("", file.stem))
        if kind not in newest or _release(file) > _release(newest[kind]):
            newest[kind] = file
    return sorted(newest.values())


def _release(file: Path) -> tuple[int, ...]:
    found = RELEASE.search(file.stem)
    return tuple(map(int, found[1].split("."))) if found else ()


def _text(file: Path) -> str:
    try:
        return read_text(file)
    except ValueError as error:
        raise ValueError(f"{error} Give FineGym's lists (.txt) and annotations (.json).") from None


def _parse_json(text: str, file: Path) -> dict[str, Any]:
    try:
        content = parse_json(text, "it")
    except ValueError as error:
        raise ValueError(f"{file} is damaged ({error}); download it again.") from None
    if not all(isinstance(events, dict) for events in content.values()):
        raise ValueError(f"{file} is no FineGym annotation: expected events by video.")
    return content


def _read_list(text: str, file: Path) -> Iterable[Element]:
    split = SPLIT.search(file.name)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            name, label = line.split()
            video, start_s, end_s, whole_s = whole_seconds(name)
            yield Element(
                name, video, start_s, end_s, whole_s, int(label), split[1].lower() if split else "all"
            )
        except ValueError as error:
            raise ValueError(
                f"{file}, line {number}: expected an element's name and a label; got {line[:60]!r} ({error})."
            ) from None


def _agree(known: Element, element: Element, file: Path) -> None:
    if (known.label, known.split) != (element.label, element.split):
        raise ValueError(
            f"{file} says {element.name} is {element.label} ({element.split}), another list {known.label} "
            f"({known.split}); name lists of one family and release."
        )


def _timed(elements: list[Element], content: dict[str, Any]) -> tuple[list[Element], list[str]]:
    """The elements with annotated times where the JSON has them."""
    if not content:
        return elements, ["no annotation JSON: times are whole seconds, up to two seconds off"]
    timed = [_exact(element, content) for element in elements]
    without = [element for element in timed if not element.exact]
    notes = []
    if without:
        notes.append(
            f"{len(without)} elements are not in the annotation JSON, such as {without[0].name}: their times "
            "are whole seconds (is the JSON of the lists' release?)"
        )
    return timed, notes


def _exact(element: Element, content: dict[str, Any]) -> Element:
    found = NAME.fullmatch(element.name)
    assert found
    event = content.get(element.video, {}).get(f"E_{found['event']}")
    if event is None:
        return element
    try:
        start_s, end_s = float(event["timestamps"][0][0]), float(event["timestamps"][0][1])
        if found["segment"]:
            segment = (event.get("segments") or {}).get(f"A_{found['segment']}")
            if segment is None:
                return element
            stages = segment["timestamps"]
            start_s, end_s = start_s + float(stages[0][0]), start_s + float(stages[-1][1])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"The annotation of {element.name} is damaged ({error!r}).") from None
    if not end_s > start_s:
        raise ValueError(
            f"The annotation of {element.name} ends at {end_s} s, before its start at {start_s} s."
        )
    return replace(element, start_s=start_s, end_s=end_s, exact=True)


def _categories(lines: Iterable[str]) -> dict[int, Category]:
    groups, found = {}, {}
    for line in lines:
        if group := SET_NAME.fullmatch(line):
            groups[int(group["set"])] = group["name"]
    for line in lines:
        if category := CATEGORY.fullmatch(line):
            apparatus, name = re.fullmatch(r"(?:\((\w+)\)\s*)?(.+)", category["name"]).groups()  # type: ignore[union-attr]
            label = int(category["label"])
            found[label] = Category(label, name, apparatus or "", groups.get(int(category["set"]), ""))
    return found
