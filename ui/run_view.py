"""A run of training in HTML: what a text is, how far the run is, what it writes.

What a visitor's text or a run says is escaped here. Knows nothing about events.
"""

from __future__ import annotations

import html
import math
import time

from jobs.service import View
from jobs.text import TextSummary
from jobs.zero_gpu import calls_of, price
from training.run import RunStatus

_DOING = {
    "new": "Waiting to start",
    "reading": "Reading the text",
    "timing": "Timing this machine, to choose the network",
    "training": "Training",
    "scoring": "Measuring on the part that it hasn't learnt",
    "examining": "Comparing it with simpler methods",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "It failed",
    "interrupted": "Interrupted",
}


def describe_text(summary: TextSummary) -> str:
    """What a text is, and what its owner should know."""
    facts = (
        f"<p><b>{summary.characters:,}</b> characters, <b>{summary.distinct:,}</b> different ones. "
        f"{html.escape(summary.kind)}</p>"
    )
    return facts + "".join(f"<p class=warning>{html.escape(w)}</p>" for w in summary.warnings)


def describe_price(seconds: int, longest: int) -> str:
    """What it costs a visitor to ask for so many seconds of a GPU, `longest` at a time."""
    calls, each = calls_of(seconds, longest)
    if calls == 1:
        return f"{each} s (costs {price(each)} s of your quota)"
    return f"{calls} calls of {each} s (each costs {price(each)} s of your quota)"


def describe_run(view: View) -> str:
    """Where a run is: a sentence, a bar, the numbers."""
    status = view.status
    parts = [f"<p class=headline>{html.escape(f'{view.run.title}: {_headline(view)}')}</p>"]
    if view.waits_for_gpu:
        parts.append("<p>Keep this page open until it has started: a reload ends the request.</p>")
    if status.step:
        parts.append(f'<div class=bar><div style="width: {status.progress:.1%}"></div></div>')
        parts.append(f"<p>{', '.join(_numbers(status))}</p>")
    parts += [f"<p>{html.escape(f'{note[:1].upper()}{note[1:]}.')}</p>" for note in status.notes]
    if view.run.expires is not None:
        left = _time(max(0.0, view.run.expires - time.time()))
        parts.append(f"<p class=expires>It is deleted here in {left}, with its text.</p>")
    return "".join(parts)


def describe_sample(status: RunStatus) -> str:
    """What it wrote last."""
    if not status.samples:
        return ""
    step, text = status.samples[-1]
    return f"<p>After step {step:,} it writes:</p><pre>{html.escape(text)}</pre>"


def _headline(view: View) -> str:
    status = view.status
    if view.ahead:
        return f"{'1 run is' if view.ahead == 1 else f'{view.ahead} runs are'} before it"
    if view.waits_for_gpu:
        return "Waiting for a GPU"
    if view.is_active and not status.is_active:
        return _DOING["new"]  # what it says is left from before
    doing = _DOING.get(status.phase, "Done")
    if status.phase in ("failed", "interrupted") and status.message:
        return f"{doing}: {status.message}"
    if status.phase == "training" and status.seconds_left is not None:
        return f"{doing}, {_time(status.seconds_left)} left"
    return doing


def _numbers(status: RunStatus) -> list[str]:
    numbers = [f"step {status.step:,}"]
    if status.val_losses:
        loss = status.val_losses[-1][1]
        numbers.append(
            f"held out {loss:.3f} nats ({loss / math.log(2):.2f} bits) a character, on a sample"
        )
    if status.train_losses:
        numbers.append(f"train {status.train_losses[-1][1]:.3f}")
    if status.characters_per_second:
        numbers.append(f"{status.characters_per_second:,} characters a second")
    return numbers


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7_200 else f"{seconds / 3_600:.0f} hours"
