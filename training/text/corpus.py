"""A corpus: the encoded text of a run, in its folder, and how it comes there.

Text that another run beside this one has encoded is taken over from it by a link, so a deleted run
takes its text along and the others keep theirs. Knows nothing about networks.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from model.dialogue import ChatTemplate
from model.folder import sync_folder
from model.vocabulary import MAX_VOCABULARY, Vocabulary
from training.run import RunError, RunStopped, read_json, write_json
from training.settings import Settings, TrainingError
from training.text.dialogue import EXAMINED, detect
from training.text.encoding import Encoder, index_type
from training.text.reading import Reader, find_files, hash_files, names_of

INDICES_FILE = "corpus.bin"
DESCRIPTION_FILE = "corpus.json"
_TEMPORARY_FILE = ".corpus.bin.tmp"  # one name, so that the next try overwrites what a kill left


@dataclass(frozen=True)
class Corpus:
    """An encoded text.

    Args:
        indices: shape `(characters,)`, uint8 or uint16, memory-mapped.
        vocabulary: its characters.
        name: the files' names, without their paths.
        sha256: of the files' bytes, one after the other.
        held_out: number of characters at the end that are never trained on.
        notes: what the reader should know about how the text was read.
        chat_template: how its turns are written, if it is a dialogue.
    """

    indices: np.ndarray
    vocabulary: Vocabulary
    name: str
    sha256: str
    held_out: int
    notes: tuple[str, ...]
    chat_template: ChatTemplate | None = None

    @property
    def validation(self):
        return self.indices[len(self.indices) - self.held_out :]

    @property
    def train(self) -> np.ndarray:
        """The indices to train on."""
        return self.indices[: len(self.indices) - self.held_out]


@dataclass(frozen=True)
class _Encoded:
    """What is known of an index file; the same in every run that reads the same text alike.

    Args:
        characters: number of indices.
        vocabulary: the characters in index order.
        sha256: of the files' bytes, one after the other.
        reading: of all else that the indices depend on (see `_reading`).
        crc32: of the index file's bytes.
        folding: a note on characters that became the unknown one, or "".
    """

    characters: int
    vocabulary: tuple[str, ...]
    sha256: str
    reading: str
    crc32: int
    folding: str


def read_corpus(settings: Settings, folder: Path, stop_requested=lambda: False) -> Corpus:
    """The corpus of a run: read and encoded into its folder, unless it is there already.

    Text is normalised: NFC, and line ends as \\n. One process at a time may do this in a folder.

    Raises:
        TrainingError: if there is nothing to learn from, or a file can't be read as text.
        OSError: if the disk is full; no part of the text is left there then.
    """
    if (folder / DESCRIPTION_FILE).is_file():
        return open_corpus(folder)
    files, notes = find_files(settings.corpus, settings.encoding, folder)
    encoded = _from_another_run(files, settings, folder) or _encode(files, settings, folder)
    if encoded.folding:
        notes.append(encoded.folding)
    held_out = round(encoded.characters * settings.held_out)
    if settings.held_out and (held_out < 2 or encoded.characters - held_out < 2):
        held_out = 0
        notes.append("the corpus is too short to hold any of it out: nothing will be measured")
    dialogue = None
    if settings.dialogue == "auto":
        learnt = min(EXAMINED, encoded.characters - held_out)
        dialogue = detect(_beginning(folder / INDICES_FILE, encoded.vocabulary, learnt))
    if dialogue is not None:
        notes.append(dialogue.describe())
    own = {
        "name": names_of(files),
        "held_out": held_out,
        "notes": notes,
        "chat_template": None if dialogue is None else asdict(dialogue.template),
    }
    sync_folder(folder)
    write_json(folder / DESCRIPTION_FILE, asdict(encoded) | own)
    return open_corpus(folder)


def _beginning(path: Path, characters: Sequence[str], length: int) -> str:
    """So many characters of an encoded text, as the model will see them."""
    vocabulary = Vocabulary(tuple(characters))
    return vocabulary.decode(np.fromfile(path, index_type(vocabulary), length).tolist())


def open_corpus(folder: Path) -> Corpus:
    """Open the encoded corpus of a run's folder. Raises TrainingError if it isn't whole."""
    description = read_json(folder / DESCRIPTION_FILE)
    if description is None:
        raise TrainingError(f"{folder} holds no encoded corpus: start the run anew")
    path = folder / INDICES_FILE
    try:
        vocabulary = Vocabulary(tuple(description["vocabulary"]))
        template = description.get("chat_template")
        dtype = index_type(vocabulary)
        expected = description["characters"] * np.dtype(dtype).itemsize
        if not path.is_file() or path.stat().st_size != expected:
            raise TrainingError(f"{path} is not the encoded corpus of this run: start the run anew")
        return Corpus(
            indices=np.memmap(path, dtype=dtype, mode="r"),
            vocabulary=vocabulary,
            name=description["name"],
            sha256=description["sha256"],
            held_out=description["held_out"],
            notes=tuple(description["notes"]),
            chat_template=None if template is None else ChatTemplate.from_json(template),
        )
    except (TypeError, KeyError, ValueError):
        raise TrainingError(
            f"{folder / DESCRIPTION_FILE} is not what this version writes: start the run anew"
        ) from None


def _encode(files: Sequence[Path], settings: Settings, folder: Path) -> _Encoded:
    """Read the files and write their indices into a run's folder."""
    reader = Reader(files, settings.encoding, settings.errors)
    temporary = folder / _TEMPORARY_FILE
    try:
        with tempfile.TemporaryFile(dir=folder) as scratch:
            encoder = Encoder(scratch)
            for text in reader:
                encoder.add(text)
            encoder.finish()
            vocabulary, folding = _vocabulary(encoder, settings.min_count, names_of(files))
            with open(temporary, "wb") as file:
                crc32 = encoder.write(file, vocabulary)
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, folder / INDICES_FILE)
    except OSError as error:  # of writing: the reader's are TrainingErrors
        raise OSError(error.errno, error.strerror, str(folder / INDICES_FILE)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return _Encoded(
        characters=len(encoder),
        vocabulary=vocabulary.characters,
        sha256=reader.sha256,
        reading=_reading(reader.sizes, settings),
        crc32=crc32,
        folding=folding,
    )


def _vocabulary(encoder: Encoder, min_count: int, name: str) -> tuple[Vocabulary, str]:
    """The vocabulary of a text, and a note on what it folds away, or ""."""
    if len(encoder) < 2:
        what = "is empty" if len(encoder) == 0 else "has a single character"
        raise TrainingError(
            f"the corpus {name} {what}: there is nothing to learn from; "
            "a few thousand characters are a beginning, a megabyte is good"
        )
    may_fold = min_count > 1 or len(encoder.characters) > MAX_VOCABULARY
    counts = encoder.counts() if may_fold else dict.fromkeys(encoder.characters, 1)
    vocabulary = Vocabulary.from_counts(counts, min_count)
    folded = [character for character in counts if character not in vocabulary]
    if not folded:
        return vocabulary, ""
    if len(vocabulary) == 1:
        raise TrainingError(f"no character occurs {min_count} times; lower --min_count")
    share = sum(counts[character] for character in folded) / len(encoder)
    why = f"rarer than {min_count}" if min_count > 1 else f"more than {MAX_VOCABULARY:,} kinds"
    return vocabulary, (
        f"{len(folded):,} kinds of character ({why}) became one unknown character: "
        f"{share:.2%} of the text"
    )


def _reading(sizes: Sequence[int], settings: Settings) -> str:
    """A digest of all but the bytes that indices depend on: where files end, and the options."""
    options = (settings.encoding, settings.errors, settings.min_count)
    what = json.dumps([list(sizes), options, unicodedata.unidata_version])
    return hashlib.sha256(what.encode()).hexdigest()


def _from_another_run(files: Sequence[Path], settings: Settings, folder: Path) -> _Encoded | None:
    """Take over the indices of a run beside this one that has read the same text alike."""
    if not all(path.is_file() for path in files):
        return None  # a pipe can be read only once
    reading = _reading([path.stat().st_size for path in files], settings)
    others = [
        (place, found) for place, found in _encoded_beside(folder) if found.reading == reading
    ]
    sha256 = hash_files(files) if others else ""  # seconds for a gigabyte, so not without a reason
    for place, found in others:
        if found.sha256 == sha256 and _take_over(place, folder, found.crc32):
            return found
    return None


def _encoded_beside(folder: Path) -> Iterator[tuple[Path, _Encoded]]:
    """The folders of this user's other runs that hold an encoded text, and what is known of it."""
    getuid = getattr(os, "getuid", lambda: 0)  # on Windows all files are user 0's
    for path in sorted(folder.resolve().parent.glob(f"*/{DESCRIPTION_FILE}")):
        try:
            status = path.stat()
            if status.st_uid == getuid() and status.st_size < 2**20:
                data: Any = read_json(path)
                known = {entry.name: data[entry.name] for entry in fields(_Encoded)}
                yield path.parent, _Encoded(**known)
        except (OSError, RunError, LookupError, TypeError):
            continue  # deleted just now, or no description of ours


def _take_over(other: Path, folder: Path, crc32: int) -> bool:
    """Link (or copy) another run's indices into a folder; whether they are there and whole.

    They are checked when they can't be lost any more: the other run may be deleted at any time.
    """
    temporary = folder / _TEMPORARY_FILE
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(other / INDICES_FILE, temporary)
        except OSError:
            shutil.copyfile(other / INDICES_FILE, temporary)
            with open(temporary, "r+b") as file:
                os.fsync(file.fileno())
        if _crc32(temporary) != crc32:
            return False
        os.replace(temporary, folder / INDICES_FILE)
    except OSError:  # the other run is gone, or there is no room: encoding will tell
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _crc32(path: Path) -> int:
    crc32 = 0
    with open(path, "rb") as file:
        while block := file.read(2**20):
            crc32 = zlib.crc32(block, crc32)
    return crc32
