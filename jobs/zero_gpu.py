"""Training on ZeroGPU: a worker of the platform's `spaces` package, paid from the visitor's quota.

What the worker does is in `training.zero_gpu`. What the platform's numbers are, and from when,
stands here alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from jobs.shelf import ShelfError
from training.run import request_stop
from training.zero_gpu import gpu_function

# Of the Hub's documentation of 2026-08-22 and spaces 0.51.3; tried on a loopback scheduler only.
PRICE_FACTOR = 1.5
"""Seconds of quota for each second that is asked for, on the present cards."""

QUOTA_MINUTES = {"signed out": 2, "with a free account": 5}
"""Of a visitor, a day."""

LONGEST_CALL_S = 120
"""That we ask for at once; a longer run goes on in another call."""

AROUND_S = 12
"""Of a call, for what isn't learning: starting the worker, reading, timing, scoring, writing."""

CHOICES_S = (30, 60, 120)


def price(seconds: int) -> int:
    """What a call costs of the visitor's quota, in seconds."""
    return round(seconds * PRICE_FACTOR)


def suggested_seconds(characters: int) -> int:
    """How long to ask for, for a text of so many characters."""
    return next((s for s in CHOICES_S if characters <= 12_000 * s), CHOICES_S[-1])


class ZeroGPU:
    """Starts runs in the platform's workers; make it before the page is launched."""

    def __init__(self) -> None:
        self._call = gpu_function()
        self._running: set[Path] = set()

    def run(self, folder: Path, seconds: int) -> None:
        """Wait for a GPU and train there; returns when the worker has ended.

        Call it from a page's event: whose quota it is, the platform reads off the request.

        Raises:
            ShelfError: in plain words, if the platform refuses or the worker fails.
        """
        import gradio as gr

        if folder in self._running:
            return
        self._running.add(folder)
        try:
            problem = self._call(str(folder), seconds)
        except gr.Error as error:
            raise ShelfError(_plain(error)) from error
        finally:
            self._running.discard(folder)
        if problem:
            raise ShelfError(problem)

    def stop(self, folder: Path) -> None:
        """Ask a run to stop after its present step."""
        request_stop(folder)

    def is_running(self, folder: Path) -> bool:
        """Whether a worker has it, or it waits for one."""
        return folder in self._running


def _plain(error: Exception) -> str:
    """The platform's refusal without its markup, and what to do about it."""
    title = str(getattr(error, "title", ""))
    said = re.sub(r"<[^>]*>", "", str(getattr(error, "message", error))).strip()
    for phrase, advice in _ADVICE.items():
        if phrase in f"{title} {said}".lower():
            return f"{said.rstrip('.')}. {advice}"
    return f"{title}: {said}" if title and title != "Error" else said


_ADVICE = {
    "illegal duration": "Ask for less time at once: a longer run can go on in another call.",
    "runs limit": "Try again tomorrow.",
    "quota exceeded": (
        f"A day has {QUOTA_MINUTES['signed out']} minutes signed out and "
        f"{QUOTA_MINUTES['with a free account']} with a free account: sign in to Hugging Face, "
        "ask for less, or come back tomorrow. Your text is kept as long as the page says."
    ),
    "queue timeout": "All GPUs are taken: try again in a few minutes.",
    "worker error": (
        "The worker was ended in the middle. What was learnt until the last checkpoint is kept: "
        "go on from there."
    ),
}
