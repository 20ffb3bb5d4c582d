"""What a page says about its model, and the examples it offers, from config.json alone.

Everything in a config may have been written by a stranger, so all of it is escaped here. Knows
nothing about events.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

from huggingface_hub import constants

from model.config import ModelConfig
from model.dialogue import ChatTemplate

_MOST_EXAMPLES = 4
_LONGEST_EXAMPLE = 40


def describe_model(config: ModelConfig, hub_id: str | None) -> str:
    """The "about this model" panel as HTML.

    Args:
        config: of the model that is shown.
        hub_id: its repo, to link to, if it came from the Hub.
    """
    facts = [("Network", _network(config)), ("Size", _size(config)), *_training_facts(config)]
    rows = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts)
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
    corpus = corpus_name(config)
    read = f"has read {html.escape(corpus)} and" if corpus else ""
    return (
        f"<h1>CharLSTM</h1><p>A small network that {read} continues your text, "
        "one character at a time.</p>"
    )


def corpus_name(config: ModelConfig) -> str:
    """The name of what the model has read, or "" if its config doesn't say."""
    name = config.training.get("corpus")
    return name if isinstance(name, str) else ""


def example_prompts(config: ModelConfig) -> list[str]:
    """A few beginnings that suit this model: its own samples' prompts and what occurs in them."""
    found: list[str] = []
    for prompt in _candidates(config):
        is_usable = prompt.strip() and len(prompt) <= _LONGEST_EXAMPLE and prompt not in found
        if is_usable and not config.vocabulary.encode(prompt).changes:
            found.append(prompt)
        if len(found) == _MOST_EXAMPLES:
            break
    return found


def example_lines(config: ModelConfig) -> list[str]:
    """A few things to say to a model with a chat template: what it has written itself."""
    template = config.chat_template or ChatTemplate()
    found: list[str] = []
    for speaker in template.speakers:
        prefix = re.escape(template.prefix("user", speaker))
        for line in re.findall(rf"^{prefix}([^\n]{{5,}})$", _sample_text(config), re.MULTILINE):
            if len(line) <= _LONGEST_EXAMPLE and line not in found:
                found.append(line)
    return found[:_MOST_EXAMPLES]


def _sample_text(config: ModelConfig) -> str:
    samples = config.training.get("samples")
    samples = samples if isinstance(samples, list) else []
    texts = [sample.get("text") for sample in samples if isinstance(sample, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _candidates(config: ModelConfig) -> Iterator[str]:
    samples = config.training.get("samples")
    samples = samples if isinstance(samples, list) else []
    prompts = [sample.get("prompt") for sample in samples if isinstance(sample, dict)]
    text = _sample_text(config)
    yield from (prompt for prompt in prompts if isinstance(prompt, str))
    # In plays and the like, a line after an empty one that ends in a colon says who speaks.
    headings = Counter(re.findall(r"(?:\A|\n\n)(\S[^\n]*:)\n", text))
    yield from (heading for heading, _ in headings.most_common(_MOST_EXAMPLES - 1))
    yield from re.findall(r"^(?:\S+ ){2}(?=\S)", text, flags=re.MULTILINE)
    yield from ("The ", "Once upon a time")


def _network(config: ModelConfig) -> str:
    layers = "one LSTM layer" if config.num_layers == 1 else f"{config.num_layers} LSTM layers"
    return f"{layers} of {config.hidden_size}, {config.vocab_size} characters"


def _size(config: ModelConfig) -> str:
    return f"{config.parameters:,} weights ({config.parameters * 4 / 2**20:.1f} MiB)"


def _training_facts(config: ModelConfig) -> Iterator[tuple[str, str]]:
    facts = config.training
    if name := corpus_name(config):
        characters = facts.get("corpus_characters")
        count = f" ({characters:,} characters)" if isinstance(characters, int) else ""
        yield "Has read", name + count
    loss = facts.get("val_loss")
    if isinstance(loss, int | float):
        yield "Held-out loss", f"{loss:.3f} nats per character"
    seconds = facts.get("seconds")
    if isinstance(seconds, int | float):
        yield "Trained in", f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.0f} s"
    if config.chat_template and config.chat_template.speakers:
        yield "Speakers", ", ".join(config.chat_template.speakers)
    for key, label in (("credit", "Text by"), ("license", "Licence")):
        if isinstance(facts.get(key), str):
            yield label, facts[key]
    if isinstance(facts.get("date"), str):
        yield "Trained on", facts["date"].partition("T")[0]
