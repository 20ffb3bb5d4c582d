"""A corpus: a text as indices into its vocabulary, in a run's folder, and how it comes there.

Two passes over the files: the first counts characters, the second writes the indices to a file that
is memory-mapped from then on, so that memory doesn't grow with the text. Knows nothing about
networks.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from model.chat.dialogue import ChatTemplate
from model.vocabulary import Vocabulary
from training.run import RunError, RunStopped, read_json, write_json
from training.settings import Settings, TrainingError
from training.text import lists
from training.text.dialogue import EXAMINED, detect
from training.text.reading import find_files, read_text

INDICES_FILE = "corpus.bin"
DESCRIPTION_FILE = "corpus.json"  # written last: without it, the indices may be half of the text's


@dataclass(frozen=True)
class Corpus:
    """An encoded text."""

    indices: np.ndarray  # shape `(characters,)`, uint8 or uint16, memory-mapped
    vocabulary: Vocabulary  # its characters
    name: str  # the files' names, without their paths
    sha256: str  # of the files' bytes, one after the other
    held_out: int  # number of characters at the end that are never trained on
    notes: tuple[str, ...] = ()  # what the reader should know about how the text was read; clauses
    chat_template: ChatTemplate | None = None  # how its turns are written, if it is a dialogue
    is_list: bool = False  # of distinct items in random order, each with its line break

    @property
    def train(self) -> np.ndarray:
        """The indices to train on."""
        return self.indices[: len(self.indices) - self.held_out]

    @property
    def validation(self) -> np.ndarray:
        """The held-out indices; empty if nothing is held out."""
        return self.indices[len(self.indices) - self.held_out :]


def read_corpus(
    settings: Settings, folder: Path, stop_requested: Callable[[], bool] = lambda: False
) -> Corpus:
    """The corpus of a run: read and encoded into its folder, unless it is there already.

    Raises:
        TrainingError: if there is nothing to learn from, or a file can't be read as text.
        RunStopped: if `stop_requested()` turns true on the way.
        OSError: if a file can't be opened or the disk is full; then no part of the text is left.
    """
    if (folder / DESCRIPTION_FILE).is_file():
        with suppress(TrainingError):  # damaged: the files are read again
            return open_corpus(folder)
    files, notes = find_files(settings.corpus, settings.encoding)
    name = ", ".join(path.name for path in files)
    if len(files) > 3:
        name = f"{files[0].name} and {len(files) - 1} more files"

    def blocks() -> Iterator[np.ndarray]:
        """The text's code points."""
        for chunk in read_text(files, settings.encoding, settings.errors):
            if stop_requested():
                raise RunStopped
            yield _code_points(chunk)

    written_at = [path.stat().st_mtime_ns for path in files]
    counts = _count(blocks())
    vocabulary, folded = _vocabulary(counts, settings.min_count, name)
    _write_indices(blocks(), vocabulary, folder)
    sha256 = _sha256(files)
    if written_at != [path.stat().st_mtime_ns for path in files]:
        raise TrainingError(f"{name} changed while it was being read: start again")
    characters = sum(counts.values())
    held_out = round(characters * settings.held_out)
    notes += folded
    dialogue = None
    if settings.dialogue == "auto" and settings.as_list != "on":
        dialogue = detect(_text(folder, vocabulary, min(EXAMINED, characters - held_out)))
    if dialogue is not None:
        notes.append(dialogue.describe())
    is_list = settings.as_list == "on" and "\n" in vocabulary
    if settings.as_list == "auto" and dialogue is None and characters <= lists.LARGEST:
        is_list = lists.is_list(_text(folder, vocabulary, EXAMINED))
    if is_list:
        # Split between two items, and none in both parts.
        items = lists.shuffled(_text(folder, vocabulary, characters), settings.seed)
        learnt = items[: len(items) - round(len(items) * settings.held_out)]
        text = "".join(items)
        _write_indices(iter([_code_points(text)]), vocabulary, folder)
        characters, held_out = len(text), len(text) - sum(map(len, learnt))
        notes.append(lists.DESCRIPTION)
    if settings.held_out and min(held_out, characters - held_out) < 2:
        held_out = 0
        notes.append("the text is too short to hold any of it out: nothing will be measured")
    description = {
        "characters": characters,
        "vocabulary": vocabulary.characters,
        "name": name,
        "sha256": sha256,
        "held_out": held_out,
        "notes": notes,
        "chat_template": None if dialogue is None else asdict(dialogue.template),
        "is_list": is_list,
    }
    write_json(folder / DESCRIPTION_FILE, description)
    return open_corpus(folder)


