"""Training on the page's own machine: one run at a time in a child process, the others wait.

The child is `python -m training --resume FOLDER` at low priority, so that whoever chats is served
first. It outlives every browser, and a page that is killed; a page that ends asks it to stop.
Whether somebody works on a run its lock says: so a run of an earlier page is waited for, too.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs import JobError
from training.run import is_being_written, read_run, request_stop, withdraw_stop

_LOG_FILE = "log.txt"
_ROOT = Path(__file__).parents[1]
_NICENESS = 10
_MOST_WAITING = 20
_LOOK_EVERY_S = 1.0
_END_WITHIN_S = 30.0
_NOT_FOR_RUNS = ("OPENBLAS_NUM_THREADS",)  # what the page sets for itself alone


class RunQueue:
    """Starts runs in the order in which they were asked for, and stops them.

    Args:
        folders: of all runs there are, for those that an earlier page has started.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]]) -> None:
        self._folders = folders
        self._changed = threading.Condition()
        self._waiting: deque[Path] = deque()
        self._current: Path | None = None  # our own, or an earlier page's that is waited for
        self._child: subprocess.Popen[bytes] | None = None
        self._is_open = True
        threading.Thread(target=self._work, daemon=True, name="training").start()
        atexit.register(self.close)

    def start(self, folder: Path) -> None:
        """Start or continue the run in a folder as soon as it is its turn.

        Raises:
            JobError: if too many wait already.
        """
        with self._changed:
            if folder in self._waiting or folder == self._current:
                return
            if len(self._waiting) >= _MOST_WAITING:
                raise JobError(f"{_MOST_WAITING} runs are waiting already: try again later.")
            withdraw_stop(folder)
            self._waiting.append(folder)
            self._changed.notify_all()

    def stop(self, folder: Path) -> None:
        """Take a run out of the queue, or ask it to stop; it keeps what it has learnt."""
        with self._changed:
            if folder in self._waiting:
                self._waiting.remove(folder)
            else:
                request_stop(folder)

    def end(self, folder: Path) -> None:
        """End a run at once and wait until its process is gone, so that it can be deleted."""
        with self._changed:
            if folder in self._waiting:
                self._waiting.remove(folder)
            if folder == self._current and self._child is not None:
                self._child.kill()
                self._changed.wait_for(lambda: folder != self._current, _END_WITHIN_S)
        end_writer(folder)

    def waiting(self, folder: Path) -> str:
        """What a run waits for, in words; "" if it wasn't asked for."""
        with self._changed:
            if folder not in (*self._waiting, self._current):
                return ""
            before = [] if self._current is None else [self._current]
            ahead = [*before, *self._waiting].index(folder)
        if ahead == 0:
            return "One moment"  # its process is starting or ending
        return f"{'1 run is' if ahead == 1 else f'{ahead} runs are'} before it"

    def close(self) -> None:
        """Start nothing more, and ask the current run to stop; it saves what it has learnt."""
        with self._changed:
            self._is_open = False
            self._waiting.clear()
            if self._current is not None:
                with suppress(OSError):  # a full disk: then it goes on
                    request_stop(self._current)
            self._changed.notify_all()

    def _work(self) -> None:
        while folder := self._next():
            with suppress(OSError):  # deleted meanwhile, or no room for a log
                self._train(folder)

    def _next(self) -> Path | None:
        """The next run, once nobody trains; None when the page ends."""
        with self._changed:
            self._child = None
            while self._is_open:
                self._current = next(filter(is_being_written, self._folders()), None)
                if self._current is None and self._waiting:
                    self._current = self._waiting.popleft()
                    self._changed.notify_all()
                    return self._current
                self._changed.notify_all()
                self._changed.wait(_LOOK_EVERY_S if self._current else None)
            return None

    def _train(self, folder: Path) -> None:
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.BELOW_NORMAL_PRIORITY_CLASS
        else:
            options["start_new_session"] = True  # a Ctrl-C for the page isn't one for the run
        with open(folder / _LOG_FILE, "wb") as log:
            try:
                child = subprocess.Popen(
                    [sys.executable, "-m", "training", "--resume", str(folder.resolve())],
                    cwd=_ROOT,
                    env={k: v for k, v in os.environ.items() if k not in _NOT_FOR_RUNS},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    **options,
                )
            except OSError as error:
                log.write(f"error: training can't be started: {error.strerror}\n".encode())
                return
        with self._changed:
            self._child = child
        if sys.platform != "win32":
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
        child.wait()


def end_writer(folder: Path) -> None:
    """Kill whatever process trains in a folder, and wait until it is gone."""
    deadline = time.monotonic() + _END_WITHIN_S
    while is_being_written(folder) and time.monotonic() < deadline:
        if pid := read_run(folder).pid:
            with suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        time.sleep(0.05)


def last_words(folder: Path) -> str | None:
    """Why the last child that trained there failed; "" if it didn't, None if there was none.

    A sentence that names the folder isn't for visitors, who needn't know where it lies.
    """
    try:
        lines = (folder / _LOG_FILE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if said and folder.name in said[-1]:
        return f"{_LOG_FILE} in the run's folder says why"
    return said[-1] if said else ""
