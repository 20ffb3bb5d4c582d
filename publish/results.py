"""The results on a model card: losses beside baselines, the judgement, the longest copy.

Reads `config.training`, which anybody may have written: what it lacks or falsifies is left out.
Pure text; knows nothing about how any of it is measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from model.config import ModelConfig
from model.facts import number
from publish.markdown import fenced, plain

_ROWS = (
    ("val_loss", "this model, its state carried from the beginning to the end"),
    ("val_loss_reset_256", "this model, its state reset every 256 characters"),
)
_BASELINE_ROWS = (
    ("five_gram", "a 5-gram with back-off, counted in the train part"),
    ("xz", "xz, which has read the train part"),
    ("unigram", "single characters, by how often they occur"),
    ("uniform", "guessing blindly"),
)


def results(config: ModelConfig) -> str:
    """The section of the card; "" where nothing of it was measured."""
    parts = [_comparison(config.training), _judgement(config.training), _copy(config)]
    shown = [part for part in parts if part]
    return "\n\n".join(["## Results", *shown]) if shown else ""


def _comparison(training: Mapping[str, Any]) -> str:
    """A table of losses; "" where there is nothing to compare with."""
    named = [(name, number(training, key)) for key, name in _ROWS]
    named += [(name, number(training.get("baselines"), key)) for key, name in _BASELINE_ROWS]
    rows = [
        f"| {name} | {loss:.4f} | {loss / math.log(2):.4f} |"
        for name, loss in named
        if loss is not None
    ]
    if len(rows) < 2:
        return ""
    characters = number(training, "held_out_characters")
    count = "" if characters is None else f", {characters:,.0f} characters"
    head = f"On the held-out part of the corpus{count}, which it has not learnt from:\n"
    columns = ["| | nats per character | bits per character |", "| --- | ---: | ---: |"]
    return "\n".join([head, *columns, *rows])


def _judgement(training: Mapping[str, Any]) -> str:
    sentences = training.get("judgement")
    if not isinstance(sentences, list):
        return ""
    return "\n".join(f"- {plain(s)}" for s in sentences if isinstance(s, str) and s.strip())


def longest_copy(config: ModelConfig) -> str:
    """The longest passage that it copied; "" where none is known, or it is all white space."""
    copy = config.training.get("longest_copy")
    passage = copy.get("passage") if isinstance(copy, Mapping) else None
    return passage if isinstance(passage, str) and passage.strip() else ""


def _copy(config: ModelConfig) -> str:
    passage = longest_copy(config)
    if not passage:
        return ""
    length, cut = number(config.training["longest_copy"], "length"), ""
    if length is not None and length > len(passage):
        cut = f" (the first {len(passage):,} of its {length:,.0f} characters)"
    words = "The longest passage of what it wrote for this card that stands word for word in the"
    return f"{words} train part{cut}:\n\n{fenced(passage, 'text')}"
