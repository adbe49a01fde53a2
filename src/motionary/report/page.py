"""The page: sections of text, tables, pictures and players, in one file that needs no other."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from motionary.atomic import write_atomically

_MEDIA_TYPES = {".png": "image/png", ".mp4": "video/mp4"}

_STYLE = """
:root { color-scheme: light }
body { font: 16px/1.55 system-ui, sans-serif; color: #23282e; background: #f7f7f5; max-width: 64rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.9rem; margin-bottom: .4rem } h2 { font-size: 1.3rem; margin-top: 2.8rem }
p { max-width: 48rem }
img, video { max-width: 100%; border-radius: 6px; display: block; margin: 1rem 0 }
.scroll { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .4rem 0 }
th, td { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid #dededa; vertical-align: top }
th { color: #5a636d; font-weight: 600 }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: nowrap }
table.facts td { text-align: left; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; max-width: 54rem }
dt { font-weight: 600 } dd { margin: 0; color: #414a53 }
summary { cursor: pointer; color: #2f5f98; margin: .5rem 0 }
footer { color: #5a636d; font-size: .85rem; margin: 3.5rem 0 2rem; border-top: 1px solid #dededa }
"""

_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)


@dataclass(frozen=True)
class Picture:
    """A picture that is no file."""

    name: str
    """Of what it shows, for those who cannot see it."""
    png: bytes


@dataclass(frozen=True)
class Table:
    """Rows of cells, headings first; facts are rows of a name and a value."""

    rows: tuple[Sequence[str], ...]
    caption: str = ""
    facts: bool = False
    folded: str = ""
    """Shown only when asked for, under these words."""


@dataclass(frozen=True)
class Section:
    """One part of a report; what is empty is left out."""

    title: str
    text: str = ""
    media: tuple[Path | Picture, ...] = ()
    """Pictures and films (.png, .mp4), embedded in the page."""
    table: tuple[Sequence[str], ...] = ()
    """Rows of cells, headings first."""
    tables: tuple[Table, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    """What words mean, below all else."""
    markup: str = ""
    """HTML that was made here, such as a player; it stands below the text."""


def write_report(path: Path, title: str, sections: Sequence[Section], footer: str = "") -> Path:
    """Write the page; it needs no other file and no network."""
    body = "".join(_section(section) for section in sections)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}<footer>{_paragraphs(footer)}</footer></body></html>"
    )
    write_atomically(path, page.encode())
    return path


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>", _paragraphs(section.text), section.markup]
    parts += [_medium(item) for item in section.media]
    tables = (Table(section.table), *section.tables) if section.table else section.tables
    parts += [_table(table) for table in tables]
    if section.terms:
        meanings = "".join(f"<dt>{escape(term)}</dt><dd>{escape(said)}</dd>" for term, said in section.terms)
        parts.append(f"<dl>{meanings}</dl>")
    return f"<section>{''.join(parts)}</section>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n") if paragraph)


def _medium(item: Path | Picture) -> str:
    if isinstance(item, Picture):
        return f'<img src="{_data_uri("image/png", item.png)}" alt="{escape(item.name)}">'
    if item.suffix not in _MEDIA_TYPES:
        raise ValueError(f"A report shows {', '.join(_MEDIA_TYPES)} files; got {item.name}.")
    source = _data_uri(_MEDIA_TYPES[item.suffix], item.read_bytes())
    if item.suffix == ".png":
        return f'<img src="{source}" alt="{escape(item.stem)}">'
    return f'<video src="{source}" controls loop muted autoplay playsinline></video>'


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _table(table: Table) -> str:
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    if table.facts:
        body = "".join(_row(row, "td") for row in table.rows)
        shown = f'<div class="scroll"><table class="facts">{caption}{body}</table></div>'
    else:
        body = "".join(_row(row, "td") for row in table.rows[1:])
        shown = f'<div class="scroll"><table>{caption}{_row(table.rows[0], "th")}{body}</table></div>'
    return f"<details><summary>{escape(table.folded)}</summary>{shown}</details>" if table.folded else shown


def _row(cells: Sequence[str], kind: str) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in cells) + "</tr>"
