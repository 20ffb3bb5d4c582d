"""The model card: a ModelConfig becomes the text of README.md.

What the config lacks is left out. By a comment at its top, as transformers' Trainer writes one,
publishing tells a card that it may replace from one that somebody has edited. Pure text; knows
nothing about files or networks.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator

from model.config import ModelConfig
from model.facts import baseline_losses, corpus_title, model_facts
from model.folder import PLOT_FILE
from model.sampling import SamplingParams
from publish.markdown import fenced, plain

PLACEHOLDER = "YOUR_NAME/YOUR_MODEL"
"""Stands for the repo's id in a card that was written before anybody published it."""

WRITTEN_BY = (
    "<!-- Written by CharLSTM, again each time the model is published. "
    "Remove this line to keep your edits. -->"
)

_METRICS = (
    ("val_loss", "Held-out loss (nats per character)", 1.0),
    ("bits_per_character", "Held-out bits per character", math.log(2)),
)
_SUMMARY = """\
A character-level LSTM, trained with CharLSTM. It continues a text, one character at a time. It \
knows its corpus and nothing else: it makes no claim to be right, and it can repeat passages of \
the corpus word for word."""

_COLUMNS = "| | nats per character | bits per character |\n| --- | ---: | ---: |"
_ROWS = (
    ("val_loss", "this model, its state carried from the beginning to the end"),
    ("val_loss_reset_256", "this model, its state reset every 256 characters"),
)

# The second program has the equations of torch.nn.LSTM. argmax(logits + temperature * Gumbel noise)
# draws from softmax(logits / temperature); at temperature 0 it is the argmax: one line for both.
# What min-p drops is what lies log(min_p) below the highest of logits / temperature.
_USAGE = """\
## Use it with CharLSTM

```python
from model.generator import Generator
from model.sampling import SamplingParams

generator = Generator.from_pretrained({source})
print(generator.generate({prompt}, SamplingParams(length=500)))
```

## Use it without CharLSTM

All that this needs is numpy, safetensors and huggingface_hub:

```python
import json
import numpy as np
from huggingface_hub import snapshot_download
from safetensors.numpy import load_file
folder = snapshot_download({source})
with open(folder + "/config.json", encoding="utf-8") as file: config = json.load(file)
w, chars = load_file(folder + "/model.safetensors"), config["vocabulary"]
table = w.get("embedding.weight", np.eye(len(chars), dtype="f4"))  # else one-hot
bias = np.where([c == "\\ufffd" for c in chars], -np.inf, w["fc.bias"])
def generate(prompt, length=500, temperature={temperature}, min_p={min_p}):
    ids = [chars.index(c) for c in prompt or "\\n" if c in chars]
    state = np.zeros((config["num_layers"], 2, config["hidden_size"]), dtype="f4")
    for t in range(len(ids) + length):
        if t == len(ids):  # the prompt is read: draw the next character
            z = w["fc.weight"] @ state[-1, 0] + bias
            z[z < z.max() + temperature * np.log(min_p)] = -np.inf
            ids.append(np.argmax(z + temperature * np.random.gumbel(size=len(chars))))
        x = table[ids[t]]
        for k, (h, c) in enumerate(state):
            b_hh, b_ih, w_hh, w_ih = (w[n] for n in sorted(w) if n.endswith(f"_l{{k}}"))
            i, f, g, o = np.split(w_ih @ x + b_ih + w_hh @ h + b_hh, 4)
            c[:] = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h[:] = x = np.tanh(c) / (1 + np.exp(-o))
    return "".join(chars[i] for i in ids[len(ids) - length :])
print(generate({prompt}))
```"""


