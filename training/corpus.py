"""A corpus: files of text -> indices on disk (memory-mapped), its parts, its parallel streams.

Reading goes through the files in chunks, twice: once to count characters, once to encode them, so
that a large corpus never lies in memory as text. Knows nothing about networks.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from charset_normalizer import from_bytes

from model.vocabulary import MAX_VOCABULARY, UNKNOWN, Vocabulary
from training.run import Settings, TrainingError, read_json, write_json

INDICES_FILE = "corpus.bin"
DESCRIPTION_FILE = "corpus.json"

_CHUNK = 4 * 2**20  # characters
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# A border between chunks may lie before one of these: NFC never joins them to what stands before.
_NFC_BORDER = re.compile("[\x00-\x7f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]")


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
    """

    indices: np.ndarray
    vocabulary: Vocabulary
    name: str
    sha256: str
    held_out: int
    notes: tuple[str, ...]

    @property
    def train_part(self) -> np.ndarray:
        """The indices to train on."""
        return self.indices[: len(self.indices) - self.held_out]


def prepare_corpus(settings: Settings, folder: Path) -> Corpus:
    """The corpus of a run: read and encoded into its folder, unless it is there already.

    Text is normalised: NFC, and line ends as \\n.

    Raises:
        TrainingError: if there is nothing to learn from, or a file can't be read as text.
    """
    if (folder / DESCRIPTION_FILE).is_file():
        return _open_corpus(folder)
    encoding, errors, min_count = settings.encoding, settings.errors, settings.min_count
    files, notes = find_files(settings.corpus)
    counts: Counter[str] = Counter()
    digest = hashlib.sha256()
    for path in files:
        _refuse_documents(path)
        with open(path, "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    for chunk in _normal_chunks(files, encoding, errors):
        counts.update(chunk)
    characters = sum(counts.values())
    if characters < 2:
        what = "is empty" if characters == 0 else "has a single character"
        raise TrainingError(
            f"the corpus {_names(files)} {what}: there is nothing to learn from; "
            "a few thousand characters are a beginning, a megabyte is good"
        )
    vocabulary = Vocabulary.from_counts(counts, min_count)
    folded = sum(1 for c in counts if c not in vocabulary)
    if len(vocabulary) == 1 and folded:
        raise TrainingError(f"no character occurs {min_count} times; lower --min_count")
    if folded:
        share = sum(n for c, n in counts.items() if c not in vocabulary) / characters
        why = f"rarer than {min_count}" if min_count > 1 else f"more than {MAX_VOCABULARY:,} kinds"
        notes.append(
            f"{folded:,} kinds of character ({why}) became one unknown character: "
            f"{share:.2%} of the text"
        )
    _write_indices(folder / INDICES_FILE, _normal_chunks(files, encoding, errors), vocabulary)
    size = round(characters * settings.held_out)
    if settings.held_out and (size < 2 or characters - size < 2):
        size = 0
        notes.append("the corpus is too short to hold any of it out: nothing will be measured")
    description = {
        "characters": characters,
        "vocabulary": list(vocabulary.characters),
        "name": _names(files),
        "sha256": digest.hexdigest(),
        "held_out": size,
        "notes": notes,
    }
    write_json(folder / DESCRIPTION_FILE, description)
    return _open_corpus(folder)


def _open_corpus(folder: Path) -> Corpus:
    """Open the encoded corpus of a run's folder. Raises TrainingError if it isn't whole."""
    description = read_json(folder / DESCRIPTION_FILE)
    if description is None:
        raise TrainingError(f"{folder} holds no encoded corpus: start the run anew")
    vocabulary = Vocabulary(tuple(description["vocabulary"]))
    path = folder / INDICES_FILE
    dtype = _dtype(vocabulary)
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
    )


@dataclass(frozen=True)
class Streams:
    """Parallel contiguous streams through the train part, for truncated BPTT.

    Stream b of B begins at b/B of the text, rotated by a random distance that changes from epoch
    to epoch, so that chunks don't always break at the same places. Everything is a function of
    (seed, step): a resumed run needs no reader's position.

    Args:
        indices: shape `(characters,)`.
        batch_size: number of streams.
        sequence_length: characters of a chunk.
        seed: of the rotation.
    """

    indices: np.ndarray
    batch_size: int
    sequence_length: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Chunks until every stream has come to where the next one began."""
        stride = len(self.indices) // self.batch_size
        return max(1, stride // self.sequence_length)

    def begins_epoch(self, step: int) -> bool:
        """Whether the streams jump at this step, so that the carried state must be dropped."""
        return step % self.steps_per_epoch == 0

    def chunk(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of a step, each of shape `(batch, time)`, int64."""
        epoch, position = divmod(step, self.steps_per_epoch)
        total = len(self.indices)
        stride = total // self.batch_size
        rotation = np.random.default_rng((self.seed, epoch)).integers(total) if epoch else 0
        starts = np.arange(self.batch_size) * stride + rotation + position * self.sequence_length
        offsets = np.arange(self.sequence_length + 1)
        windows = self.indices[(starts[:, None] + offsets) % total].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]


