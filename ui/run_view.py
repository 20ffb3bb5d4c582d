"""A visitor's run in HTML: what its text is, how far it is, its result, what of it is published.

What a text, a run, a config or the Hub says is escaped here; what a config lacks is left out. Knows
nothing about events.
"""

from __future__ import annotations

import html
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from jobs import sentence
from jobs.publishing import Published
from jobs.store import StoredRun
from jobs.text import TextSummary
from jobs.zero_gpu import call_seconds, calls_of, price
from model.facts import baseline_losses
from model.schema import fitted
from training.run import RunStatus
from ui import link

_DOING = {
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


def describe_price(learning_s: float, longest: int) -> str:
    """What so many seconds of learning on a GPU cost a visitor, `longest` seconds at a time."""
    calls, each = calls_of(learning_s, longest), call_seconds(learning_s, longest)
    costs = f"costs {price(each)} s of your quota"
    return f"{each} s ({costs})" if calls == 1 else f"{calls} calls of {each} s (each {costs})"


def describe_run(run: StoredRun) -> str:
    """Where a run is: a sentence, a bar, the numbers."""
    status = run.status
    parts = [f"<p class=headline>{html.escape(f'{run.title}: {_headline(run)}')}</p>"]
    if status.step:
        parts.append(f'<div class=bar><div style="width: {status.progress:.1%}"></div></div>')
        parts.append(f"<p>{', '.join(_numbers(status))}</p>")
    parts += [f"<p>{html.escape(sentence(note))}</p>" for note in status.notes]
    if run.expires is not None:
        left = _time(max(0.0, run.expires - time.time()))
        parts.append(f"<p class=expires>It is deleted here in {left}, with its text.</p>")
    return "".join(parts)


def _headline(run: StoredRun) -> str:
    status = run.status
    doing = run.waiting or _DOING.get(status.phase, "Done")
    if status.phase in ("failed", "interrupted") and status.message and not run.waiting:
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


def describe_sample(status: RunStatus, number: int | None = None) -> str:
    """What it wrote last, or as its sample of this number, from 1."""
    if not status.samples:
        return ""
    step, written = status.samples[:number][-1]
    return f"<p>After step {step:,} it wrote:</p><pre>{html.escape(written)}</pre>"


def describe_result(training: Mapping[str, Any]) -> str:
    """The end of a run, from its model's config: how it compares, the judgement, what it copied."""
    if not training:
        return ""
    training = fitted(training)
    parts = [*_novelty(training), _comparison(training)]
    if judgement := training.get("judgement"):
        told = "".join(f"<li>{html.escape(line)}</li>" for line in judgement)
        parts.append(f"<ul class=judgement>{told}</ul>")
    passage = (training.get("longest_copy") or {}).get("passage") or ""
    if passage.strip():
        parts.append("<p>The longest passage that it copied from its text:</p>")
        parts.append(f"<pre>{html.escape(passage)}</pre>")
    return "".join(parts)


def _novelty(training: Mapping[str, Any]) -> Iterator[str]:
    """Of a list: how much of what it writes is new. A list called names.txt is one of names."""
    items = training.get("items") or {}
    listed, written, new = (items.get(key) for key in ("listed", "written", "new"))
    if listed and written and new is not None:
        found = re.search(r"[a-z]+[^\Wsu]s$", PurePath(training.get("corpus") or "").stem.lower())
        noun = found[0] if found else "items"
        told = f"{listed:,.0f} {noun}, {new / written:.0%} of what it writes is new."
        yield f"<p class=headline>{told}</p>"


def _comparison(training: Mapping[str, Any]) -> str:
    loss = training.get("val_loss")
    if loss is None:
        return "<p>Nothing was measured: too little of the text was held out for that.</p>"
    losses = {"this model": loss, **baseline_losses(training)}
    most = max(losses.values()) or 1.0
    rows = "".join(
        f"<tr><th>{name}</th><td>{loss / math.log(2):.2f}</td>"
        f'<td><div style="width: {loss / most:.0%}"></div></td></tr>'
        for name, loss in losses.items()
    )
    return (
        "<p>Bits for each character of the part that it hasn't learnt; fewer are better:</p>"
        f"<table class=beside>{rows}</table>"
    )


def describe_publishing(repo_id: str, space_id: str | None, public: Sequence[str]) -> str:
    """What publishing creates.

    Args:
        repo_id: "user/name" of the model.
        space_id: "user/name" of its Space; None for no Space.
        public: what anybody could read then, in sentences; nothing for a private repo.
    """
    lines = [
        f"This creates the model repo {repo_id}, or its newest version where it is there already: "
        "the model, its settings and a page about it."
    ]
    if space_id is not None:
        lines.append(
            f"It also creates the Space {space_id}, or updates the app in it: a page like this one "
            "that serves the model. A new one is on ZeroGPU: chatting is free, and visitors who "
            "train spend GPU time of their own quota."
        )
    lines += public or [
        "Only you can see what is created. If you ever show it to others, they can have the model "
        "repeat pieces of its text word for word."
    ]
    listed = "".join(f"<li>{html.escape(line)}" for line in lines)
    return f"<ul>{listed}</ul><p>Once it has begun, it continues if you close this page.</p>"


def describe_published(there: Published | None) -> str:
    """What is on the Hub, with links."""
    if there is None:
        return ""
    model, space = there.model, there.space
    seen = "only you can see it" if model.is_private else "anybody can see it"
    parts = [f"<p>Published: {link(model.url, model.repo_id)}, {seen}.</p>"]
    if model.kept_card:
        parts.append("<p>Its page there was edited by hand, and was left as it is.</p>")
    if space is not None:
        served = link(space.url, space.space_id)
        parts.append(f"<p>Its Space: {served}. It takes a few minutes until that runs.</p>")
        if space.lacks_token:
            parts.append(
                "<p class=warning>The Space can't read its private model yet, and serves the "
                "bundled one until then: add a secret HF_TOKEN on its page, under Settings / "
                "Variables and secrets, with a token that may read the model.</p>"
            )
    return "".join(parts)


def describe_problem(problem: str) -> str:
    """Why something can't be done; its lines stay lines."""
    return f"<div class=warning>{html.escape(problem)}</div>"
