"""Training on ZeroGPU: the function that the platform's `spaces` package runs in a GPU worker.

A plain function that trains into the run's folder: a generator would be ended with the visitor's
connection. ZeroGPU starts no app without such a function. `spaces` is there on ZeroGPU only, and
has to be imported before Gradio, as app.py does. Whoever waits for a worker leaves a ticket in the
run's folder: either the worker takes it, or it is withdrawn and the worker does nothing. Knows
nothing about pages or quotas.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from training.run import RunError, RunWriter, TrainingError, read_settings, read_state

_SAVED_BEFORE_S = 4
"""Before its time is up, a worker has written its model."""

_WORKER_FILE = "gpu-worker"


def is_zero_gpu() -> bool:
    """Whether this process runs on ZeroGPU."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def gpu_function() -> Callable[[str, int, str], str]:
    """`train_on_gpu` as ZeroGPU wants it; make it before the page is launched.

    Raises:
        ModuleNotFoundError: where there is no `spaces` package.
    """
    import spaces  # the platform's own

    decorated: Callable[[str, int, str], str] = spaces.GPU(duration=_asked_seconds)(train_on_gpu)
    return decorated


def _asked_seconds(_folder: str, seconds: int, _ticket: str) -> int:
    return seconds


def issue_ticket(folder: Path) -> Path:
    """For one call of `train_on_gpu`, which is given its name."""
    ticket = folder / f"gpu-ticket-{secrets.token_hex(8)}"
    ticket.touch()
    return ticket


def withdraw_ticket(ticket: Path) -> bool:
    """Let a call do nothing; False if a worker was quicker or the call has ended."""
    try:
        ticket.unlink()
    except FileNotFoundError:
        return False
    return True


def worker_of(folder: Path) -> int | None:
    """The process that works on a run, if it is a GPU worker's."""
    try:
        return int((folder / _WORKER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def has_begun(folder: Path) -> bool:
    """Whether a GPU worker has come as far as to look for stop requests."""
    state = read_state(folder)
    is_learning = state.get("phase") in ("training", "scoring", "judging")
    return is_learning and state["pid"] == worker_of(folder)


def train_on_gpu(folder: str, seconds: int, ticket: str) -> str:
    """Train, or go on, in a run's folder that holds its settings; stop before the time is up.

    Args:
        folder: the run's; what comes of it is read there.
        seconds: that a GPU is asked for.
        ticket: the name of the call's; without it nothing is done.

    Returns why it failed, or "".
    """
    began = time.monotonic()
    place = Path(folder)
    try:
        with open(place / ticket, "r+", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        os.replace(place / ticket, place / _WORKER_FILE)
    except FileNotFoundError:
        return ""
    try:
        RunWriter(place).state("reading")
        from training.trainer import train  # in the worker only: it needs torch

        spent = time.monotonic() - began
        train(read_settings(place), place, deadline_s=seconds - _SAVED_BEFORE_S - spent)
    except (TrainingError, RunError) as error:
        return str(error).replace(f"{place}/", "").replace(str(place), "its folder")
    except OSError as error:
        return f"the server's disk refuses it: {error.strerror}"
    finally:
        (place / _WORKER_FILE).unlink(missing_ok=True)
    return ""
