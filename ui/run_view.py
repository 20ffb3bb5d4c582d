"""A run of training in HTML: what was understood of a text, how far it is, what it writes.

What a visitor's text or a run says is escaped here. Knows nothing about events.
"""

from __future__ import annotations

import html
import math
import re
import time

from jobs.quota import calls_of, price
from jobs.service import View
from jobs.status import UNFINISHED, Status
from jobs.text import Understood

_FLAGS = re.compile(r"\s*\(--[^)]*\)|; --\w+ .*$")
"""What a note says of the command line's flags, which a page hasn't."""

_DOING = {
    "new": "Waiting to begin",
    "reading": "Reading the text",
    "timing": "Timing this machine, to choose the network",
    "training": "Learning",
    "scoring": "Measuring on the part that it hasn't read",
    "judging": "Done learning; comparing it with simpler methods",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "It failed",
    "interrupted": "Interrupted",
}


def describe_text(understood: Understood) -> str:
    """What was understood of a text, and what its owner should know."""
    facts = (
        f"<p><b>{understood.characters:,}</b> characters, <b>{understood.kinds:,}</b> kinds. "
        f"{html.escape(understood.form)}</p>"
    )
    return facts + "".join(f"<p class=warning>{html.escape(w)}</p>" for w in understood.warnings)


def describe_price(seconds: int, longest: int) -> str:
    """What it costs a visitor to ask for so many seconds of a GPU, `longest` at a time."""
    calls, each = calls_of(seconds, longest)
    if calls == 1:
        return f"{each} s (costs {price(each)} s of your quota)"
    return f"{calls} calls of {each} s (each costs {price(each)} s of your quota)"


def describe_run(view: View) -> str:
    """Where a run is: a sentence, a bar, the numbers."""
    status = view.status
    parts = [f"<p class=headline>{html.escape(_headline(view))}</p>"]
    if view.waits_for_gpu:
        parts.append("<p>Keep this page open until it has begun: a reload ends the request.</p>")
    if status.total_steps:
        share = status.step / status.total_steps
        parts.append(f'<div class=bar><div style="width: {share:.1%}"></div></div>')
        parts.append(f"<p>{html.escape(', '.join(_numbers(status)))}</p>")
    parts += [f"<p>{html.escape(_sentence(note))}</p>" for note in status.notes]
    if view.entry.expires is not None:
        hours = max(0.0, view.entry.expires - time.time()) / 3_600
        left = f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"
        parts.append(f"<p class=expires>It is deleted here in {left}, with its text.</p>")
    return "".join(parts)


def _sentence(note: str) -> str:
    clause = _FLAGS.sub("", note)
    return f"{clause[:1].upper()}{clause[1:].rstrip('.')}."


def describe_sample(status: Status) -> str:
    """What it wrote last."""
    if not status.samples:
        return ""
    step, text = status.samples[0]
    return f"<p>After step {step:,} it writes:</p><pre>{html.escape(text)}</pre>"


def _headline(view: View) -> str:
    status, title = view.status, view.entry.title
    if view.ahead:
        ahead = "One run is" if view.ahead == 1 else f"{view.ahead} runs are"
        return f"{title}: {ahead} before it"
    if view.waits_for_gpu:
        return f"{title}: Waiting for a GPU"
    if view.is_active and status.phase not in UNFINISHED:
        return f"{title}: {_DOING['new']}"  # what it says is left from before
    doing = _DOING[status.phase]
    if status.phase in ("failed", "interrupted") and status.message:
        return f"{title}: {doing}: {status.message}"
    left = f", {_time(status.seconds_left)} left" if status.seconds_left else ""
    return f"{title}: {doing}{left}"


def _numbers(status: Status) -> list[str]:
    numbers = [f"step {status.step:,} of {status.total_steps:,}"]
    if status.held_out_losses:
        loss = status.held_out_losses[-1][1]
        numbers.append(
            f"held out {loss:.3f} nats ({loss / math.log(2):.2f} bits) a character, on a sample"
        )
    if status.train_losses:
        numbers.append(f"train {status.train_losses[-1][1]:.3f}")
    if status.characters_per_second:
        numbers.append(f"{status.characters_per_second:,} characters a second")
    return numbers


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
