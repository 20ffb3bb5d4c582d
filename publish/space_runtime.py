"""Whether a Space runs yet: its stages, waited for, and the log of what failed.

Knows nothing about what is in the Space. Speaks to no terminal.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.hub import HubError, HubUnreachable, hub_errors
from publish import hub_facts
from publish.access import answered_with
from publish.consent import shown
from publish.space_refusals import refusal

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_FIRST_PAUSE_S = 0.2
_PAUSE_S = 3.0
_SETTLES_IN_S = 20.0
"""For so long after a change, a Space may still show the stage that it had before."""
_LIMIT_S = hub_facts.START_LIMIT_S + 15 * 60
_MOST_FAILURES = 5
_LOG_LINES = 25

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class BuildFailed(HubError):
    """The Space couldn't be built; the message ends in the log's last lines."""


class AppFailed(HubError):
    """The Space was built, and its app ended; the message ends in the log's last lines."""


class SpaceAtRest(HubError):
    """The Space is paused, stopped or asleep, and to start it costs money or isn't allowed."""


class StillStarting(HubError):
    """The Space takes longer than it may."""


@dataclass(frozen=True)
class SpaceState:
    """What a Space does at a moment.

    Args:
        stage: the Hub's word for it, such as "BUILDING".
        words: the same in plain words.
        hardware: what it runs on; "" where the Hub doesn't say.
        commit: what is built or runs; "" where the Hub doesn't say.
        reason: the Hub's word for what went wrong, or "".
    """

    stage: str
    words: str
    hardware: str = ""
    commit: str = ""
    reason: str = ""


def space_state(space_id: str, *, token: str | None = None) -> SpaceState:
    """One look. Raises HubError if the Hub doesn't tell."""
    from huggingface_hub import HfApi

    with hub_errors(space_id, kind="Space"):
        runtime = HfApi(token=token).get_space_runtime(space_id)
    stage = str(runtime.raw.get("stage") or "unknown")
    return SpaceState(
        stage=stage,
        words=hub_facts.STAGES.get(stage, stage.lower().replace("_", " ")),
        hardware=str(runtime.hardware or runtime.requested_hardware or ""),
        commit=str(runtime.raw.get("sha") or ""),
        reason=shown(str(runtime.raw.get("errorMessage") or "").strip()),
    )


def wait_until_running(
    space_id: str,
    *,
    token: str | None = None,
    commit: str | None = None,
    has_changed: bool = True,
    report: Callable[[SpaceState, float], None] = lambda *_: None,
    limit_s: float = _LIMIT_S,
) -> None:
    """Return when the Space runs; one that is at rest is started again, if that is free.

    Args:
        space_id: "user/space".
        token: by default `HF_TOKEN` or the saved login.
        commit: what was committed last; None where nothing was.
        has_changed: whether anything was, so that a new start is to be expected.
        report: told the state and the seconds since the beginning, each time that it was looked at.
        limit_s: how long to wait, in seconds.

    Raises:
        BuildFailed, AppFailed: with the end of the log.
        SpaceAtRest: if it is paused and may not be started.
        StillStarting: if it takes too long; it goes on without us.
        HubError: if the Hub can't be reached, several times in a row.
    """
    begun = changed = time.monotonic()
    pause, failures = _FIRST_PAUSE_S, 0
    is_settled, was_started = not has_changed, False
    while True:
        seconds = time.monotonic() - begun
        try:
            state = space_state(space_id, token=token)
            failures = 0
        except HubUnreachable:
            failures += 1
            if failures >= _MOST_FAILURES:
                raise
            state = SpaceState("", "the Hub doesn't answer")
        report(state, seconds)
        is_terminal = state.stage in (hub_facts.RUNNING, *hub_facts.FAILED, *hub_facts.AT_REST)
        # Right after a commit a Space may show what it did before.
        is_settled |= bool(state.stage and not is_terminal)
        is_settled |= time.monotonic() - changed > _SETTLES_IN_S
        is_ours = commit is not None and state.commit == commit
        if (is_settled or is_ours) and state.stage == hub_facts.RUNNING:
            return
        if is_settled and state.stage in hub_facts.FAILED:
            raise _failure(space_id, state, token)
        if state.stage in hub_facts.AT_REST and not was_started:
            _start(space_id, state, token)
            was_started, is_settled, changed = True, False, time.monotonic()
        elif state.stage in hub_facts.AT_REST and is_settled:
            raise SpaceAtRest(
                f"{space_id} is {state.words} again: look at its page, under Settings"
            )
        if seconds > limit_s:
            raise StillStarting(
                f"{space_id} doesn't run after {limit_s / 60:.0f} minutes ({state.words}): look at "
                "its page, under Logs"
            )
        time.sleep(pause)
        pause = min(_PAUSE_S, pause * 1.5)


def log_tail(space_id: str, *, build: bool, token: str | None = None) -> list[str]:
    """The last lines of the build's or the app's log, safe for a terminal; [] if there is none."""
    from huggingface_hub import HfApi

    lines: deque[str] = deque(maxlen=_LOG_LINES)
    try:
        with hub_errors(space_id, kind="Space"):
            for entry in HfApi(token=token).fetch_space_logs(space_id, build=build):
                plain = _COLOURS.sub("", entry)
                lines.extend(shown(line) for line in plain.splitlines() if line.strip())
    except (HubError, ValueError, KeyError):  # what failed is told without its log, too
        pass
    return list(lines)


def _start(space_id: str, state: SpaceState, token: str | None) -> None:
    from huggingface_hub import HfApi

    by_hand = f"{space_id} is {state.words}: start it on its page, under Settings"
    if state.hardware and state.hardware not in hub_facts.HARDWARE:
        raise SpaceAtRest(f"{by_hand} (its hardware, {state.hardware}, is billed by the hour)")
    api: HfApi = HfApi(token=token)
    try:
        with hub_errors(space_id, kind="Space"):
            api.restart_space(space_id)
    except HubError as error:
        if answered_with(error)[0] in (hub_facts.PAYMENT_REQUIRED, hub_facts.FORBIDDEN):
            owner = space_id.partition("/")[0]
            raise refusal(error, space_id, state.hardware, owner) from error
        raise


def _failure(space_id: str, state: SpaceState, token: str | None) -> HubError:
    reason = f" ({state.reason})" if state.reason else ""
    said = f"{space_id}: {state.words}{reason}"
    if state.stage == hub_facts.APP_FAILED:
        return AppFailed(_with_log(said, "app", log_tail(space_id, build=False, token=token)))
    log = log_tail(space_id, build=True, token=token)
    return BuildFailed(_with_log(said, "build", log))


def _with_log(said: str, whose: str, lines: list[str]) -> str:
    if not lines:
        return f"{said}; its log is on its page, under Logs"
    end = "\n".join(f"  {line}" for line in lines)
    return (
        f"{said}. To try again as it is, choose Factory rebuild on its page under Settings. "
        f"The end of the {whose}'s log:\n{end}"
    )
