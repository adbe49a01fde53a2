"""A report: one self-contained HTML page of pictures, tables and facts about a run."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from motionary.atomic import write_atomically

_MEDIA_TYPES = {".png": "image/png", ".mp4": "video/mp4"}

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto }
body { padding: 0 1rem }
h1 { font-size: 1.8rem } h2 { font-size: 1.25rem; margin-top: 2.5rem }
img, video { max-width: 100%; border-radius: 6px; display: block; margin: 1rem 0 }
table { border-collapse: collapse }
th, td { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
footer { color: #666; font-size: .85rem; margin-top: 3rem }
"""


@dataclass(frozen=True)
class Section:
    """One part of a report; what is empty is left out."""

    title: str
    text: str = ""
    media: tuple[Path, ...] = ()
    """Pictures (.png) and films (.mp4), embedded in the page."""
    table: tuple[Sequence[str], ...] = ()
    """Rows of cells, headings first."""


def write_report(path: Path, title: str, sections: Sequence[Section], footer: str = "") -> Path:
    """Write the page; it needs no other file and no network."""
    body = "".join(_section(section) for section in sections)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}<footer>{escape(footer)}</footer></html>"
    )
    write_atomically(path, page.encode())
    return path


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(paragraph)}</p>" for paragraph in section.text.split("\n") if paragraph]
    parts += [_medium(path) for path in section.media]
    if section.table:
        parts.append(_table(section.table))
    return "".join(parts)


def _medium(path: Path) -> str:
    if path.suffix not in _MEDIA_TYPES:
        raise ValueError(f"A report shows {', '.join(_MEDIA_TYPES)} files; got {path.name}.")
    source = f"data:{_MEDIA_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    if path.suffix == ".png":
        return f'<img src="{source}" alt="{escape(path.stem)}">'
    return f'<video src="{source}" controls loop muted autoplay playsinline></video>'


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><tr>{head}</tr>{body}</table>"
