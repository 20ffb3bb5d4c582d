"""Training on the page's own machine: one run at a time in a child process, the others wait.

The child is `python -m training --resume FOLDER` at low priority, so that who chats is served
first, and it isn't the page's to lose: it goes on when every browser has gone, and when the page
itself ends it is asked to stop, which keeps what it has learnt. Where a page was killed its run
goes on, and the next page adopts it. Knows nothing about pages.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from jobs.shelf import ShelfError
from jobs.status import UNFINISHED
from training.run import (
    STATE_FILE,
    Phase,
    is_being_written,
    read_state,
    request_stop,
    write_json,
)

LOG_FILE = "log.txt"
_ROOT = Path(__file__).parents[1]
_NICENESS = 10
_MOST_WAITING = 20
_LOOK_EVERY_S = 1.0
_END_WITHIN_S = 30.0
# What the page sets for itself, and a run must not inherit.
_NOT_FOR_RUNS = ("OPENBLAS_NUM_THREADS",)


class Here:
    """Starts runs, in the order in which they were asked for, and stops them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Path] = deque()
        self._adopted: set[Path] = set()
        self._folder: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._is_stopping = False
        self._is_open = True
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def start(self, folder: Path) -> None:
        """Run, or go on with, the run in a folder as soon as it is its turn.

        Raises:
            ShelfError: if too many wait already.
        """
        with self._changed:
            if folder in self._waiting or folder == self._folder or self._has_adopted(folder):
                return
            if len(self._waiting) >= _MOST_WAITING:
                raise ShelfError(
                    f"{len(self._waiting)} runs wait for their turn already: try again later."
                )
            self._waiting.append(folder)
            self._take_next()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="training")
                self._thread.start()
            self._changed.notify_all()

    def adopt(self, folder: Path) -> None:
        """Take over a run that another process works on: the others wait for its end, too."""
        with self._changed:
            if folder != self._folder:
                self._adopted.add(folder)

    def stop(self, folder: Path) -> None:
        """Take a run out of the queue, or ask it to stop after its present step."""
        with self._changed:
            if folder in self._waiting:
                self._waiting.remove(folder)
            elif self._has_adopted(folder):
                request_stop(folder)
            elif folder == self._folder:
                if self._child is not None and _has_begun(folder, self._child.pid):
                    request_stop(folder)
                    return
                # Nothing is learnt yet, and the run would only see a request later.
                self._is_stopping = True
                if self._child is not None:
                    self._child.terminate()

    def end(self, folder: Path) -> None:
        """End a run at once and wait until its process is gone: it is going to be deleted."""
        with self._changed:
            if folder in self._waiting:
                self._waiting.remove(folder)
            if folder == self._folder:
                self._is_stopping = True
                if self._child is not None:
                    self._child.kill()
                self._changed.wait_for(lambda: self._folder != folder, timeout=_END_WITHIN_S)
        deadline = time.monotonic() + _END_WITHIN_S
        while self.is_running(folder) and time.monotonic() < deadline:
            _kill_writer(folder)
            time.sleep(0.05)

    def ahead_of(self, folder: Path) -> int | None:
        """How many runs come before this one; 0 while it runs, None if it isn't asked for."""
        with self._changed:
            if folder == self._folder or self._has_adopted(folder):
                return 0
            if folder not in self._waiting:
                return None
            others = len(self._still_adopted()) + (self._folder is not None)
            return self._waiting.index(folder) + others

    def is_running(self, folder: Path) -> bool:
        """Whether a process works on it now."""
        with self._changed:
            return folder == self._folder or self._has_adopted(folder)

    def close(self) -> None:
        """Start nothing more, and ask the present run to stop; it saves what it has learnt."""
        with self._changed:
            self._is_open = False
            self._waiting.clear()
            for folder in [*self._still_adopted(), *filter(None, [self._folder])]:
                with contextlib.suppress(OSError):  # a full disk: then it goes on
                    self.stop(folder)
            self._changed.notify_all()

    def _has_adopted(self, folder: Path) -> bool:
        """Whether it was adopted and still goes on; called with the lock held, as those below."""
        if folder in self._adopted and not is_being_written(folder):
            self._adopted.remove(folder)
        return folder in self._adopted

    def _still_adopted(self) -> list[Path]:
        return [folder for folder in list(self._adopted) if self._has_adopted(folder)]

    def _take_next(self) -> None:
        """Whose turn it is."""
        is_free = self._folder is None and not self._still_adopted()
        if is_free and self._waiting and self._is_open:
            self._folder = self._waiting.popleft()
            self._is_stopping = False

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._folder is None and self._is_open:
                    self._changed.wait(_LOOK_EVERY_S if self._adopted else None)
                    self._take_next()
                if self._folder is None or not self._is_open:
                    return
                folder = self._folder
                if not self._is_stopping:
                    self._child = _try_to_begin(folder)
            if self._child is not None:
                self._child.wait()
            if self._is_stopping:
                tell(folder, "stopped", "")
            elif self._child is not None:
                _tell_end(folder, self._child.returncode)
            with self._changed:
                self._folder = self._child = None
                self._take_next()
                self._changed.notify_all()


def _try_to_begin(folder: Path) -> subprocess.Popen[bytes] | None:
    try:
        return _begin(folder)
    except OSError as error:
        tell(folder, "failed", f"training could not be started: {error.strerror or error}")
        return None


def _begin(folder: Path) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_RUNS}
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.BELOW_NORMAL_PRIORITY_CLASS
    else:
        options["start_new_session"] = True  # a Ctrl-C for the page isn't one for the run
    with open(folder / LOG_FILE, "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "training", "--resume", str(folder.resolve())],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **options,
        )
    if sys.platform != "win32":
        os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
    return child


def _kill_writer(folder: Path) -> None:
    """End the process that has the folder, whose child it isn't."""
    with contextlib.suppress(OSError, KeyError):
        os.kill(read_state(folder)["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))


def _has_begun(folder: Path, pid: int) -> bool:
    """Whether this process has come as far as to look for stop requests."""
    state = read_state(folder)
    return state.get("pid") == pid and state.get("phase") not in ("reading", "timing")


def _tell_end(folder: Path, status: int) -> None:
    """Where a process has ended without telling why, what is known of it."""
    phase = read_state(folder).get("phase", "reading")
    if phase not in UNFINISHED:
        return
    if status < 0:
        tell(
            folder,
            "failed",
            "its process was ended from outside; perhaps the machine had no memory left. What was "
            "learnt until the last checkpoint is kept",
        )
    else:
        tell(folder, "failed", _last_line(folder).removeprefix("error: "))


def last_words(folder: Path) -> str:
    """Why the process that trained there ended, if its log says so: a full disk holds no more."""
    line = _last_line(folder)
    return line.removeprefix("error: ") if line.startswith("error: ") else ""


def _last_line(folder: Path) -> str:
    try:
        lines = (folder / LOG_FILE).read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it ended and said nothing"


def tell(folder: Path, phase: Phase, message: str) -> None:
    """Say in a run's folder what its writer, which has ended, can't say any more."""
    try:
        told = {**read_state(folder), "phase": phase, "message": message}
        write_json(folder / STATE_FILE, told)
    except OSError:
        return  # deleted meanwhile, or no room for a word
