"""Training on ZeroGPU: the function that the platform's `spaces` package runs in a GPU worker.

A plain function that trains into the run's folder: a generator would be ended with the visitor's
connection. ZeroGPU starts no app without such a function. `spaces` is there on ZeroGPU only, and
has to be imported before Gradio, as app.py does. Knows nothing about pages or quotas.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from training.run import RunError, TrainingError, read_settings

_SAVED_BEFORE_S = 4
"""Before its time is up, a worker has written its model."""


def is_zero_gpu() -> bool:
    """Whether this process runs on ZeroGPU."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def gpu_function() -> Callable[[str, int], str]:
    """`train_on_gpu` as ZeroGPU wants it; make it before the page is launched.

    Raises:
        ModuleNotFoundError: where there is no `spaces` package.
    """
    import spaces  # the platform's own

    decorated: Callable[[str, int], str] = spaces.GPU(duration=_asked_seconds)(train_on_gpu)
    return decorated


def _asked_seconds(_folder: str, seconds: int) -> int:
    return seconds


def train_on_gpu(folder: str, seconds: int) -> str:
    """Train, or go on, in a run's folder that holds its settings; stop before the time is up.

    Args:
        folder: the run's; what comes of it is read there.
        seconds: that a GPU is asked for.

    Returns why it failed, or "".
    """
    from training.trainer import train  # in the worker only: it needs torch

    place = Path(folder)
    try:
        train(read_settings(place), place, deadline_s=seconds - _SAVED_BEFORE_S)
    except (TrainingError, RunError, OSError) as error:
        return str(error)
    return ""
