"""What becomes public when a model is published, in words, and the question on a terminal.

Knows nothing about the Hub; `publish/repo.py` calls back here through its `confirm`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from model.config import ModelConfig

_MOST_CHARACTERS = 300
_MOST_OF_A_SAMPLE = 300


class NoTerminal(Exception):
    """There is nobody to ask, and the answer wasn't given beforehand."""


def what_becomes_public(config: ModelConfig, repo_id: str) -> str:
    """What anybody will be able to read once this model is published, as far as it is known.

    Before training, `config.training` may hold no more than the corpus's name and the command.
    """
    training = config.training
    corpus = shown(str(training.get("corpus") or "its corpus"))
    lines = [
        f"This becomes public on the Hub as {repo_id}, for anybody to read and to copy:",
        "",
        f"- the model, which has learnt from {corpus}, and that name (without its path).",
        "  A small model can repeat its corpus word for word: keep private chats, mail and",
        "  anything secret to yourself, or publish with --private.",
        *_origin(config),
        *_names(config),
        f"- its {config.vocab_size:,} characters: {_characters(config)}",
        "- how it was trained: sizes, losses, times and settings",
    ]
    if training.get("command"):
        lines.append(f"- the command that trained it: {shown(str(training['command']))}")
    samples = [s for s in training.get("samples") or [] if isinstance(s, Mapping)]
    if not samples:
        lines.append(
            "- samples of the text that it generates, and the longest passage in it that stands"
        )
        lines.append("  word for word in what it has learnt from")
    for sample in samples:
        text = str(sample.get("text", ""))
        cut = " ..." if len(text) > _MOST_OF_A_SAMPLE else ""
        lines.append("- this sample of the text that it generates:")
        lines += [f"    {shown(line)}" for line in text[:_MOST_OF_A_SAMPLE].splitlines()]
        lines[-1] += cut
    copy = training.get("longest_copy")
    if isinstance(copy, Mapping) and copy.get("passage"):
        lines.append("- this passage, which it wrote word for word as the text has it:")
        lines += [f"    {shown(line)}" for line in str(copy["passage"]).splitlines()]
    return "\n".join(lines)


def ask_on_terminal(text: str, *, is_given: bool) -> Callable[[], bool]:
    """A `confirm` that prints `text` and asks; `is_given` answers yes without asking.

    The callable raises NoTerminal where it would have to ask and nobody is there.
    """

    def confirm() -> bool:
        print(text, end="\n\n", flush=True)
        if is_given:
            return True
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise NoTerminal("nobody is there to agree to that: add --yes, or --private")
        return input("Publish it? [y/N] ").strip().lower() in ("y", "yes")

    return confirm


def shown(text: str) -> str:
    """`text` without what could steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _origin(config: ModelConfig) -> list[str]:
    """The model that it was fine-tuned from, which it knows the texts of."""
    origin = config.training.get("init_from")
    if not isinstance(origin, Mapping) or not origin.get("name"):
        return []
    name = shown(str(origin["name"]))
    return [f"- that it was begun from {name}; it can repeat what that had learnt, too."]


def _names(config: ModelConfig) -> list[str]:
    """Who speaks in the corpus, as its config says."""
    template = config.chat_template
    if template is None or not template.speakers:
        return []
    lines = [f"- who speaks in it, by name: {', '.join(map(shown, template.speakers))}."]
    if stops := [shown(text) for text in template.stop if any(c.isalpha() for c in text)]:
        lines.append(f"  Also in config.json, where replies end: {', '.join(stops)}.")
    lines.append("  Ask real people first. Trained with --dialogue off, config.json has no names.")
    return lines


def _characters(config: ModelConfig) -> str:
    characters = config.vocabulary.characters
    listed = "".join(shown(c) if c != " " else "(space)" for c in characters[:_MOST_CHARACTERS])
    more = len(characters) - _MOST_CHARACTERS
    return listed + (f" and {more:,} more" if more > 0 else "")
