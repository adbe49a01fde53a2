"""Behaves as yt-dlp does for the options Motionary gives it, with a folder in the place of the site.

The folder holds VIDEO.mp4 for what there is to be had, and VIDEO.json, a list of what happens at each asking:
"ok", "half" (the connection breaks half-way), "hang" (half-way, then nothing more comes), "short" (ends well
with half a file), or a message. What was asked is noted in asked.txt. As with yt-dlp, a file that is not
whole is called VIDEO.mp4.part and is gone on with; errors go to stderr, and the exit code is 1 for them, 2
for options it does not know.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser(prog="yt-dlp", allow_abbrev=False)
for flag in ("--ignore-config", "--no-playlist", "--quiet", "--no-warnings", "--continue"):
    parser.add_argument(flag, action="store_true")
for option in ("--retries", "--limit-rate", "--sleep-requests", "--format", "--format-sort", "--output"):
    parser.add_argument(option, required=True)
parser.add_argument("url")
options = parser.parse_args()

site = Path(os.environ["FAKE_SITE"])
video = options.url.rpartition("=")[2]
source = site / f"{video}.mp4"
part = Path(options.output.replace("%(ext)s", "mp4") + ".part")
outcomes = site / f"{video}.json"
todo = json.loads(outcomes.read_text()) if outcomes.exists() else ["ok"]
outcome = todo.pop(0)
outcomes.write_text(json.dumps(todo or [outcome]))
have = part.stat().st_size if part.exists() else 0
with (site / "asked.txt").open("a") as log:
    log.write(f"{video} {outcome.split()[0]} {have}\n")

if outcome not in ("ok", "half", "hang", "short"):
    print("WARNING: [youtube] something else", file=sys.stderr)
    print(f"ERROR: [youtube] {video}: {outcome}", file=sys.stderr)
    sys.exit(1)
content = source.read_bytes()
with part.open("ab") as file:
    file.write(content[have:] if outcome == "ok" else content[have : len(content) // 2])
if outcome == "hang":
    time.sleep(60)
if outcome == "half":
    print("ERROR: Did not get any data blocks", file=sys.stderr)
    sys.exit(1)
part.rename(part.with_suffix(""))
