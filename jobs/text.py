"""What is understood of a visitor's text before it is taught: size, characters, kind, warnings.

It reads the text as a run will; nothing is kept of it. Knows nothing about pages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from charset_normalizer import from_path

from training.run import TrainingError
from training.text.dialogue import EXAMINED, Dialogue, detect
from training.text.reading import Reader, find_files

TOO_LITTLE = 3_000
"""Characters below which nothing worth reading is learnt."""

LITTLE = 100_000
"""Characters below which a text is learnt by heart rather than generalised from."""

_RARE = 0.25  # share of a vocabulary that occurs once


@dataclass(frozen=True)
class Understood:
    """A text as it will be learnt.

    Args:
        characters: how many.
        kinds: size of its vocabulary.
        encoding: that it was read in.
        form: what kind of text it is; a sentence.
        warnings: whole sentences.
    """

    characters: int
    kinds: int
    encoding: str
    form: str
    warnings: tuple[str, ...]


def understand(path: Path) -> Understood:
    """Read a text.

    Raises:
        TrainingError: if it is empty or no text; in words that name the file without its path.
    """
    try:
        try:
            return _understand(path, "utf-8")
        except TrainingError:
            encoding = _guess(path)
            if encoding is None:
                raise
            understood = _understand(path, encoding)
    except TrainingError as error:
        raise TrainingError(str(error).replace(str(path), path.name)) from None
    note = f"It isn't UTF-8; it was read as {encoding}, which is a guess: look at the samples."
    return replace(understood, warnings=(note, *understood.warnings))


def _understand(path: Path, encoding: str) -> Understood:
    files, _ = find_files([str(path)], encoding)
    counts: Counter[str] = Counter()
    beginning = ""
    for chunk in Reader(files, encoding, "strict"):
        counts.update(chunk)
        if len(beginning) < EXAMINED:
            beginning += chunk
    characters = counts.total()
    if len(counts) < 2:
        raise TrainingError(
            f"{path} {'is empty' if not counts else 'has a single kind of character'}: "
            "there is nothing to learn from"
        )
    dialogue = detect(beginning)
    return Understood(
        characters=characters,
        kinds=len(counts),
        encoding=encoding,
        form=_form(dialogue),
        warnings=tuple(_warnings(counts, characters, dialogue)),
    )


def _form(dialogue: Dialogue | None) -> str:
    if dialogue is None:
        return "It reads like prose (or verse, or lists): the model will go on with a text."
    names = [name for name in dialogue.template.speakers[:3] if name.isprintable()]
    return (
        f"It reads like a {'chat' if dialogue.is_chat else 'dialogue'} of {dialogue.turns:,} "
        f"turns, most of them by {', '.join(names)}: the model will answer as one of them."
    )


def _warnings(counts: Counter[str], characters: int, dialogue: Dialogue | None) -> list[str]:
    warnings = []
    if characters < TOO_LITTLE:
        warnings.append(
            "This is very little: the model will stammer. A few pages are a beginning, a megabyte "
            "is good."
        )
    elif characters < LITTLE:
        warnings.append(
            "This is little: the model will learn words and phrases of it by heart. A megabyte is "
            "good."
        )
    once = sum(1 for count in counts.values() if count == 1)
    if once > max(20, _RARE * len(counts)):
        warnings.append(f"{once:,} kinds of character occur only once: is all of it the same text?")
    if dialogue is not None and dialogue.is_chat:
        warnings.append(
            "It looks like people's messages. A small model can repeat them word for word, and it "
            "keeps the speakers' names: publish it only if all of them agree."
        )
    return warnings


def _guess(path: Path) -> str | None:
    """The encoding that a file seems to be in, if it isn't UTF-8; None if it can't be told."""
    found = from_path(path).best()
    return None if found is None or found.encoding in ("utf_8", "ascii") else found.encoding
