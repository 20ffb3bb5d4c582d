"""Training on the page's own machine: one run at a time in a child process, the others wait.

The child is `python -m training --resume FOLDER` at low priority, so that whoever chats is served
first. It outlives every browser, and a page that is killed; a page that ends stops it. Whether
somebody works on a run its lock says: so a run of an earlier page is waited for, too. No visitor
can hold the queue up: a run that takes too long is stopped, and what doesn't stop is killed.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs import JobError
from training.run import (
    RunError,
    is_being_written,
    read_run,
    read_settings,
    request_stop,
    withdraw_stop,
)

MOST_WAITING = 20
MOST_OF_ONE_ADDRESS = 2
"""Runs that may wait or be trained for one address of a shared page."""

STOP_WITHIN_S = 10.0
"""Seconds in which a run must have heard that it is to stop: most of what it does takes less."""

_EVALUATION = 0.002  # of a run: one of its evaluations takes up to that, and hears nothing
_LOG_FILE = "log.txt"
_ROOT = Path(__file__).parents[1]
_NICENESS = 10
_LOOK_EVERY_S = 0.25
_END_WITHIN_S = 30.0
_NOT_FOR_RUNS = ("OPENBLAS_NUM_THREADS",)  # what the page sets for itself alone
_HEARD = ("scoring", "examining", "done", "stopped", "failed")
_KEPT = "so its process was killed; what was learnt until the last checkpoint is kept"
_DEAF = f"it didn't stop when it was asked to, {_KEPT}"
_TOO_LONG = f"it took much longer than it was meant to, {_KEPT}"


class RunQueue:
    """Starts runs in the order in which they were asked for, stops them, and ends what is stuck.

    Args:
        folders: of all runs there are, for those that an earlier page has started.
        spare_s: seconds that a run may take besides twice its minutes: to be read, timed, scored
            and examined. Then it is asked to stop.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]], spare_s: float) -> None:
        self._folders, self._spare_s = folders, spare_s
        self._changed = threading.Condition()
        self._waiting: deque[Path] = deque()
        self._asked_by: dict[Path, str | None] = {}  # addresses, of those that wait or run
        self._current: Path | None = None  # our own, or an earlier page's that is waited for
        self._child: subprocess.Popen[bytes] | None = None
        self._ends_at = self._asked_at = math.inf  # when the current one is, and was asked to stop
        self._grace_s = STOP_WITHIN_S
        self._earlier_pid = 0  # of the process that trained it before
        self._is_open = True
        threading.Thread(target=self._work, daemon=True, name="training").start()
        atexit.register(self.close)

    def start(self, folder: Path, address: str | None = None) -> None:
        """Start or continue the run in a folder as soon as it is its turn.

        Args:
            folder: the run's.
            address: of whoever asks, which may have few runs here; None where there is no limit.

        Raises:
            JobError: if too many wait or run already.
        """
        with self._changed:
            if not self._is_open:
                raise JobError("This page is ending: try again in a minute.")
            busy = [*self._waiting, *([] if self._current is None else [self._current])]
            if folder in busy:
                return
            self._asked_by = {other: self._asked_by.get(other) for other in busy}
            check_turn([*self._asked_by.values()], address)
            withdraw_stop(folder)
            self._asked_by[folder] = address
            self._waiting.append(folder)
            self._changed.notify_all()

    def stop(self, folder: Path) -> None:
        """Take a run out of the queue, or ask it to stop; it keeps what it has learnt.

        One that doesn't hear that is killed, and continues from its last checkpoint.
        """
        with self._changed:
            if folder in self._waiting:
                self._waiting.remove(folder)
            elif folder == self._current:
                self._ask_to_stop(folder)
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
        """Start nothing more, and stop the current run; it saves what it has learnt.

        Returns when its process is gone: one that takes too long is killed.
        """
        with self._changed:
            self._is_open = False
            self._waiting.clear()
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._current is None, STOP_WITHIN_S)
            finally:  # a second signal means: at once
                if self._current is not None:
                    self._kill(self._current)
                    self._changed.wait_for(lambda: self._current is None, _END_WITHIN_S)

    def _work(self) -> None:
        with self._changed:
            while self._is_open or self._current is not None:
                if self._child is None or self._child.poll() is not None:
                    with suppress(OSError):  # a folder was deleted meanwhile: it is tried again
                        self._next()
                    self._changed.notify_all()
                if self._current is not None:
                    self._watch(self._current)
                is_busy = self._current is not None or self._waiting
                self._changed.wait(_LOOK_EVERY_S if is_busy else None)

    def _next(self) -> None:
        """Turn to the next run, once nobody trains."""
        self._child, self._earlier_pid = None, 0
        self._turn_to(next(filter(is_being_written, self._folders()), None))
        if self._current is None and self._waiting:
            folder = self._waiting.popleft()
            self._turn_to(folder)
            self._earlier_pid = read_run(folder).pid
            with suppress(OSError):  # deleted meanwhile, or no room for a log
                self._child = _start_child(folder)

    def _turn_to(self, folder: Path | None) -> None:
        if folder == self._current:
            return
        self._current, self._asked_at, self._ends_at = folder, math.inf, math.inf
        if folder is not None:
            minutes = 0.0
            with suppress(RunError, OSError):  # then its process ends at once
                minutes = read_settings(folder).minutes
            self._ends_at = time.monotonic() + 2 * minutes * 60 + self._spare_s
            self._grace_s = STOP_WITHIN_S + _EVALUATION * minutes * 60

    def _watch(self, folder: Path) -> None:
        """Ask the current run to stop when it is time, and kill it if it doesn't hear that."""
        now = time.monotonic()
        if now >= self._ends_at or not self._is_open:
            self._ask_to_stop(folder)
        if not self._is_open:
            return  # `close` kills it
        if now >= self._ends_at + STOP_WITHIN_S:
            self._kill(folder, _TOO_LONG)
        elif now >= self._asked_at + self._grace_s:
            status = read_run(folder)
            if status.phase not in _HEARD or status.pid == self._earlier_pid:
                self._kill(folder, _DEAF)

    def _ask_to_stop(self, folder: Path) -> None:
        if self._asked_at == math.inf:
            self._asked_at = time.monotonic()
            with suppress(OSError):  # a full disk: then it is killed
                request_stop(folder)

    def _kill(self, folder: Path, why: str = "") -> None:
        """Kill the process of the current run, and leave a word for its visitor."""
        if self._child is not None:
            self._child.kill()
        else:
            _kill_writer(folder)
        if why and last_words(folder) != why:
            with suppress(OSError), open(folder / _LOG_FILE, "a", encoding="utf-8") as log:
                log.write(f"\nerror: {why}\n")


def check_turn(asked: Sequence[str | None], address: str | None) -> None:
    """Raise JobError if nothing more may wait: for anybody, or for this address.

    Args:
        asked: the addresses of all runs that wait or are trained, None where it isn't known.
        address: of whoever asks for one more; None where there is no limit.
    """
    if address is not None and asked.count(address) >= MOST_OF_ONE_ADDRESS:
        raise JobError(
            "Two of your runs, or of others on your network, are waiting or running: wait for one "
            "of them, or delete it."
        )
    if len(asked) > MOST_WAITING:  # besides the one that is trained
        raise JobError(f"{MOST_WAITING} runs are waiting already: try again later.")


def _start_child(folder: Path) -> subprocess.Popen[bytes] | None:
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
            return None
    if sys.platform != "win32":
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
    return child


def end_writer(folder: Path) -> None:
    """Kill whatever process trains in a folder, and wait until it is gone."""
    deadline = time.monotonic() + _END_WITHIN_S
    while is_being_written(folder) and time.monotonic() < deadline:
        _kill_writer(folder)
        time.sleep(0.05)


def _kill_writer(folder: Path) -> None:
    if pid := read_run(folder).pid:
        with suppress(OSError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


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