def model_card(
    config: ModelConfig, *, repo_id: str | None, has_plot: bool, revision: str | None = None
) -> str:
    """The text of README.md.

    Args:
        config: the model; what it doesn't say about its training is left out.
        repo_id: where it is published, "user/name"; None leaves `PLACEHOLDER` to be filled in.
        has_plot: whether a loss plot lies beside the card.
        revision: the branch that it is published on; None for the main one.
    """
    source = json.dumps(repo_id or PLACEHOLDER)
    source += "" if revision is None else f", revision={json.dumps(revision)}"
    samples = config.training.get("samples") or []
    prompt = next((sample.get("prompt") or "" for sample in samples), "The ")
    prompt = prompt if len(prompt) <= 40 and prompt.isprintable() else ""
    parts = [
        f"---\n{_front_matter(config, repo_id)}\n---",
        WRITTEN_BY,
        f"# {_title(config)}",
        _SUMMARY,
        f"![Loss during training]({PLOT_FILE})" if has_plot else "",
        _section("Training", _training(config)),
        _section("Results", _results(config)),
        _section("Samples", _samples(config)),
        _USAGE.format(
            source=source,
            prompt=json.dumps(prompt, ensure_ascii=False),
            temperature=SamplingParams.temperature,
            min_p=SamplingParams.min_p,
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def is_as_written(card: str) -> bool:
    """Whether a card still says that `model_card` wrote it, so that it may be written again."""
    return WRITTEN_BY in card.splitlines()


def _front_matter(config: ModelConfig, repo_id: str | None) -> str:
    from huggingface_hub import EvalResult, ModelCardData  # here: importing it takes 0.2 s

    training = config.training
    name, loss = _corpus_name(config), training.get("val_loss")
    measured = [
        EvalResult(
            task_type="text-generation",
            task_name="Text generation, character by character",
            dataset_type=re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "text",
            dataset_name=f"{name} (held-out part)",
            metric_type=metric,
            metric_name=label,
            metric_value=round(loss / unit, 4),
        )
        for metric, label, unit in _METRICS
        if loss is not None
    ]
    begun = (training.get("init_from") or {}).get("name") or ""
    data = ModelCardData(
        base_model=begun if "/" in begun else None,  # its name on the Hub
        language=training.get("language") or None,
        license=training.get("license") or None,
        library_name="charlstm",
        pipeline_tag="text-generation",
        tags=["char-lstm", "lstm", "character-level"],
        model_name=repo_id.split("/")[-1] if repo_id else _title(config),
        eval_results=measured or None,
    )
    return data.to_yaml()


def _corpus_name(config: ModelConfig) -> str:
    return config.training.get("corpus") or "a text"


def _title(config: ModelConfig) -> str:
    return f"CharLSTM: {corpus_title(config.training) or 'a text'}"


def _section(title: str, blocks: Iterable[str]) -> str:
    """A section of the card; "" where there is nothing in it."""
    shown = [block for block in blocks if block]
    return "\n\n".join([f"## {title}", *shown]) if shown else ""


def _training(config: ModelConfig) -> Iterator[str]:
    training, begun = config.training, config.training.get("init_from") or {}
    facts = [
        *model_facts(config),
        ("Fine-tuned from", begun.get("name")),
        ("Its weights' sha256", begun.get("sha256")),
        ("The text's sha256", training.get("corpus_sha256")),
    ]
    yield "\n".join(f"- {label}: {plain(value)}" for label, value in facts if value)
    if command := training.get("command"):
        yield f"The command that trained it:\n\n{fenced(command, 'sh')}"


def _results(config: ModelConfig) -> Iterator[str]:
    training = config.training
    named = [(name, training.get(key)) for key, name in _ROWS]
    named += baseline_losses(training).items()
    rows = [
        f"| {name} | {loss:.4f} | {loss / math.log(2):.4f} |"
        for name, loss in named
        if loss is not None
    ]
    if len(rows) > 1:  # there is something to compare with
        characters = training.get("held_out_characters")
        count = "" if characters is None else f", {characters:,.0f} characters"
        yield f"On the held-out part of the corpus{count}, which it has not learnt from:"
        yield "\n".join([_COLUMNS, *rows])
    yield "\n".join(f"- {plain(sentence)}" for sentence in training.get("judgement") or [])
    passage = (training.get("longest_copy") or {}).get("passage") or ""
    if passage.strip():
        yield (
            "The longest passage of what it wrote for this card that stands word for word in the "
            f"train part, or its beginning:\n\n{fenced(passage, 'text')}"
        )


def _samples(config: ModelConfig) -> Iterator[str]:
    for sample in config.training.get("samples") or []:
        prompt, written = sample.get("prompt") or "", sample.get("text") or ""
        if sample.get("temperature") is not None:
            yield f"At temperature {plain(str(sample['temperature']))}:"
        yield fenced(written if written.startswith(prompt) else prompt + written, "text")
