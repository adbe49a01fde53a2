"""All ratios at once, and whether one got worse.

python benchmarks/run.py [--out FILE] [--compare FILE] [--only training,processes,folder] [--pairs N]

A ratio compares two programs in one run on one machine, so that it may be compared between machines and days,
which seconds may not. --compare takes what --out wrote on another commit, lists each ratio beside its former
value, and exits with 1 where one fell by more than a tenth.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

SCRIPTS = {
    "training": ["training.py", "--json"],
    "processes": ["processes.py", "--json"],
    "folder": ["folder.py", "--json"],
}
"""Programs whose last line is one JSON object; its numbers named *_ratio or *_efficiency are kept."""
LARGEST_FALL = 0.1


def measured(names: list[str], pairs: int | None = None) -> dict[str, float]:
    """Ratios by name; each the median of so many pairs, or of as many as its program thinks fit."""
    ratios = {}
    for name in names:
        script, *options = SCRIPTS[name]
        command = [sys.executable, str(Path(__file__).with_name(script)), *options]
        command += [] if pairs is None else ["--pairs", str(pairs)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout, flush=True)
        report = json.loads(done.stdout.splitlines()[-1])
        ratios |= {
            f"{name}.{key}": value for key, value in report.items() if key.endswith(("_ratio", "_efficiency"))
        }
    return ratios


def fallen(before: dict[str, float], now: dict[str, float]) -> list[str]:
    """Names of ratios that fell by more than a tenth."""
    return [name for name, value in now.items() if value < (1 - LARGEST_FALL) * before.get(name, 0)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--only", default=",".join(SCRIPTS))
    parser.add_argument("--pairs", type=int)
    given = parser.parse_args()
    before = json.loads(given.compare.read_text()) if given.compare else {}
    now = measured(given.only.split(","), given.pairs)
    if given.out:
        given.out.write_text(json.dumps(now, indent=1) + "\n")
    worse = fallen(before, now)
    for name, value in now.items():
        then = f"{before[name]:8.2f}" if name in before else "       -"
        print(f"{name:36} {then} -> {value:8.2f}{'  FELL' if name in worse else ''}")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
