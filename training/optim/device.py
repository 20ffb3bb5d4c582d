"""Where a run computes and how precisely: the one place that tells CPUs from GPUs.

"auto" takes a CUDA GPU where there is one, else the processor. Written for GPUs but not tried on
one.
"""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager

import torch
from torch import nn

from training.settings import TrainingError

_LOWER = {"cpu": ["bfloat16"], "cuda": ["tf32", "bfloat16"]}
"""Precisions below float32 that a kind of device may train in."""


def find_device(asked: str, local_rank: int = 0) -> torch.device:
    """The device that was asked for.

    Args:
        asked: "auto", "cpu" or "cuda".
        local_rank: of this process among those on this machine; each takes a GPU of its own.

    Raises:
        TrainingError: if there is no such device here.
    """
    kind = asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and local_rank >= torch.cuda.device_count():
        raise TrainingError(
            f"torch finds no {kind} device here for each process (none, no driver, or a torch "
            "built for CPUs): choose the device cpu, or start fewer processes"
        )
    if kind == "cuda":
        torch.cuda.set_device(local_rank)
        return torch.device(kind, local_rank)
    return torch.device(kind)


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether numpy, torch or a GPU's driver says that there is no more memory."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which a network is evaluated in a precision.

    Args:
        device: of the network.
        precision: "float32"; "bfloat16" by autocast; "tf32", float32 with products in TF32 (CUDA).
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"  # torch's own default is True
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def find_precision(device: torch.device, asked: str) -> str:
    """The precision that was asked for: "float32", "bfloat16" or "tf32".

    "auto" is the one in which this device trains an LSTM clearly faster than in float32, found by
    trying, in well under a second: where oneDNN only emulates bfloat16, that is slower.

    Raises:
        TrainingError: if this device doesn't have what was asked for.
    """
    if asked == "auto":
        seconds = {p: _step_seconds(device, p) for p in ["float32", *_LOWER[device.type]]}
        fastest = min(seconds, key=lambda precision: seconds[precision])
        return fastest if 1.1 * seconds[fastest] < seconds["float32"] else "float32"
    is_lower = asked in _LOWER[device.type]
    if asked == "float32" or (is_lower and math.isfinite(_step_seconds(device, asked))):
        return asked
    raise TrainingError(
        f"torch can't train an LSTM in {asked} on this {device.type}: leave the precision to auto"
    )


def _step_seconds(device: torch.device, precision: str) -> float:
    """The shortest time of a step forth and back through an LSTM; infinite if it can't be."""
    on_gpu = device.type == "cuda"
    batch, width = (64, 512) if on_gpu else (32, 256)
    with torch.random.fork_rng(devices=[]):
        lstm = nn.LSTM(64, width, batch_first=True)
    lstm = lstm.to(device)
    inputs = torch.ones(batch, 16, 64, device=device)
    shortest = math.inf
    for _ in range(4):
        start = time.perf_counter()
        try:
            with autocast(device, precision):
                outputs, _ = lstm(inputs)
            outputs.float().sum().backward()
        except RuntimeError:  # oneDNN has no bfloat16 LSTM for this processor
            return math.inf
        if on_gpu:
            torch.cuda.synchronize(device)
        shortest = min(shortest, time.perf_counter() - start)
    return shortest
