"""What is to be agreed to, shown on a terminal, and the question."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from model.hub import HubError


def ask(lines: Sequence[str], *, is_given: bool) -> None:
    """Print `lines` as a list and ask; `is_given` says yes beforehand.

    Raises:
        HubError: if the answer is no, or nobody is there to give one.
    """
    for line in lines:
        first, *quoted = line.splitlines()
        print("\n    ".join([f"- {first}", *quoted]))
    print(flush=True)
    if is_given:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise HubError("nobody is there to agree to that: add --yes, or publish privately")
    if input("Publish it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise HubError("nothing was published: you said no")
