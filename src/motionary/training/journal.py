"""What a run tells while it goes: a progress bar or plain lines, metrics.jsonl, TensorBoard."""

import json
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from motionary.atomic import write_atomically

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
SECONDS_BETWEEN_LINES = 15.0
"""Where there is no terminal to draw a bar on."""


class Journal:
    """Log of a run, open while it trains."""

    def __init__(self, out: Path, done: int, total: int) -> None:
        """Open the log after `done` epochs of `total`; entries of later epochs, left by a break, go."""
        from torch.utils.tensorboard import SummaryWriter  # takes a second

        self._forget_after(out / METRICS_FILE, done)
        self._metrics = (out / METRICS_FILE).open("a", encoding="utf-8", buffering=1)
        self._board = SummaryWriter(str(out / TENSORBOARD_FOLDER), purge_step=done + 1)
        self._started_s = self._told_s = time.monotonic()
        self._first, self._total = done, total
        self._latest: dict[str, float] = {}
        console = Console()
        self._lines = None if console.is_terminal else console
        self._progress = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=console,
            disable=self._lines is not None,
        )
        self._task = self._progress.add_task("train", total=total, completed=done, losses="")

    def __enter__(self) -> "Journal":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._board.close()
        self._metrics.close()

    def record(self, epoch: int, values: dict[str, float]) -> None:
        """Note the values of one epoch, names like `train/total`."""
        self._metrics.write(json.dumps({"epoch": epoch, **values}) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, epoch)
        self._latest |= values
        losses = "  ".join(
            f"{label} {self._latest[n]:.3g}" for n, label in SHOWN.items() if n in self._latest
        )
        self._progress.update(self._task, completed=epoch, losses=losses)
        now_s = time.monotonic()
        if self._lines and (now_s - self._told_s > SECONDS_BETWEEN_LINES or epoch == self._total):
            self._told_s = now_s
            left_s = (now_s - self._started_s) / (epoch - self._first) * (self._total - epoch)
            left = timedelta(seconds=round(left_s))
            self._lines.print(
                f"epoch {epoch}/{self._total}  {losses}  left {left}", highlight=False, soft_wrap=True
            )

    @staticmethod
    def _forget_after(path: Path, epoch: int) -> None:
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["epoch"] <= epoch]
        write_atomically(path, "".join(kept).encode())


SHOWN = {"train/total": "loss", "validation/points_mm": "held out mm"}
"""What the progress bar has room for, and what it is called there."""
