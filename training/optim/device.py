"""Where a run computes and how precisely: the one place that tells CPUs from GPUs.

"auto" takes a CUDA GPU where there is one, else the processor; Apple's (mps) only when asked, for
nobody has measured it. Written for GPUs but not tried on one.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

import torch
from torch import nn

from training.settings import TrainingError


def find_device(asked: str, local_rank: int = 0) -> torch.device:
    """The device that was asked for.

    Args:
        asked: "auto", "cpu", "cuda" or "mps".
        local_rank: of this process among those on this machine; each takes a GPU of its own.

    Raises:
        TrainingError: if there is no such device here.
    """
    if asked == "mps":
        if not torch.backends.mps.is_available():
            raise TrainingError("torch finds no Apple GPU here: leave the device to auto")
        return torch.device("mps")
    if asked == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "torch finds no CUDA GPU here (none, no driver, or a torch built for CPUs): leave the "
            "device to auto"
        )
    if asked == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise TrainingError(
            f"each process needs a CUDA GPU of its own, and there are {torch.cuda.device_count()}: "
            "start fewer processes, or choose the device cpu"
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


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
    trying, in well under a second. Where oneDNN has no bfloat16 LSTM for a processor it says so
    with an error; where it only emulates one, it is slower.

    Raises:
        TrainingError: if this device doesn't have what was asked for.
    """
    if asked == "auto":
        return _faster_precision(device)
    if asked == "tf32" and device.type != "cuda":
        raise TrainingError("the precision tf32 is for CUDA GPUs: leave it to auto")
    if asked == "bfloat16":
        try:
            _timed_steps(device, asked, 1)
        except RuntimeError as error:
            raise TrainingError(
                f"torch can't train an LSTM in bfloat16 on this {device.type}: leave the precision "
                "to auto"
            ) from error
    return asked


def _faster_precision(device: torch.device) -> str:
    fastest, shortest = "float32", _timed_steps(device, "float32", 4) / 1.1
    for precision in {"cpu": ["bfloat16"], "cuda": ["tf32", "bfloat16"]}.get(device.type, []):
        try:
            needed = _timed_steps(device, precision, 4)
        except RuntimeError:
            continue
        if needed < shortest:
            fastest, shortest = precision, needed
    return fastest


def _timed_steps(device: torch.device, precision: str, steps: int) -> float:
    """The shortest time of a step forth and back through an LSTM; RuntimeError if it can't be."""
    on_gpu = device.type == "cuda"
    batch, width = (64, 512) if on_gpu else (32, 256)
    with torch.random.fork_rng(devices=[]):
        lstm = nn.LSTM(64, width, batch_first=True)
    lstm = lstm.to(device)
    inputs = torch.ones(batch, 16, 64, device=device)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        with autocast(device, precision):
            outputs, _ = lstm(inputs)
        outputs.float().sum().backward()
        if on_gpu:
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)
