"""What a page says about its model, and the examples it offers, from config.json alone.

Everything in a config may have been written by a stranger, so all of it is escaped here. Knows
nothing about events.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from huggingface_hub import constants

from model.config import ModelConfig
from model.dialogue import ChatTemplate
from model.facts import model_facts, text

_MOST_EXAMPLES = 4
_LONGEST_EXAMPLE = 40


def describe_model(config: ModelConfig, hub_id: str | None) -> str:
    """The "about this model" panel as HTML.

    Args:
        config: of the model that is shown.
        hub_id: its repo, to link to, if it came from the Hub.
    """
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


def example_prompts(config: ModelConfig) -> list[str]:
    """A few beginnings that suit this model: its own samples' prompts and what occurs in them."""
    found: list[str] = []
    for prompt in _candidates(config):
        is_usable = prompt.strip() and len(prompt) <= _LONGEST_EXAMPLE and prompt not in found
        if is_usable and not config.vocabulary.encode(prompt).changes:
            found.append(prompt)
    return found[:_MOST_EXAMPLES]


def example_lines(config: ModelConfig) -> list[str]:
    """A few things to say to a model with a chat template: what it has written itself."""
    template = config.chat_template or ChatTemplate()
    written = "\n".join(_of_samples(config, "text"))
    found: list[str] = []
    for speaker in template.speakers:
        prefix = re.escape(template.prefix("user", speaker))
        for line in re.findall(rf"^{prefix}([^\n]{{5,}})$", written, re.MULTILINE):
            if len(line) <= _LONGEST_EXAMPLE and line not in found:
                found.append(line)
    return found[:_MOST_EXAMPLES]


def _of_samples(config: ModelConfig, key: str) -> list[str]:
    samples: Any = config.training.get("samples")
    found = (
        [s.get(key) for s in samples if isinstance(s, dict)] if isinstance(samples, list) else []
    )
    return [value for value in found if isinstance(value, str)]


def _candidates(config: ModelConfig) -> Iterator[str]:
    yield from _of_samples(config, "prompt")
    written = "\n".join(_of_samples(config, "text"))
    # In plays and the like, a line after an empty one that ends in a colon says who speaks.
    headings = Counter(re.findall(r"(?:\A|\n\n)(\S[^\n]*:)\n", written))
    yield from (heading for heading, _ in headings.most_common(_MOST_EXAMPLES - 1))
    yield from re.findall(r"^(?:\S+ ){2}(?=\S)", written, flags=re.MULTILINE)
    yield from ("The ", "Once upon a time")
