"""What a page says about its model, and the examples it offers, from config.json alone.

Everything in a config may have been written by a stranger, so all of it is escaped here. Knows
nothing about events.
"""

from __future__ import annotations

import html
from itertools import islice
from urllib.parse import quote

from huggingface_hub import constants

from model.chat.dialogue import ChatTemplate
from model.config import ModelConfig
from model.facts import corpus_title, model_facts
from ui import link

_MOST, _LONGEST = 4, 200  # examples, and characters of one


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
    title = html.escape(corpus_title(config.training))
    trained = f" trained on <b>{title}</b>" if title else ""
    does = "makes up new items of a list" if config.is_list else "writes"
    return (
        f"<h1>CharLSTM</h1><p>A tiny neural network{trained}. It {does} letter by letter, and has "
        "never been told a word.</p>"
    )


def examples(config: ModelConfig, template: ChatTemplate | None) -> list[str]:
    """What the page offers to begin with, in a dialogue with this template, one text or a list."""
    starters = config.training.get("starters") or []
    if template is None and config.chat_template is not None:  # a dialogue's turns, as one text
        starters = [config.chat_template.prefix("user") + turn for turn in starters]
    usable = (s for s in starters if s.strip() and not config.vocabulary.encode(s).changes)
    return [starter[:_LONGEST] for starter in islice(usable, _MOST)]
