"""What a run tells while it goes: its progress, metrics.jsonl, TensorBoard."""

import json
import os
from pathlib import Path
from types import TracebackType

from motionary import progress
from motionary.atomic import write_atomically
from motionary.documents import parse_json, read_text

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class Journal:
    """Log of a run, open while it trains."""

    def __init__(self, out: Path, done: int, total: int) -> None:
        """Open the log after `done` epochs of `total`; entries of later epochs, left by a break, go."""
        from torch.utils.tensorboard import SummaryWriter  # takes a second

        self._forget_after(out / METRICS_FILE, done)
        self._metrics = (out / METRICS_FILE).open("a", encoding="utf-8", buffering=1)
        self._board = SummaryWriter(str(out / TENSORBOARD_FOLDER), purge_step=done + 1)
        self._latest: dict[str, float] = {}
        self._stage = progress.stage("training", total, "epoch", done)

    def __enter__(self) -> "Journal":
        self._shown = self._stage.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stage.__exit__(kind, error, trace)
        self._board.close()
        self._metrics.close()

    def record(self, epoch: int, values: dict[str, float]) -> None:
        """Note the values of one epoch, names like `train/total`."""
        self._metrics.write(json.dumps({"epoch": epoch, **values}) + "\n")
        os.fsync(self._metrics.fileno())  # the state that is saved next counts on it
        for name, value in values.items():
            self._board.add_scalar(name, value, epoch)
        self._latest |= values
        losses = "  ".join(
            f"{label} {self._latest[n]:.3g}" for n, label in SHOWN.items() if n in self._latest
        )
        self._shown.tell(epoch, note=losses)

    @staticmethod
    def _forget_after(path: Path, epoch: int) -> None:
        if not path.exists():
            return
        lines = [line for line in read_text(path).splitlines(keepends=True) if line.endswith("\n")]
        try:
            kept = [line for line in lines if parse_json(line, "a line")["epoch"] <= epoch]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is damaged ({error}); remove it to go on without it.") from None
        write_atomically(path, "".join(kept).encode())


def read_metrics(run: Path) -> list[dict[str, float]]:
    """What a run recorded, epoch by epoch: `epoch`, and values by names like `train/total`.

    Args:
        run: A run's folder; a line that is only half written yet, at the end, is left out.

    Raises:
        FileNotFoundError: If it has no log.
        ValueError: If a line of the log is not what `Journal.record` writes.
    """
    path = run / METRICS_FILE
    if not path.is_file():
        raise FileNotFoundError(f"No log of a training at {path}: expected the folder of a run.")
    whole, _, _ = read_text(path).rpartition("\n")
    try:
        rows = [parse_json(line, "a line") for line in whole.splitlines()]
        return [{name: float(value) for name, value in row.items() if row["epoch"] > 0} for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is not a readable log of a training ({error}).") from None


SHOWN = {"train/total": "loss", "validation/points_mm": "held out mm"}
"""What its progress has room for, and what it is called there."""
