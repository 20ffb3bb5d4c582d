"""Training on ZeroGPU, in a worker of the platform's `spaces` package: what runs there, the price.

A visitor pays with seconds of their own daily quota. The function is a plain one that trains into
the run's folder: a generator would end with the visitor's connection. Import this module before
Gradio, which `spaces` patches. Knows nothing about pages.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from training.run import RunError, read_settings, stop_requested
from training.settings import TrainingError

# Of the Hub's documentation of 2026-08-22 and spaces 0.51.3; tried on a loopback scheduler only.
PRICE_FACTOR = 1.5
"""Seconds of quota for each second that is asked for, on the present cards."""

QUOTA = "A day's quota is 2 minutes signed out and 5 with a free account."

LONGEST_CALL_S = 120
"""That we ask for at once, unless the owner sets it; a longer run continues in another call."""

SHORTEST_CALL_S = 20
_AROUND_S = 12
"""Seconds of each call spent outside the training loop: starting, reading, timing, scoring."""

_SAVED_BEFORE_S = 4
"""Seconds before its time is up at which a worker has written its model."""

_SHARES = (1 / 4, 1 / 2, 1, 2, 5)
"""How long a run can be, in longest calls."""

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
        if run.is_dir() and not stop_requested(run):
            spent = time.monotonic() - began
            train(read_settings(run), run, seconds - _SAVED_BEFORE_S - spent)
    except (TrainingError, RunError) as error:
        return f"It failed: {error}."
    except OSError as error:
        return f"The server's disk refuses it: {error.strerror}."
    return ""


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


def run_choices(longest: int, most_minutes: float) -> tuple[int, ...]:
    """How many seconds of calls a visitor may ask for in all; never none.

    Args:
        longest: call, in seconds.
        most_minutes: of learning that a run may have.
    """
    wanted = [round(share * longest) for share in _SHARES]
    fitting = [s for s in wanted if s >= SHORTEST_CALL_S and minutes_of(s, longest) <= most_minutes]
    return tuple(fitting) or (SHORTEST_CALL_S,)


def call_choices(longest: int) -> tuple[int, ...]:
    """How many seconds a visitor may ask for in one call."""
    return tuple(s for s in run_choices(longest, math.inf) if s <= longest)


def calls_of(seconds: int, longest: int) -> tuple[int, int]:
    """How many calls a run takes that may have so many seconds of them, and how long each is."""
    return (1, seconds) if seconds <= longest else (round(seconds / longest), longest)


def minutes_of(seconds: int, longest: int) -> float:
    """The minutes of learning in so many seconds of calls."""
    calls, each = calls_of(seconds, longest)
    return max(0.1, calls * (each - _AROUND_S) / 60)


def suggested_run(characters: int, choices: tuple[int, ...], longest: int) -> int:
    """How long to ask for, for a text of so many characters; one call is enough."""
    single = [s for s in choices if s <= longest] or list(choices[:1])
    return next((s for s in single if characters <= 12_000 * s), single[-1])


def suggested_call(rest_s: float | None, longest: int) -> int:
    """The shortest call for so many more seconds of learning; None: nobody knows how many."""
    choices = call_choices(longest)
    needed = math.inf if rest_s is None else rest_s + _AROUND_S
    return next((s for s in choices if needed <= s), choices[-1])
