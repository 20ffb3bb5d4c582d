"""Whether a Space runs yet: waited for, with the end of the log of what failed.

Knows nothing about what is in the Space.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from model.hub import HubError, Unreachable, hub_errors
from publish.hub import FAILED, START_LIMIT_S
from publish.model import shown

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_POLL_S = 1.0
_SETTLES_IN = 20
"""Looks for which a Space may still show what it did before a commit."""
_LOG_LINES = 25
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def wait_until_running(
    api: HfApi, space_id: str, commit: str, url: str, report: Callable[[str], None]
) -> bool:
    """Whether the Space runs, once it is built. Raises HubError if it fails."""
    report(f"Waiting until it runs, which takes minutes: {url}")
    try:
        with hub_errors(space_id, kind="Space"):
            for _ in range(_SETTLES_IN):
                runtime = api.wait_for_space(space_id, timeout=START_LIMIT_S, poll_interval=_POLL_S)
                if runtime.raw.get("sha") == commit:
                    break
                time.sleep(_POLL_S)  # the Hub still tells what was before the commit
    except Unreachable as error:  # it is being built all the same
        report(f"Look at its page to see when it runs: {error}")
        return False
    stage = str(runtime.raw.get("stage"))
    if stage in FAILED:
        reason = shown(str(runtime.raw.get("errorMessage") or "").strip())
        log = _log_tail(api, space_id, build=stage == "BUILD_ERROR")
        raise HubError(
            f"{space_id}: {FAILED[stage]}{f' ({reason})' if reason else ''}; its log is on its "
            f"page, under Logs{log}"
        )
    if stage != "RUNNING":
        report(f"It isn't running (the Hub says {stage}): start it on its page.")
    return stage == "RUNNING"


def _log_tail(api: HfApi, space_id: str, *, build: bool) -> str:
    """The last lines of a log, indented and safe for a terminal; "" if it can't be had."""
    lines: deque[str] = deque(maxlen=_LOG_LINES)
    try:
        with hub_errors(space_id, kind="Space"):
            for entry in api.fetch_space_logs(space_id, build=build):
                lines.extend(filter(None, _COLOURS.sub("", entry).splitlines()))
    except HubError:
        return ""
    return ", and ends in\n" + "\n".join(f"  {shown(line)}" for line in lines) if lines else ""
