"""A page about a data set: a strip picture of each clip, and what its index says; it opens offline."""

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from motionary.atomic import write_atomically
from motionary.body.assets import load_body
from motionary.datasets import ClipRecord, Dataset
from motionary.export.figure import thumbnail
from motionary.export.render import load_renderer
from motionary.export.surface import Surface

PICTURE_PX = (300, 84)
FACES = 3000
WEBP_QUALITY = 60
MOST_PICTURES = 1000
"""Drawn without being asked for more: about a minute, and a page of 5 MB."""

Progress = Callable[[int, int], None]


def write_catalogue(
    dataset: Dataset, path: Path, pictures: int = MOST_PICTURES, on_progress: Progress | None = None
) -> Path:
    """Write the page, whole or not at all.

    Args:
        dataset: What it is about.
        path: The .html file.
        pictures: Most strips to draw; where there are more clips, every action gets its share of them.
        on_progress: Called with the number of pictures drawn and to draw.

    Raises:
        ValueError: If the path is no .html file, or pictures is negative.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"The page is an .html file; got {path}.")
    if pictures < 0:
        raise ValueError(f"The number of pictures must not be negative; got {pictures}.")
    chosen = pictured(dataset.clips, pictures)
    drawn: dict[str, str] = {}
    for clip, cell in zip(chosen, _pictures(dataset, chosen), strict=True):
        drawn[clip.path] = cell
        if on_progress:
            on_progress(len(drawn), len(chosen))
    write_atomically(path, _page(dataset, drawn).encode())
    return path


def pictured(clips: Sequence[ClipRecord], most: int) -> list[ClipRecord]:
    """Clips that get a picture: all, or about as many of each action, from all over it."""
    if len(clips) <= most:
        return list(clips)
    members: dict[str, list[int]] = defaultdict(list)
    for place, clip in enumerate(clips):
        members[clip.action].append(place)
    chosen: list[int] = []
    for left, places in enumerate(sorted(members.values(), key=len), -len(members)):
        share = min(len(places), (most - len(chosen)) // -left)
        chosen += [places[round(step)] for step in np.linspace(0, len(places) - 1, share)]
    return [clips[place] for place in sorted(chosen)]


def _pictures(dataset: Dataset, clips: Sequence[ClipRecord]) -> Iterator[str]:
    """HTML of each clip's picture, or of the reason why there is none."""
    surface, renderer = Surface.of(load_body(), FACES), load_renderer()
    for clip in clips:
        try:
            image = thumbnail(dataset.motion(clip), surface, PICTURE_PX, renderer)
        except (ValueError, OSError) as error:
            yield f'<span class="wrong">{escape(str(error))}</span>'
            continue
        width, height = PICTURE_PX
        yield (
            f'<img loading="lazy" decoding="async" width="{width}" height="{height}" '
            f'alt="poses of {escape(clip.path)}" src="{_data_uri(image)}">'
        )


def _data_uri(image: UInt8[ndarray, "H W 3"]) -> str:
    quality = [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]
    done, encoded = cv2.imencode(".webp", np.ascontiguousarray(image[..., ::-1]), quality)
    assert done
    return f"data:image/webp;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def _page(dataset: Dataset, drawn: dict[str, str]) -> str:
    summary = dataset.summary()
    missing = len(dataset) - len(drawn)
    note = f"Pictures of {len(drawn)} of {len(dataset)} clips; --pictures {len(dataset)} draws them all."
    return Template(_TEMPLATE).substitute(
        title=escape(dataset.root.resolve().name),
        facts=_facts(summary),
        actions=_table(summary["actions"], dataset.mirrored_actions()),
        note=f"<p class=note>{note}</p>" if missing else "",
        sections="".join(_section(dataset, action, drawn) for action in dataset.actions),
        rejected=_rejected(summary["rejected"]),
        provenance=escape(json.dumps(dataset.provenance, indent=1, ensure_ascii=False)),
    )


def _facts(summary: dict[str, Any]) -> str:
    total_s = sum(row["seconds_total"] for row in summary["actions"])
    rates = ", ".join(f"{fps} ({count} clips)" for fps, count in summary["frame_rates"].items())
    people = summary["subjects"]
    facts = {
        "clips": f"{summary['clips']} of {len(summary['actions'])} actions, {total_s / 60:.1f} minutes",
        "frames per second": rates,
        "subjects": f"{len(people)}: {', '.join(people)}" if people else "not known",
        "rejected": str(len(summary["rejected"])),
        "licence": summary["licence"],
    }
    return "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())


