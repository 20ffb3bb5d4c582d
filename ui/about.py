"""What a page says about its model, and the examples it offers, from config.json alone.

Everything in a config may have been written by a stranger, so all of it is escaped here. Knows
nothing about events.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

from huggingface_hub import constants

from model.config import ModelConfig
from model.dialogue import ChatTemplate
from model.facts import model_facts, text

_MOST, _LONGEST = 4, 40  # examples, and characters of one


def describe_model(config: ModelConfig, hub_id: str | None) -> str:
    """The "about this model" panel as HTML, with a link to the repo if it came from the Hub."""
    rows = "".join(
        f"<dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd>"
        for label, value in model_facts(config)
    )
    link = ""
    if hub_id:
        url = f"{constants.ENDPOINT}/{quote(hub_id)}"
        link = (
            f'<p><a href="{html.escape(url)}" target="_blank" rel="noopener">'
            f"{html.escape(hub_id)} on the Hub</a></p>"
        )
    return f"<dl>{rows}</dl>{link}"


def heading(config: ModelConfig | None) -> str:
    """What stands above the page, as HTML; None where there is no model."""
    if config is None:
        return "<h1>CharLSTM</h1>"
    corpus = text(config.training, "corpus")
    trained = f" trained on {html.escape(corpus)}" if corpus else ""
    return (
        f"<h1>CharLSTM</h1><p>A small neural network{trained}. It continues your text, "
        "one character at a time.</p>"
    )


def examples(config: ModelConfig, template: ChatTemplate | None) -> list[str]:
    """A few texts to begin with: of a dialogue with this template, or of one text."""
    found = dict.fromkeys(_lines(config, template) if template else _beginnings(config))
    short = (example for example in found if example.strip() and len(example) <= _LONGEST)
    usable = (example for example in short if not config.vocabulary.encode(example).changes)
    return list(islice(usable, _MOST))


def _lines(config: ModelConfig, template: ChatTemplate) -> Iterator[str]:
    """What the model has its speakers say."""
    written = "\n".join(_of_samples(config, "text"))
    for speaker in template.speakers:
        prefix = re.escape(template.prefix("user", speaker))
        yield from re.findall(rf"^{prefix}([^\n]{{5,}})$", written, re.MULTILINE)


def _beginnings(config: ModelConfig) -> Iterator[str]:
    """Its samples' prompts, and what occurs in them."""
    yield from _of_samples(config, "prompt")
    written = "\n".join(_of_samples(config, "text"))
    # In plays and the like, a line after an empty one that ends in a colon says who speaks.
    headings = Counter(re.findall(r"(?:\A|\n\n)(\S[^\n]*:)\n", written))
    yield from (heading for heading, _ in headings.most_common(_MOST - 1))
    yield from re.findall(r"^(?:\S+ ){2}(?=\S)", written, flags=re.MULTILINE)
    yield from ("The ", "Once upon a time")


def _of_samples(config: ModelConfig, key: str) -> list[str]:
    samples = config.training.get("samples")
    listed = samples if isinstance(samples, list) else []
    return [text(sample, key) for sample in listed if isinstance(sample, dict)]
