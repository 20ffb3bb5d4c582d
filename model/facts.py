"""What config.json says about a model, as (label, value) pairs: whoever shows them adds the markup.

What is missing is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.config import ModelConfig
from model.schema import one_line

BASELINES = {
    "five_gram": "a 5-gram, which only counts characters",
    "xz": "the compressor xz, which only finds repetitions",
    "unigram": "how often single characters occur",
    "uniform": "guessing blindly",
}
"""What a model is compared with, by the keys of `config.training["baselines"]`."""

_MOST_CHARACTERS = 60


def model_facts(config: ModelConfig) -> list[tuple[str, str]]:
    """A model's size, characters, corpus, loss and credits: labels and values in plain words."""
    return [(label, value) for label, value in _facts(config) if value]


def corpus_title(training: Mapping[str, Any]) -> str:
    """What a model's text is, as people say; a guess from its file's name, or ""."""
    name = Path(training.get("corpus") or "").name
    guess = re.sub(r"\.\w{1,5}(?=$| and )", "", name)
    return training.get("title") or re.sub(r"[_-]+", " ", guess).strip()


def baseline_losses(training: Mapping[str, Any]) -> dict[str, float]:
    """Losses of simpler methods on the held-out part, in nats per character, by their names."""
    losses = training.get("baselines") or {}
    return {name: losses[key] for key, name in BASELINES.items() if losses.get(key) is not None}


def _facts(config: ModelConfig) -> Iterator[tuple[str, str]]:
    training, template = config.training, config.chat_template
    layers = "1 LSTM layer" if config.num_layers == 1 else f"{config.num_layers} LSTM layers"
    embedding = f", embedding of {config.embedding_size}" if config.embedding_size else ""
    yield "Network", f"{layers} of {config.hidden_size}{embedding}"
    yield "Parameters", f"{config.parameters:,} ({config.parameters * 4 / 2**20:.1f} MiB)"
    yield "Characters", f"{config.vocab_size:,}: {_excerpt(config)}"
    if corpus := training.get("corpus"):
        size = training.get("corpus_characters")
        yield "Trained on", corpus + (f" ({size:,.0f} characters)" if size else "")
    if config.is_list:
        listed = (training.get("items") or {}).get("listed")
        yield "Kind", f"a list of {listed:,.0f} items" if listed else "a list"
    if loss := training.get("val_loss"):
        bits = loss / math.log(2)
        yield "Held-out loss", f"{loss:.4f} nats per character ({bits:.3f} bits)"
    yield "Training", ", ".join(_effort(training))
    yield "Speakers", one_line(", ".join(template.speakers)) if template else ""
    yield "Text by", training.get("credit") or ""
    yield "Licence", training.get("license") or ""


def _effort(training: Mapping[str, Any]) -> Iterator[str]:
    if steps := training.get("steps"):
        yield f"{steps:,.0f} steps"
    if seconds := training.get("seconds"):
        yield f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"
    if date := training.get("date"):
        yield date[:10]


def _excerpt(config: ModelConfig) -> str:
    visible = [c for c in config.vocabulary.characters if c.isprintable() and not c.isspace()]
    more = " ..." if len(visible) > _MOST_CHARACTERS else ""
    return "".join(visible[:_MOST_CHARACTERS]) + more
