"""What came of a run, in HTML: how it compares with simpler methods, the judgement, what it copied.

Reads what a run has stored of itself in its model's config; what it lacks is left out. The
judgement is written for the command line, so its flags become what a page has. Knows nothing about
events.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from typing import Any

from model.facts import number

_BASELINES = (
    ("five_gram", "a 5-gram, which only counts characters"),
    ("xz", "xz, which only finds repetitions"),
    ("unigram", "how often single characters occur"),
    ("uniform", "guessing blindly"),
)

_ON_A_PAGE = (
    (r"; otherwise more dropout \(.*?\)| or more dropout \(.*?\)", ""),
    (r", more --dropout or", " or"),
    (r"; so does a model to begin from \(--init_from\)", ""),
    (r" \(--.*?\)", ""),
    (r": --resume goes on with it", ": Go on takes it up again"),
    (r": --held_out .*? for that", ""),
)
"""Advice that a page can't take, or takes by other names."""


def describe_result(training: Mapping[str, Any]) -> str:
    """The end of a run in plain words; "" where nothing of it was measured."""
    return _comparison(training) + _judgement(training) + _copy(training)


def page_words(sentence: str) -> str:
    """A sentence of the judgement without the command line's flags."""
    for pattern, words in _ON_A_PAGE:
        sentence = re.sub(pattern, words, sentence)
    return sentence


def _comparison(training: Mapping[str, Any]) -> str:
    losses = [("this model", number(training, "val_loss"))]
    losses += [(name, number(training.get("baselines"), key)) for key, name in _BASELINES]
    bits = [(name, loss / math.log(2)) for name, loss in losses if loss is not None]
    if len(bits) < 2:
        return ""
    most = max(value for _, value in bits) or 1.0
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{value:.2f}</td>"
        f'<td><div style="width: {value / most:.0%}"></div></td></tr>'
        for name, value in bits
    )
    return (
        "<p>Bits that each character costs of the part that it hasn't learnt; fewer are better:</p>"
        f"<table class=beside>{rows}</table>"
    )


def _judgement(training: Mapping[str, Any]) -> str:
    sentences = training.get("judgement")
    if not isinstance(sentences, list):
        return ""
    told = "".join(f"<li>{html.escape(page_words(str(s)))}</li>" for s in sentences)
    return f"<ul class=judgement>{told}</ul>"


def _copy(training: Mapping[str, Any]) -> str:
    copy = training.get("longest_copy")
    passage = copy.get("passage") if isinstance(copy, Mapping) else None
    if not isinstance(passage, str) or not passage.strip():
        return ""
    return (
        "<p>The longest passage of what it wrote that stands in its text:</p>"
        f"<pre>{html.escape(passage)}</pre>"
    )
