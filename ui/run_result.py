"""The result of a run in HTML: how it compares with simpler methods, the judgement, what it copied.

Reads what a run has stored in its model's config; what it lacks is left out. Knows nothing about
events.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any

from model.facts import number

_BASELINES = (
    ("five_gram", "a 5-gram, which only counts characters"),
    ("xz", "xz, which only finds repetitions"),
    ("unigram", "how often single characters occur"),
    ("uniform", "guessing blindly"),
)


def describe_result(training: Mapping[str, Any]) -> str:
    """The end of a run in plain words; "" where there is nothing to tell."""
    return _comparison(training) + _judgement(training) + _copy(training)


def _comparison(training: Mapping[str, Any]) -> str:
    loss = number(training, "val_loss")
    if loss is None:
        nothing = "<p>Nothing was measured: too little of the text was held out for that.</p>"
        return nothing if training else ""
    losses = [("this model", loss)]
    for key, name in _BASELINES:
        if (baseline := number(training.get("baselines"), key)) is not None:
            losses.append((name, baseline))
    most = max(loss for _, loss in losses) or 1.0
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{loss / math.log(2):.2f}</td>"
        f'<td><div style="width: {loss / most:.0%}"></div></td></tr>'
        for name, loss in losses
    )
    return (
        "<p>Bits for each character of the part that it hasn't learnt; fewer are better:</p>"
        f"<table class=beside>{rows}</table>"
    )


def _judgement(training: Mapping[str, Any]) -> str:
    sentences = training.get("judgement")
    if not isinstance(sentences, list):
        return ""
    told = "".join(f"<li>{html.escape(str(sentence))}</li>" for sentence in sentences)
    return f"<ul class=judgement>{told}</ul>"


def _copy(training: Mapping[str, Any]) -> str:
    copy = training.get("longest_copy")
    passage = copy.get("passage") if isinstance(copy, Mapping) else None
    if not isinstance(passage, str) or not passage.strip():
        return ""
    return (
        f"<p>The longest passage that it copied from its text:</p><pre>{html.escape(passage)}</pre>"
    )