def _table(rows: Sequence[dict[str, Any]], mirrored: dict[str, str | None]) -> str:
    cells = []
    for row in rows:
        action = escape(row["action"])
        numbers = (row[name] for name in ("clips", "train", "test"))
        lasting = f"{row['seconds_min']:.2f} to {row['seconds_max']:.2f}"
        cells.append(
            f'<tr><td><a href="#{_anchor(row["action"])}">{action}</a></td>'
            + "".join(f"<td class=n>{number}</td>" for number in numbers)
            + f"<td class=n>{row['seconds_total']:.1f}</td><td class=n>{lasting}</td>"
            + f"<td>{_bar(row['coverage'])}</td><td>{escape(mirrored[row['action']] or 'none')}</td></tr>"
        )
    return "".join(cells)


def _section(dataset: Dataset, action: str, drawn: dict[str, str]) -> str:
    clips = [clip for clip in dataset.clips if clip.action == action]
    figures = "".join(_figure(clip, drawn.get(clip.path, "")) for clip in clips)
    return (
        f'<section id="{_anchor(action)}"><h2>{escape(action)} <small>{len(clips)} clips</small></h2>'
        f"<div class=clips>{figures}</div></section>"
    )


def _figure(clip: ClipRecord, picture: str) -> str:
    facts = [f"{clip.duration_s:.2f} s", f"{clip.fps:g} fps", clip.split]
    facts += [clip.subject] if clip.subject else []
    facts += [f"verdict {clip.verdict}"] if clip.verdict else []
    facts += [f"trust {clip.trust:.2f}"] if clip.trust is not None and clip.trust < 1 else []
    source = f" from {clip.source}, {clip.start_s:g} s" if clip.source else ""
    words = " ".join([clip.path, clip.source or "", *facts]).lower()
    return (
        f'<figure data-words="{escape(words)}" title="{escape(clip.path + source)}">{picture}'
        f"<figcaption><b>{escape(Path(clip.path).stem)}</b> {escape(', '.join(facts))} "
        f"{_bar(clip.coverage)}</figcaption></figure>"
    )


def _bar(share: float) -> str:
    return f'<meter min=0 max=1 low=0.5 high=0.8 optimum=1 value="{share:g}"></meter> {share:.0%} seen'


def _rejected(items: Sequence[dict[str, str]]) -> str:
    if not items:
        return "<p>Nothing was rejected.</p>"
    rows = (f"<tr><td>{escape(item['source'])}</td><td>{escape(item['reason'])}</td></tr>" for item in items)
    return f"<table><tr><th>source</th><th>why</th></tr>{''.join(rows)}</table>"


def _anchor(action: str) -> str:
    return f"action-{action.encode().hex()}"


_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1300px; padding: 0 1rem;
 color: #23282e; background: #f7f7f5; }
h1 { margin: 0 0 .5rem; } h2 { margin: 1.6rem 0 .4rem; } small { font-weight: normal; color: #68707a; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: #68707a; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem .8rem .15rem 0; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
tr { border-bottom: 1px solid #e4e4e0; } th { color: #68707a; font-weight: normal; }
section { content-visibility: auto; contain-intrinsic-size: auto 600px; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, 300px); gap: .8rem; }
figure { margin: 0; } figure img { display: block; }
figcaption { font-size: 12px; color: #4a525b; overflow-wrap: anywhere; }
meter { width: 3.5rem; height: .7rem; vertical-align: middle; }
input { font: inherit; padding: .3rem .6rem; width: 22rem; max-width: 100%; }
.note { background: #fff3d6; padding: .4rem .8rem; } .wrong { color: #a3222a; font-size: 12px; }
pre { overflow-x: auto; font-size: 12px; } [hidden] { display: none !important; }
</style></head><body>
<h1>$title</h1><dl>$facts</dl>
<table><tr><th>action</th><th>clips</th><th>train</th><th>test</th><th>seconds</th><th>each lasts, s</th>
<th>observed</th><th>mirror image</th></tr>$actions</table>
<p><input id="find" type="search" placeholder="find: part of a name, train, test, a subject, bad ..."
 aria-label="find clips"> <span id="found"></span></p>
$note
$sections
<section><h2>Rejected</h2>$rejected</section>
<section><h2>Where it comes from</h2><pre>$provenance</pre></section>
<script>
const find = document.getElementById("find"), found = document.getElementById("found");
find.addEventListener("input", () => {
  const words = find.value.toLowerCase().split(" ").filter(Boolean);
  let count = 0;
  for (const section of document.querySelectorAll("section[id]")) {
    let shown = 0;
    for (const figure of section.querySelectorAll("figure")) {
      figure.hidden = !words.every(word => figure.dataset.words.includes(word));
      shown += !figure.hidden;
    }
    section.hidden = !shown;
    count += shown;
  }
  found.textContent = words.length ? count + " clips" : "";
});
</script></body></html>
"""