def find_files(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The files that these paths mean, and notes about what was left out.

    A folder means every file in it that isn't hidden and looks like text, in order of name.

    Raises:
        TrainingError: if a path doesn't exist or a folder holds no text.
    """
    files: list[Path] = []
    notes: list[str] = []
    for path in map(Path, paths):
        if path.is_file() or (path.exists() and not path.is_dir()):
            files.append(path)
        elif path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            texts = [file for file in inside if _document_kind(file) is None]
            if not texts:
                raise TrainingError(f"the folder {path} holds no text files")
            if len(texts) < len(inside):
                count = len(inside) - len(texts)
                what = "file in {} is" if count == 1 else "files in {} are"
                notes.append(f"{count:,} {what.format(path.name)} no text: left out")
            files += texts
        else:
            raise TrainingError(f"{path} doesn't exist")
    return files, notes


def _names(files: Sequence[Path]) -> str:
    if len(files) <= 3:
        return ", ".join(path.name for path in files)
    return f"{files[0].name} and {len(files) - 1} more files"


def _document_kind(path: Path) -> str | None:
    """What a file is, if it isn't plain text."""
    try:
        with open(path, "rb") as file:
            head = file.read(65_536)
    except OSError as error:
        raise TrainingError(f"{path} can't be read: {error.strerror}") from error
    if head.startswith(b"%PDF"):
        return "a PDF"
    if head.startswith(b"PK\x03\x04"):
        kinds = {
            ".docx": "a Word document",
            ".epub": "an EPUB book",
            ".odt": "an OpenDocument text",
        }
        return kinds.get(path.suffix.lower(), "a ZIP archive")
    if b"\0" in head and not any(head.startswith(bom) for bom, _ in _BOMS):
        return "a binary file (or UTF-16 without a byte order mark: then add --encoding utf-16-le)"
    return None


def _refuse_documents(path: Path) -> None:
    kind = _document_kind(path)
    if kind is not None:
        raise TrainingError(f"{path} is {kind}: export it as plain text (.txt, UTF-8) first")


def _normal_chunks(files: Sequence[Path], encoding: str, errors: str) -> Iterator[str]:
    """The text of all files, NFC, line ends as \\n, in chunks; a file ends with a line break."""
    for number, path in enumerate(files):
        pending = ""
        for text in _decoded_chunks(path, encoding, errors):
            pending += text
            border = _last_border(pending)
            if border:
                yield unicodedata.normalize("NFC", pending[:border])
                pending = pending[border:]
        if number < len(files) - 1 and not pending.endswith("\n"):
            pending += "\n"
        yield unicodedata.normalize("NFC", pending)


def _last_border(text: str) -> int:
    """The last place where the text can be cut without changing its NFC; 0 if there is none."""
    for position in range(len(text) - 1, max(0, len(text) - 10_000), -1):
        if _NFC_BORDER.match(text, position):
            return position
    return 0


def _decoded_chunks(path: Path, encoding: str, errors: str) -> Iterator[str]:
    with open(path, "rb") as file:
        head = file.read(4)
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), encoding)
    try:
        with open(path, encoding=encoding, errors=errors) as text:
            while chunk := text.read(_CHUNK):
                yield chunk
    except LookupError:
        raise TrainingError(f"--encoding {encoding}: Python knows no such encoding") from None
    except UnicodeError:
        raise TrainingError(_undecodable(path, encoding)) from None


def _undecodable(path: Path, encoding: str) -> str:
    """Which byte of the file isn't in the encoding, and which encoding the file seems to be in."""
    decoder = codecs.getincrementaldecoder(encoding)()
    consumed = 0
    found = ""
    window = b""
    with open(path, "rb") as file:
        while True:
            block = file.read(2**20)
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                offset = consumed - waiting + error.start
                file.seek(max(0, offset - 50_000))
                window = file.read(100_000)
                found = f"byte 0x{error.object[error.start]:02x} at offset {offset:,}"
                break
            except UnicodeError as error:
                found = str(error)
                break
            if not block:
                break
            consumed += len(block)
    guess = from_bytes(window).best()
    advice = "--errors replace puts \ufffd for what can't be decoded"
    if guess is not None and guess.encoding not in (encoding, encoding.replace("-", "_")):
        advice = f"it looks like {guess.encoding}: add --encoding {guess.encoding}; or {advice}"
    return f"{path} is not {encoding} text ({found}); {advice}"


def _dtype(vocabulary: Vocabulary) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if len(vocabulary) <= 256 else np.uint16


def _write_indices(path: Path, chunks: Iterator[str], vocabulary: Vocabulary) -> None:
    encode = _lookup(vocabulary)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        for chunk in chunks:
            file.write(encode(chunk).tobytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _lookup(vocabulary: Vocabulary) -> Callable[[str], np.ndarray]:
    """A function from normalised text to indices by one table lookup a character."""
    unknown = vocabulary.index(UNKNOWN) if UNKNOWN in vocabulary else 0
    table = np.full(0x110000, unknown, _dtype(vocabulary))
    for index, character in enumerate(vocabulary.characters):
        table[ord(character)] = index
    return lambda text: table[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)]