def open_corpus(folder: Path) -> Corpus:
    """The corpus in a run's folder. Raises TrainingError if there is none, or it is damaged."""
    try:
        description = read_json(folder / DESCRIPTION_FILE)
        vocabulary = Vocabulary(tuple(description["vocabulary"]))
        template = description["chat_template"]
        indices = _indices(folder, vocabulary)
        if len(indices) != description["characters"]:
            raise ValueError(f"{INDICES_FILE} has {len(indices):,} indices")
        return Corpus(
            indices,
            vocabulary,
            description["name"],
            description["sha256"],
            description["held_out"],
            tuple(description["notes"]),
            None if template is None else ChatTemplate.from_json(template),
            description.get("is_list", False),
        )
    except (RunError, OSError, TypeError, LookupError, ValueError) as error:
        raise TrainingError(
            "the encoded text in the run's folder is missing or damaged: start the run again"
        ) from error


def _indices(folder: Path, vocabulary: Vocabulary) -> np.ndarray:
    return np.memmap(folder / INDICES_FILE, _index_type(vocabulary), mode="r")


def _text(folder: Path, vocabulary: Vocabulary, characters: int) -> str:
    """So many characters of a text whose indices have been written, from its first."""
    return vocabulary.decode(_indices(folder, vocabulary)[:characters])


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _count(blocks: Iterator[np.ndarray]) -> dict[str, int]:
    """How often each character occurs."""
    counts = np.zeros(sys.maxunicode + 1, np.int64)
    for block in blocks:
        found = np.bincount(block)
        counts[: len(found)] += found
    return {chr(code): int(counts[code]) for code in np.flatnonzero(counts)}


def _vocabulary(
    counts: dict[str, int], min_count: int, name: str
) -> tuple[Vocabulary, tuple[str, ...]]:
    """The vocabulary of a text, and a note if some characters have no place in it."""
    total = sum(counts.values())
    if total < 2:
        raise TrainingError(
            f"{name} has nothing to learn from: a few thousand characters are a beginning, a "
            "megabyte is good"
        )
    vocabulary = Vocabulary.from_counts(counts, min_count)
    folded = [character for character in counts if character not in vocabulary]
    if not folded:
        return vocabulary, ()
    if len(vocabulary) == 1:
        raise TrainingError(f"no character occurs {min_count} times: lower min_count")
    share = sum(counts[character] for character in folded) / total
    return vocabulary, (
        f"{len(folded):,} rare distinct characters became one unknown character: "
        f"{share:.2%} of the text",
    )


def _write_indices(blocks: Iterator[np.ndarray], vocabulary: Vocabulary, folder: Path) -> None:
    """Write the indices of a text; characters that the vocabulary lacks become the unknown one."""
    unknown = vocabulary.unknown_index or 0
    table = np.full(sys.maxunicode + 1, unknown, _index_type(vocabulary))
    table[[ord(character) for character in vocabulary.characters]] = range(len(vocabulary))
    path = folder / INDICES_FILE
    try:
        with open(path, "wb") as file:
            for block in blocks:
                file.write(table[block].data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)  # a full disk needs the room
        raise


def _sha256(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _index_type(vocabulary: Vocabulary) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if len(vocabulary) <= 256 else np.uint16
