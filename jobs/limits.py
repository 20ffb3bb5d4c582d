"""What a page may train, for whom and where: the environment, read once at start.

One's own computer is generous, and a server that others reach is not. On a Space without a GPU
training is off unless its owner turns it on: two cores and 16 GB are what all its visitors share.
"""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs.zero_gpu import LONGEST_CALL_S, SHORTEST_CALL_S, is_zero_gpu

Where = Literal["here", "gpu", "off"]

_OWN_HOSTS = ("", "127.0.0.1", "localhost", "::1")


class LimitsError(Exception):
    """A variable of the environment has a value that means nothing; one clear line."""


@dataclass(frozen=True)
class Limits:
    """What may be asked of the Train tab, and the variable that sets it."""

    # "here" in a child process, "gpu" in a worker of ZeroGPU, "off" not at all. TRAINING is on, off
    # or auto: on one's own computer and on ZeroGPU
    where: Where
    reason: str  # why it is off, and what would turn it on; a sentence
    is_shared: (
        bool  # others than the owner reach the page: each has runs of their own, which expire
    )
    folder: Path  # where runs are kept. TRAINING_FOLDER
    minutes: float  # longest run. TRAINING_MINUTES
    megabytes: float  # largest text. TRAINING_MEGABYTES
    runs: int  # kept for each visitor. TRAINING_RUNS
    disk_gigabytes: float  # for all runs together. TRAINING_DISK_GIGABYTES
    keep_hours: float  # after which a run is deleted; 0 for never. TRAINING_KEEP_HOURS
    call_seconds: int  # on ZeroGPU, the longest call. TRAINING_CALL_SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], host: str | None) -> Limits:
        """The limits of a page that is served at `host`; None for Gradio's own choice.

        Raises:
            LimitsError: if a variable's value can't be understood.
        """
        host = host or environment.get("GRADIO_SERVER_NAME", "")
        is_shared = bool(environment.get("SPACE_ID")) or host not in _OWN_HOSTS
        where, reason = _where(environment, is_shared)

        def number(name: str, shared: float, own: float, least: float = 0) -> float:
            text = environment.get(f"TRAINING_{name}", "").strip()
            try:
                value = float(text or (shared if is_shared else own))
            except ValueError:
                value = -1.0
            if not least <= value < float("inf"):
                raise LimitsError(
                    f"TRAINING_{name} must be a number, {least:g} or more, not {text!r}"
                )
            return value

        return cls(
            where=where,
            reason=reason,
            is_shared=is_shared,
            folder=Path(environment.get("TRAINING_FOLDER") or Path("runs") / "page"),
            minutes=number("MINUTES", 10, 600),
            megabytes=number("MEGABYTES", 20, 1_000),
            runs=int(number("RUNS", 3, 100)),
            disk_gigabytes=number("DISK_GIGABYTES", 5, 100),
            keep_hours=number("KEEP_HOURS", 24, 0),
            call_seconds=int(
                number("CALL_SECONDS", LONGEST_CALL_S, LONGEST_CALL_S, least=SHORTEST_CALL_S)
            ),
        )


def visitor_address(environment: Mapping[str, str], client: str, forwarded: str) -> str:
    """The address that a visitor's runs are counted by; of IPv6 the network, which is one's own.

    Args:
        environment: of the page.
        client: who is connected to it.
        forwarded: the header X-Forwarded-For. On a Space the visitor is the last public address in
            it: those before are the visitor's own words, those behind are the platform's machines.
    """
    words = forwarded.split(",") if environment.get("SPACE_ID") else []
    named = (_address(word.strip()) for word in reversed(words))
    public = next((address for address in named if address and address.is_global), None)
    address = public or _address(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), 64), strict=False))
    return str(address or "unknown")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _where(environment: Mapping[str, str], is_shared: bool) -> tuple[Where, str]:
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
            "installs it and trains on a first text (without make: python -m pip install -r "
            "requirements.txt); then restart this page."
        )
    return "here", ""
