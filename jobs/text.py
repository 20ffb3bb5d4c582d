"""What a visitor's text is, before a run learns it: size, characters, kind, warnings.

Reads the text as a run will, and keeps nothing of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jobs import sentence
from training.pretrained import MOST_TEXT
from training.settings import TrainingError
from training.text import lists
from training.text.dialogue import EXAMINED, detect
from training.text.reading import find_files, guess_encoding, read_text

_LITTLE = 100_000
"""Characters below which a text is learnt by heart rather than generalised from."""

_PROSE = "the text reads like prose or verse; the model will continue what a visitor writes"
_RARE = 0.25  # share of the vocabulary that occurs once


@dataclass(frozen=True)
class TextSummary:
    """A text as it will be learnt."""

    characters: int  # how many
    distinct: int  # how many different ones: the size of its vocabulary
    encoding: str  # that it was read in
    kind: str  # prose, a dialogue or a list, and what follows from that; a sentence
    warnings: tuple[str, ...]  # whole sentences

    @property
    def is_short(self) -> bool:
        """Whether a run gains by starting from a trained model."""
        return self.characters <= MOST_TEXT


def python_reference() -> str:
    """Python's language reference, which every Python brings along: a text to try."""
    from pydoc_data.topics import topics  # half a megabyte, for those who ask for it

    return "\n".join(topics[name] for name in sorted(topics))


def summarize(path: Path) -> TextSummary:
    """Read a text.

    Raises:
        TrainingError: if it is empty or no text.
    """
    try:
        return _summarize(path, "utf-8")
    except TrainingError:
        encoding = guess_encoding(path)
        if encoding in (None, "utf-8"):
            raise
        note = f"It isn't UTF-8. It was read as {encoding}, which is a guess: look at the samples."
        return _summarize(path, encoding, note)


def _summarize(path: Path, encoding: str, *warnings: str) -> TextSummary:
    files, _ = find_files([str(path)], encoding)
    counts: Counter[str] = Counter()
    beginning = ""
    for chunk in read_text(files, encoding, "strict"):
        counts.update(chunk)
        if len(beginning) < EXAMINED:
            beginning += chunk
    if len(counts) < 2:
        problem = "is empty" if not counts else "has one character only, over and over"
        raise TrainingError(f"{path.name} {problem}: there is nothing to learn from")
    kind, dialogue = _PROSE, detect(beginning)
    if dialogue is not None:
        kind = dialogue.describe()
    elif counts.total() <= lists.LARGEST and lists.is_list(beginning[:EXAMINED]):
        kind = lists.DESCRIPTION
    return TextSummary(
        characters=counts.total(),
        distinct=len(counts),
        encoding=encoding,
        kind=sentence(kind),
        warnings=(*warnings, *_warnings(counts)),
    )


def _warnings(counts: Counter[str]) -> list[str]:
    warnings = []
    if counts.total() < _LITTLE:
        warnings.append(
            "This is little: the model will learn words and phrases of it by heart, and stammer "
            "where it knows none. A megabyte is good."
        )
    once = sum(1 for count in counts.values() if count == 1)
    if once > max(20, _RARE * len(counts)):
        warnings.append(f"{once:,} characters occur only once: is all of it the same text?")
    return warnings
