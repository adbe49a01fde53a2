"""Text, JSON, YAML and CSV that somebody wrote: read whole, or refused with the file's name."""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from motionary.limits import read_bytes

Record = TypeVar("Record")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without its mark.

    Raises:
        ValueError: If it is larger than the limits allow, or not UTF-8.
    """
    try:
        return read_bytes(path, "text_mb").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8.") from None


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ValueError: If it is damaged, too large or nested too deeply.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str, path: Path | str) -> Any:
    """What a JSON text found at a path holds.

    Raises:
        ValueError: If it is damaged or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{path} is no readable JSON (it is nested too deeply)") from None
    except ValueError as error:
        raise ValueError(f"{path} is no readable JSON ({error})") from None


def read_yaml(path: Path) -> Any:
    """What a YAML file of plain data holds; nothing in it is run.

    Raises:
        ValueError: If it is damaged, too large, nested too deeply, or asks for anything but plain data.
    """
    import yaml  # which few need

    try:
        return yaml.safe_load(read_text(path))
    except RecursionError:
        raise ValueError(f"{path} is no plain YAML file (it is nested too deeply).") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        why = reason(error).removeprefix(f"{path} ")
        raise ValueError(f"{path} is no plain YAML file ({why}).") from None


def reason(error: Exception) -> str:
    """Why a reader failed, in a line: for an error that names the file."""
    first = (str(error).splitlines() or [""])[0].rstrip(".")
    return (first or type(error).__name__)[:200]


def csv_rows(
    lines: Iterator[str] | list[str], path: Path, delimiter: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Line number, counted from 1, and cells of every row.

    Raises:
        ValueError: If a cell is longer than any that somebody writes, or holds a null character.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: it is no table ({error}).") from None


def record(kind: type[Record], content: Any) -> Record:
    """A dataclass from a JSON object, its plain fields of the kinds that the class names.

    Raises:
        ValueError: If it is no object, a field is missing, unknown or of another kind, or no finite number.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"expected the fields of a {kind.__name__}; got {_shown(content)}")
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(map(str, content.keys() - known)):
        raise ValueError(f"{kind.__name__} has no field {_shown(unknown[0])}")
    for name, value in content.items():
        if not _is(value, hints[name]):
            raise ValueError(f"{name} must be {_name(hints[name])}; got {_shown(value)}")
    floats = {name: float(value) for name, value in content.items() if _is_float(value, hints[name])}
    try:
        return kind(**{**content, **floats})
    except TypeError as error:
        raise ValueError(f"a {kind.__name__} is not whole ({error})") from None


def check_version(version: Any, newest: int) -> None:
    """Refuse a format that is newer than the newest that is known, or none.

    Raises:
        ValueError: With what to do about it.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"its format_version must be a whole number from 1 on; got {_shown(version)}")
    if version > newest:
        raise ValueError(f"it has format {version}, this version reads up to {newest}: update motionary")


def _is(value: Any, hint: Any) -> bool:
    if get_origin(hint) is UnionType:
        return any(_is(value, part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint) if isinstance(value, str | int) else False
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, bool, NoneType):
        return isinstance(value, hint)
    return True


def _is_float(value: Any, hint: Any) -> bool:
    """Whether it is a number where a float is wanted, for which JSON may have a whole one."""
    return (hint is float or float in get_args(hint)) and isinstance(value, int | float)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _name(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) is UnionType:
        return " or ".join(map(_name, get_args(hint)))
    names = {
        str: "text",
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        NoneType: "null",
    }
    return names.get(hint, str(hint))


def _shown(value: Any) -> str:
    text = (
        repr(value) if isinstance(value, str | int | float | bool | NoneType) else f"a {type(value).__name__}"
    )
    return text if len(text) <= 60 else f"{text[:57]}..."
