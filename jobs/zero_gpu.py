"""Training on ZeroGPU, in a worker of the platform's `spaces` package: what runs there, the price.

A visitor pays with seconds of their own daily quota. The function is a plain one that trains into
the run's folder: a generator would end with the visitor's connection. Import this module before
Gradio, which `spaces` patches. Knows nothing about pages.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from jobs import JobError, refusals
from jobs.queue import check_turn, end_writer
from training.run import read_settings, request_stop, stop_requested, withdraw_stop

# Of the Hub's documentation of 2026-08-22 and spaces 0.51.3; tried on a loopback scheduler only.
PRICE_FACTOR = 1.5
"""Seconds of quota for each second that is asked for, on the present cards."""

QUOTA = "A day's quota is 2 minutes signed out and 5 with a free account."

LONGEST_CALL_S = 120
"""That we ask for at once, unless the owner sets it; a longer run continues in another call."""

SHORTEST_CALL_S = 20
RUN_MINUTES = (0.3, 0.8, 1.8, 3.6, 9.0)
"""Of learning, that a visitor may ask for: a quarter, a half, one, two and five of those calls."""

_AROUND_S = 12
"""Seconds of each call spent outside the training loop: starting, reading, timing, scoring."""

_SAVED_BEFORE_S = 4
"""Seconds before its time is up at which a worker has written its model."""

_NOT_NOW = "This run can't be continued now. Try again later, or start a new one."
_LATER = "Try again in a few minutes; your text is kept as long as the page says."
_ADVICE = {
    "quota exceeded": f"{QUOTA} Sign in to Hugging Face, ask for less, or come back tomorrow. Your "
    "text is kept as long as the page says.",
    "illegal duration": "Ask for less time at once: a longer run can continue in another call.",
    "worker error": "What was learnt until the last checkpoint is kept: continue from there.",
}
"""What a visitor can do, by words of the platform's title."""


def is_zero_gpu() -> bool:
    """Whether this process runs on ZeroGPU."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def _on_gpu(function: Callable[[str, int], str]) -> Callable[[str, int], str]:
    """ZeroGPU's decorator, without which it starts no app; elsewhere the function as it is."""
    if not is_zero_gpu():
        return function
    try:
        import spaces  # the platform's own
    except ModuleNotFoundError:
        raise SystemExit(
            "error: SPACES_ZERO_GPU is set, but ZeroGPU's own package `spaces` isn't installed "
            "here: on another machine leave that variable unset"
        ) from None
    decorated: Callable[[str, int], str]
    decorated = spaces.GPU(duration=lambda _folder, seconds: seconds)(function)
    return decorated


@_on_gpu
def train_on_gpu(folder: str, seconds: int) -> str:
    """Start or continue the run in a folder that holds its settings; stop before the time is up.

    Does nothing if the run was stopped or deleted while it waited for a GPU.

    Args:
        folder: the run's; the result is read there.
        seconds: that a GPU is asked for.

    Returns why it failed, or "".
    """
    began = time.monotonic()
    run = Path(folder)
    from training.train import train  # in the worker only: it needs torch

    try:
        with refusals():
            if run.is_dir() and not stop_requested(run):
                spent = time.monotonic() - began
                train(read_settings(run), run, seconds - _SAVED_BEFORE_S - spent)
    except JobError as error:  # which the platform would take for one of its own
        # A sentence that names the folder isn't for visitors.
        return _NOT_NOW if run.name in str(error) else str(error)
    return ""


class GpuCalls:
    """Runs whose visitors ask for a GPU themselves; otherwise used like a `RunQueue`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Addresses of those who asked: for runs whose call has to follow, and has begun.
        self._waiting: dict[Path, str | None] = {}
        self._calling: dict[Path, str | None] = {}

    def start(self, folder: Path, address: str | None = None) -> None:
        """Let a run wait for the `call` that has to follow.

        A call takes a thread of the page as long as it lasts, so there are as few of them as of
        runs in a `RunQueue`, for anybody and for one address. Raises JobError beyond that.
        """
        with self._lock:
            if folder not in self._calling:
                self._waiting = {
                    other: asked_by
                    for other, asked_by in self._waiting.items()
                    if other != folder and other.is_dir() and not stop_requested(other)
                }
                check_turn([*self._calling.values(), *self._waiting.values()], address)
                self._waiting[folder] = address
            withdraw_stop(folder)

    def call(self, folder: Path, seconds: int) -> bool:
        """Ask for a GPU for so many seconds, train there, and return when that has ended.

        Call it from a page's event: whose quota it is, the platform reads off the request. Returns
        False if there is nothing to tell, because the run was stopped or deleted meanwhile.

        Raises:
            JobError: if it failed, or the platform gives no GPU.
        """
        import gradio as gr
        import httpx

        with self._lock:
            # One that was given up may still wait for its GPU: it will train the run.
            if folder not in self._waiting:
                return False
            self._calling[folder] = self._waiting.pop(folder)
        problem = ""
        try:
            if not stop_requested(folder):
                problem = train_on_gpu(str(folder), seconds)
        except (gr.Error, RuntimeError, ValueError, httpx.HTTPError) as error:
            problem = refusal(error)
        finally:
            del self._calling[folder]
        if not folder.is_dir() or stop_requested(folder):
            return False
        if problem:
            raise JobError(problem)
        return True

    def stop(self, folder: Path) -> None:
        """Ask a run to stop, or not to begin; it keeps what it has learnt."""
        request_stop(folder)

    def end(self, folder: Path) -> None:
        """End a run at once, so that it can be deleted; its call has nothing to tell then."""
        request_stop(folder)
        end_writer(folder)

    def waiting(self, folder: Path) -> str:
        """What a run waits for, in words; "" if it wasn't asked for."""
        with self._lock:
            is_asked = folder in self._calling or folder in self._waiting
        words = "Waiting for a GPU. Keep this page open: a reload ends the request"
        return words if is_asked and not stop_requested(folder) else ""

    def close(self) -> None:
        """A worker is the platform's to end."""


def refusal(error: Exception) -> str:
    """The platform's refusal without its markup, and what to do about it."""
    title = str(getattr(error, "title", "ZeroGPU gives no GPU now"))
    said = str(error.message) if hasattr(error, "message") else ""
    advice = next((advice for words, advice in _ADVICE.items() if words in title), _LATER)
    told = (title, re.sub(r"<[^>]*>", "", said), advice)
    return " ".join(f"{words.rstrip('. ')}." for words in told if words)


def price(seconds: int) -> int:
    """What a call costs of the visitor's quota, in seconds."""
    return math.ceil(seconds * PRICE_FACTOR)


def call_seconds(learning_s: float, longest: int) -> int:
    """The shortest call for so many more seconds of learning, or the longest that there is."""
    return math.ceil(min(longest, max(SHORTEST_CALL_S, learning_s + _AROUND_S)))


def calls_of(learning_s: float, longest: int) -> int:
    """How many calls a run of so many seconds of learning takes."""
    return math.ceil(learning_s / (longest - _AROUND_S))
