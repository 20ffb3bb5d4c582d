"""Training on ZeroGPU: a worker of the platform's `spaces` package, paid from the visitor's quota.

What the worker does is in `training.zero_gpu`, what it costs in `jobs.quota`. Knows nothing about
pages, but that a call for a GPU has to be made from one's event.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from jobs.here import tell
from jobs.quota import QUOTA
from jobs.shelf import ShelfError
from training.run import request_stop
from training.zero_gpu import (
    gpu_function,
    has_begun,
    issue_ticket,
    withdraw_ticket,
    worker_of,
)

_EXPECTED_FOR_S = 20.0
_END_WITHIN_S = 30.0


class ZeroGPU:
    """Starts runs in the platform's workers; make it before the page is launched."""

    def __init__(self) -> None:
        self._call = gpu_function()
        self._changed = threading.Condition()
        self._expected: dict[Path, float] = {}
        self._tickets: dict[Path, Path] = {}
        self._ended: set[Path] = set()

    def expect(self, folder: Path) -> None:
        """A call of `run` is about to come; meanwhile it counts as waiting, for a while."""
        with self._changed:
            self._expected[folder] = time.monotonic() + _EXPECTED_FOR_S

    def run(self, folder: Path, seconds: int) -> bool:
        """Wait for a GPU and train there; returns when the worker has ended.

        Call it from a page's event, after `expect`: whose quota it is, the platform reads off the
        request.

        Returns False if the run was stopped or deleted before it had begun to learn.

        Raises:
            ShelfError: in plain words, if the platform refuses or the worker fails.
        """
        import gradio as gr
        import httpx

        with self._changed:
            if self._expected.pop(folder, None) is None or folder in self._tickets:
                return False
            try:
                ticket = self._tickets[folder] = issue_ticket(folder)
            except OSError as error:
                raise ShelfError(f"The run couldn't be begun: {error.strerror}.") from error
        try:
            problem = self._call(str(folder), seconds, ticket.name)
            if not self._is_wanted(folder, ticket):
                return False
        except (gr.Error, RuntimeError, ValueError, httpx.HTTPError) as error:
            if self._is_wanted(folder, ticket):
                raise ShelfError(_plain(error)) from error
            if ticket in self._ended:
                tell(folder, "stopped", "")
            return False
        finally:
            withdraw_ticket(ticket)
            with self._changed:
                if self._tickets.get(folder) == ticket:
                    del self._tickets[folder]
                self._ended.discard(ticket)
                self._changed.notify_all()
        if problem:
            raise ShelfError(f"{problem}.")
        return True

    def stop(self, folder: Path) -> None:
        """Ask a run to stop after its present step, or give up waiting for a GPU."""
        with self._changed:
            if self._give_up_waiting(folder):
                return
            if has_begun(folder):
                request_stop(folder)
            else:  # nothing is learnt yet, and the run would take no notice of a request
                self._kill(folder)

    def end(self, folder: Path) -> None:
        """End a run at once and wait until nothing writes there any more: it will be deleted."""
        with self._changed:
            if not self._give_up_waiting(folder):
                self._kill(folder)
                self._changed.wait_for(lambda: folder not in self._tickets, _END_WITHIN_S)

    def is_running(self, folder: Path) -> bool:
        """Whether a worker has it, or it waits for one."""
        with self._changed:
            return folder in self._tickets or self._is_expected(folder)

    def is_waiting(self, folder: Path) -> bool:
        """Whether it waits for a GPU."""
        with self._changed:
            ticket = self._tickets.get(folder)
            return self._is_expected(folder) if ticket is None else ticket.exists()

    def _is_expected(self, folder: Path) -> bool:
        """Called with the lock held, as those below."""
        return time.monotonic() < self._expected.get(folder, 0.0)

    def _give_up_waiting(self, folder: Path) -> bool:
        """Let a call do nothing when its turn comes; False if a worker has the run already."""
        self._expected.pop(folder, None)
        ticket = self._tickets.get(folder)
        if ticket is not None and not withdraw_ticket(ticket):
            return False
        self._tickets.pop(folder, None)
        return True

    def _kill(self, folder: Path) -> None:
        self._ended.add(self._tickets[folder])
        pid = worker_of(folder)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _is_wanted(self, folder: Path, ticket: Path) -> bool:
        """Whether a call that has ended is one that nobody had given up."""
        with self._changed:
            return self._tickets.get(folder) == ticket and ticket not in self._ended


def _plain(error: Exception) -> str:
    """The platform's refusal without its markup, and what to do about it."""
    title = str(getattr(error, "title", ""))
    said = re.sub(r"<[^>]*>", "", str(getattr(error, "message", error)))
    for phrase, advice in _ADVICE.items():
        if phrase in f"{title} {said}".lower():
            told = [s for s in re.split(r"(?<=[.!?])\s+", said) if not _NOT_FOR_US.search(s)]
            return " ".join(f"{words.rstrip('. ')}." for words in (*told, advice) if words)
    return f"ZeroGPU gives no GPU now. {_LATER}"


_NOT_FOR_US = re.compile(r"examples|https?://|^No GPU was|^GPU task aborted|^\w*Error$")
"""Sentences of the platform's that make no sense here, or that are said better here."""

_LATER = "Try again in a few minutes; your text is kept as long as the page says."

_ADVICE = {
    "no gpu was available": f"All GPUs are taken. {_LATER}",
    "illegal duration": "Ask for less time at once: a longer run can go on in another call.",
    "runs limit": "Try again tomorrow.",
    "pending": "",
    "quota exceeded": (
        f"{QUOTA} Sign in to Hugging Face, ask for less, or come back tomorrow. Your text is kept "
        "as long as the page says."
    ),
    "proxy token": "Load the page anew and try again.",
    "worker error": (
        "The GPU's worker was ended in the middle. What was learnt until the last checkpoint is "
        "kept: go on from there."
    ),
}
