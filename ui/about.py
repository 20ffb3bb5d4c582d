"""What a page says about its model, and the examples it offers, from config.json alone.

Everything in a config may have been written by a stranger, so all of it is escaped here. Knows
nothing about events.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import quote

from huggingface_hub import constants

from model.config import ModelConfig
from model.dialogue import ChatTemplate
from model.facts import model_facts
from ui import link

_MOST, _LONGEST = 4, 40  # examples, and characters of one


def describe_model(config: ModelConfig, hub_id: str | None) -> str:
    """The "about this model" panel as HTML, with a link to the repo if it came from the Hub."""
    rows = "".join(
        f"<dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd>"
        for label, value in model_facts(config)
    )
    if not hub_id:
        return f"<dl>{rows}</dl>"
    repo = link(f"{constants.ENDPOINT}/{quote(hub_id)}", f"{hub_id} on the Hub")
    return f"<dl>{rows}</dl><p>{repo}</p>"


def heading(config: ModelConfig | None) -> str:
    """What stands above the page, as HTML; None where there is no model."""
    if config is None:
        return "<h1>CharLSTM</h1>"
    corpus = config.training.get("corpus")
    trained = f" trained on {html.escape(corpus)}" if corpus else ""
    does = "writes new items of a list" if config.is_list else "continues your text"
    return (
        f"<h1>CharLSTM</h1><p>A small neural network{trained}. It {does}, one character at a time."
        "</p>"
    )


def examples(config: ModelConfig, template: ChatTemplate | None) -> list[str]:
    """A few texts to begin with: of a dialogue with this template, of one text or of items."""
    samples = config.training.get("samples") or []
    prompts, texts = ([s.get(key) or "" for s in samples] for key in ("prompt", "text"))
    written = "\n".join(texts)
    found = _lines(written, template) if template else chain(prompts, _beginnings(written))
    if config.is_list:
        found = (item[:2] for item in written.split("\n"))
    short = (example for example in found if example.strip() and len(example) <= _LONGEST)
    usable = (example for example in short if not config.vocabulary.encode(example).changes)
    return list(islice(dict.fromkeys(usable), _MOST))


def _lines(written: str, template: ChatTemplate) -> Iterator[str]:
    """What the model has its speakers say."""
    for speaker in template.speakers:
        prefix = re.escape(template.prefix("user", speaker))
        yield from re.findall(rf"^{prefix}([^\n]{{5,}})$", written, re.MULTILINE)


def _beginnings(written: str) -> Iterator[str]:
    """What occurs in its samples."""
    # In plays and the like, a line after an empty one that ends in a colon says who speaks.
    headings = Counter(re.findall(r"(?:\A|\n\n)(\S[^\n]*:)\n", written))
    yield from (heading for heading, _ in headings.most_common(_MOST - 1))
    yield from re.findall(r"^(?:\S+ ){2}(?=\S)", written, flags=re.MULTILINE)
    yield from ("The ", "Once upon a time")
