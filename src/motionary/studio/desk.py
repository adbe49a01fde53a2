"""Work that clicks ask for, done one thing after the other."""

import logging
from collections.abc import Callable
from threading import Condition, Thread

Job = Callable[[], None]


class Desk:
    """One worker. Of several asks of one kind that wait, the latest counts: a slider asks all the time.

    Errors a user can cause (`ValueError`, `OSError`) go to complain as text; others are logged, and end
    nothing.
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._waiting: dict[str, Job] = {}
        self._changed = Condition()
        self._busy = self._ended = False
        self._worker = Thread(target=self._run, name="studio-desk", daemon=True)
        self._worker.start()

    def ask(self, kind: str, job: Job) -> None:
        """Have a job done soon, instead of any of its kind that still waits."""
        with self._changed:
            self._waiting.pop(kind, None)
            self._waiting[kind] = job
            self._changed.notify_all()

    def rest(self, timeout_s: float = 60.0) -> bool:
        """Wait until nothing is left to do; False if it took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_s)

    def stop(self) -> None:
        """Finish what is being done, and no more."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()
        self._worker.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if self._ended:
                    return
                job = self._waiting.pop(next(iter(self._waiting)))
                self._busy = True
            self._do(job)

    def _do(self, job: Job) -> None:
        try:
            job()
        except (ValueError, OSError) as error:
            self._complain(str(error))
        except Exception:
            logging.getLogger(__name__).exception("The studio could not do what was asked.")
            self._complain("That failed; the terminal says why.")
