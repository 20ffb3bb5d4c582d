"""What a page may train, for whom and where: the environment, read once at start.

One's own computer is generous, and a server that others reach is not. On a Space without a GPU
training is off unless its owner turns it on: two cores and 16 GB are what all its visitors share.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.quota import LONGEST_CALL_S, SHORTEST_CALL_S
from training.zero_gpu import is_zero_gpu

_OWN_HOSTS = ("", "127.0.0.1", "localhost", "::1")

VARIABLES = {
    "TRAINING": "on, off or auto (auto: on one's own computer and on ZeroGPU)",
    "TRAINING_MINUTES": "longest run that can be asked for",
    "TRAINING_MEGABYTES": "largest text",
    "TRAINING_RUNS": "runs kept for each visitor",
    "TRAINING_DISK_GIGABYTES": "for all runs together",
    "TRAINING_KEEP_HOURS": "after which a visitor's run is deleted; 0: never",
    "TRAINING_CALL_SECONDS": "on ZeroGPU: longest time that is asked for at once",
    "TRAINING_FOLDER": "where runs are kept (default: runs/page)",
}
"""The environment's variables and what they set."""


class LimitsError(Exception):
    """A variable of the environment has a value that means nothing; one clear line."""


@dataclass(frozen=True)
class Limits:
    """What may be asked of the Train tab.

    Args:
        where: "here" in a child process, "gpu" in a worker of ZeroGPU, "off" not at all.
        reason: why it is off, and what would turn it on; a sentence.
        is_shared: others than the owner reach the page: each has runs of their own, which expire.
        folder: where runs are kept.
        minutes: longest run.
        megabytes: largest text.
        runs: kept for each visitor.
        disk_gigabytes: for all runs together.
        keep_hours: after which a run is deleted; None for never.
        call_seconds: on ZeroGPU, the longest time that is asked for at once.
    """

    where: Literal["here", "gpu", "off"]
    reason: str
    is_shared: bool
    folder: Path
    minutes: float
    megabytes: float
    runs: int
    disk_gigabytes: float
    keep_hours: float | None
    call_seconds: int = LONGEST_CALL_S

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], host: str | None) -> Limits:
        """The limits that hold for a page served at `host`; None for Gradio's own choice.

        Raises:
            LimitsError: if a variable's value can't be understood.
        """
        on_space = bool(environment.get("SPACE_ID"))
        host = host or environment.get("GRADIO_SERVER_NAME", "")
        is_shared = on_space or host not in _OWN_HOSTS
        keep = _number(environment, "TRAINING_KEEP_HOURS", 24 if is_shared else 0)
        where, reason = _where(environment, is_shared)
        call_seconds = int(_number(environment, "TRAINING_CALL_SECONDS", LONGEST_CALL_S))
        if call_seconds < SHORTEST_CALL_S:
            raise LimitsError(f"TRAINING_CALL_SECONDS must be {SHORTEST_CALL_S} or more")
        return cls(
            where=where,
            reason=reason,
            is_shared=is_shared,
            folder=Path(environment.get("TRAINING_FOLDER") or Path("runs") / "page"),
            minutes=_number(environment, "TRAINING_MINUTES", 10 if is_shared else 600),
            megabytes=_number(environment, "TRAINING_MEGABYTES", 20 if is_shared else 1_000),
            runs=int(_number(environment, "TRAINING_RUNS", 3 if is_shared else 100)),
            disk_gigabytes=_number(environment, "TRAINING_DISK_GIGABYTES", 5 if is_shared else 100),
            keep_hours=keep or None,
            call_seconds=call_seconds,
        )


def _where(
    environment: Mapping[str, str], is_shared: bool
) -> tuple[Literal["here", "gpu", "off"], str]:
    wanted = (environment.get("TRAINING") or "auto").strip().lower()
    if wanted not in ("on", "off", "auto"):
        raise LimitsError(f"TRAINING must be on, off or auto, not {wanted!r}")
    if is_zero_gpu():  # which starts no app without a function for its GPU
        return "gpu", ""
    if wanted == "off":
        return "off", "The owner of this page has turned training off."
    if is_shared and wanted == "auto":
        return "off", (
            "This page is shared, and training here would take its processor from everybody who "
            "chats. Its owner can allow it with TRAINING=on; on your own computer it needs nothing."
        )
    if importlib.util.find_spec("torch") is None:
        return "off", (
            "Training needs torch, which isn't installed here. On your own computer `make train` "
            "installs it and teaches a first text (without make: python -m pip install -r "
            "requirements.txt); then start this page anew."
        )
    return "here", ""


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise LimitsError(f"{name} must be a number, not {text!r}")
    return value
