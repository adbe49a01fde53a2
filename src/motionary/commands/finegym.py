"""`motionary finegym ...`: from FineGym's annotations to a folder of chosen clips."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.table import Table
from tyro.conf import Positional, arg

from motionary import progress
from motionary.commands.speaking import Answer

if TYPE_CHECKING:
    from motionary.finegym.curation import CheckedClip, Decision
    from motionary.finegym.cut import CutClip


def finegym_plan(
    *,
    labels: Annotated[str, arg(metavar="43,67")],
    annotations: tuple[Path, ...],
    out: Path,
    family: str | None = None,
    splits: Annotated[str, arg(metavar="train,val")] = "",
    names: Annotated[tuple[str, ...], arg(metavar="43=split_jump")] = (),
    before: float = 0.5,
    after: float = 0.5,
) -> Answer:
    """Say which parts of which FineGym videos are wanted, and how many there are.

    Args:
        labels: Class numbers of the lists, separated by commas.
        annotations: FineGym's files, or their folder: gym99_train_element_v1.1.txt, gym99_val_element.txt,
            gym99_categories.txt and, for exact times, finegym_annotation_info_v1.1.json.
        out: The plan, a CSV file.
        family: Whose labels, where the folder holds several: gym99 (taken when not given), gym288, ...
        splits: Only these.
        names: Action names instead of FineGym's.
        before: Seconds kept before each element.
        after: Seconds kept after it.
    """
    from motionary.finegym.annotations import read_annotations
    from motionary.finegym.plan import PlanConfig, plan_clips, summarise, write_plan

    config = PlanConfig(_numbers(labels), before, after, _words(splits), _names(names))
    read = read_annotations(annotations, family)
    plan = plan_clips(read, config)
    write_plan(plan, out)
    rows = summarise(plan, read)
    columns = sorted({split for row in rows for split in row.counts})
    table = Table(title=f"{len(plan)} clips of {len({clip.video for clip in plan})} videos -> {out}")
    for heading in ("label", "action", *columns, "videos", "median s", "under 25 frames at 25/s"):
        table.add_column(heading, justify="left" if heading == "action" else "right", overflow="fold")
    for row in rows:
        about = "" if row.exact else "about "
        counts = (str(row.counts.get(split, 0)) for split in columns)
        figures = f"{about}{row.median_s:.2f}", f"{about}{row.short_share:.0%}"
        table.add_row(str(row.label), row.action, *counts, str(row.videos), *figures)
    facts = {
        "plan": str(out),
        "clips": len(plan),
        "labels": [asdict(row) for row in rows],
        "notes": read.notes,
    }
    return Answer(facts, (table, *(f"note: {note}" for note in read.notes)))


def finegym_fetch(
    plan: Positional[Path],
    /,
    *,
    out: Path,
    rate: str = "4M",
    pause: float = 5.0,
    height: int = 1080,
    again: Literal["failed", "all"] = "failed",
    address: str = "https://www.youtube.com/watch?v={video}",
    yt_dlp: str | None = None,
) -> Answer:
    """Fetch the videos of a plan that are still there; run it again to go on where it stopped.

    Args:
        plan: From `motionary finegym plan`.
        out: Folder of the videos; missing.csv there lists what could not be had, and why.
        rate: Most bytes per second, such as 500K or 4M.
        pause: Seconds between two videos.
        height: Of several sizes of a video the largest up to this one is taken.
        again: What to ask for again: what failed, or also what was gone, private or blocked.
        address: Where a video is.
        yt_dlp: The yt-dlp program, instead of the installed one.
    """
    from motionary.finegym.fetch import MISSING_NAME, FetchConfig, fetch_videos
    from motionary.finegym.plan import read_plan

    command = (yt_dlp,) if yt_dlp else ()
    config = FetchConfig(rate, pause, height, address, command, again == "all")
    clips = read_plan(plan)
    fetched = fetch_videos(clips, out, config)
    missing = fetched.missing
    here = sum(clip.video in fetched.videos for clip in clips)
    videos = len({clip.video for clip in clips})
    lines = [f"{len(fetched.videos)} of {videos} videos, {here} of {len(clips)} clips -> {out}"]
    if missing:
        lost = sum(item.clips for item in missing)
        lines.append(f"{len(missing)} missing, and {lost} clips with them: {out / MISSING_NAME}")
    return Answer(
        {"out": str(out), "videos": len(fetched.videos), "missing": [asdict(item) for item in missing]},
        tuple(lines),
        failure=f"Stopped before the end, {fetched.stopped}." if fetched.stopped else "",
    )


def finegym_cut(
    plan: Positional[Path],
    /,
    *,
    videos: Path,
    out: Path,
    quality: int = 10,
) -> Answer:
    """Cut a plan's clips out of the fetched videos: the very frames, at their own times, sharp as before.

    Args:
        plan: From `motionary finegym plan`.
        videos: Folder of the videos, from `motionary finegym fetch`.
        out: Folder of the clips; clips.csv there lists them, lost.csv what could not be cut, and why.
        quality: libx264's constant rate factor, 1 to 18: lower is better and larger.
    """
    from motionary.finegym.cut import LOST_NAME, CutConfig, cut_clips
    from motionary.finegym.plan import read_plan

    if not 1 <= quality <= 18:
        raise ValueError(f"The quality is 1 to 18, above which clips blur; got {quality}.")
    clips = read_plan(plan)
    if not videos.is_dir():
        raise FileNotFoundError(f"No folder of videos at {videos}; `motionary finegym fetch` makes one.")
    cut, lost = cut_clips(clips, videos, out, CutConfig(quality))
    lines = [f"{len(cut)} of {len(clips)} clips -> {out}"]
    lines += [f"{len(lost)} lost: {out / LOST_NAME}"] if lost else []
    return Answer({"out": str(out), "clips": len(cut), "lost": [asdict(item) for item in lost]}, tuple(lines))


def finegym_curate(
    clips: Positional[Path],
    /,
    *,
    out: Path,
    by: Literal["person", "rules"] = "person",
    port: int = 0,
    threads: int = 2,
) -> Answer:
    """Check clips by the study's four rules, then accept, reject or trim them in the browser.

    Args:
        clips: Folder of clips, from `motionary finegym cut`; checks and decisions are kept there.
        out: Folder of the chosen: OUT/<action>/<clip>.mp4, listing.csv for `motionary estimate`, table.csv.
        by: Who decides: a person, on a page of this machine, or the rules alone.
        port: Of the page; 0 takes any free one.
        threads: For finding people.
    """
    from motionary.atomic import working_in
    from motionary.finegym.curation import LISTING_NAME, write_chosen
    from motionary.finegym.cut import read_clips

    cut = read_clips(clips)
    if not cut:
        raise ValueError(f"{clips} holds no clip: lost.csv there says why.")
    with working_in(clips):
        checks, decisions = _judged(cut, clips, by, port, threads)
    verdicts = [check.verdict for check in checks]
    counts = {verdict: verdicts.count(verdict) for verdict in ("accept", "trim", "reject")}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    rows = write_chosen(cut, decisions, clips, out)
    table = Table(title=f"{out / LISTING_NAME}")
    for heading in ("label", "samples", "refused", "undecided"):
        table.add_column(heading, justify="left" if heading == "label" else "right")
    for row in rows:
        table.add_row(row.label, str(row.samples), str(row.refused), str(row.undecided))
    facts = {"out": str(out), "rules": counts, "labels": [asdict(row) for row in rows]}
    return Answer(facts, (said, table))


def _judged(
    cut: "Sequence[CutClip]", clips: Path, by: Literal["person", "rules"], port: int, threads: int
) -> "tuple[list[CheckedClip], list[Decision]]":
    """What the rules say of every clip, and what was decided."""
    from motionary.finegym.curation import by_rules, check_clips
    from motionary.finegym.looking import BlazePosePeople
    from motionary.finegym.page import ChoosingPage

    with progress.stage("checking", len(cut), "clip") as stage:
        checks = check_clips(cut, clips, BlazePosePeople(threads), on_progress=stage.tell)
    if by == "rules":
        return checks, by_rules(checks)
    page = ChoosingPage(cut, checks, clips, port)
    print(f"choose at {page.address} (q finishes; what is decided is kept)", flush=True)
    try:
        page.wait()
    finally:
        page.stop()
    return checks, list(page.decisions.made.values())


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(word) for word in _words(text)))
    except ValueError:
        raise ValueError(
            f"Expected class numbers separated by commas, such as 43,67; got {text!r}."
        ) from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _names(pairs: tuple[str, ...]) -> dict[int, str]:
    names = {}
    for pair in pairs:
        label, found, name = pair.partition("=")
        if not (found and label.strip().isdigit() and name.strip()):
            raise ValueError(f"Expected a name like 43=split_jump; got {pair!r}.")
        names[int(label)] = name.strip()
    return names
