"""Files -> normalised text, whatever encodings, line ends and Unicode forms they use.

Also which files a folder means, what is refused because it isn't text, and which encoding a file
seems to be in. Knows nothing about vocabularies or indices.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from model.vocabulary import normalized
from training.run import SETTINGS_FILE
from training.settings import TrainingError

_CHUNK = 2**17  # characters: arrays made of so many stay in the processor's cache
_HEAD = 2**16  # bytes of a file that are looked at to tell what it is
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Encodings that files are found in; more of them would only add wrong guesses.
_LIKELY_ENCODINGS = [
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp850",
    "iso8859_2", "koi8_r", "mac_roman", "gb18030", "big5", "cp932", "euc_jp", "cp949",
]  # fmt: skip


def read_text(files: Sequence[Path], encoding: str, errors: str) -> Iterator[str]:
    """The text of files in chunks: NFC, lines end with \\n, and so does each file but the last.

    A chunk ends with a line, because nothing composes with what stands behind a line break. Only a
    line of more than 131,072 characters may be cut between a letter and its accent.

    Args:
        files: regular ones, one after the other.
        encoding: of the files, where no byte order mark says another.
        errors: "strict", or "replace" to put U+FFFD for what can't be decoded.

    Raises:
        TrainingError: while iterating, if a file isn't text in that encoding.
    """
    end = "\n"
    for path in files:
        if end != "\n":
            yield "\n"
            end = "\n"
        actual = _encoding_of(path, encoding)
        with open(path, "rb") as data, TextIOWrapper(data, actual, errors) as file:
            try:
                while chunk := file.read(_CHUNK) + file.readline(_CHUNK):
                    end = chunk[-1]
                    yield normalized(chunk)
            except UnicodeError as error:
                raise TrainingError(_undecodable(path, actual, error, data.tell())) from None


def _undecodable(path: Path, encoding: str, error: UnicodeError, read: int) -> str:
    """Which byte of a file isn't in the encoding, and what to do about it."""
    where = str(error)
    if isinstance(error, UnicodeDecodeError):
        # What the decoder was looking at are the last of the bytes that were read.
        offset = read - len(error.object) + error.start
        where = f"byte 0x{error.object[error.start]:02x} at offset {offset:,}"
    advice = "to train on the rest, set errors to replace"
    guess = guess_encoding(path)
    if guess is not None and codecs.lookup(guess) != codecs.lookup(encoding):
        advice = f"it looks like {guess}: set encoding to that; or, {advice}"
    return f"{path.name} isn't {encoding} text ({where}); {advice}"


def find_files(paths: Sequence[str], encoding: str) -> tuple[list[Path], list[str]]:
    """The files that these paths mean, and notes about what was left out.

    A folder means every file in it that isn't hidden and looks like text, in order of name, but
    those of runs of training.

    Raises:
        TrainingError: if there is no such encoding, or a path doesn't exist, is no text, or is a
            folder without any.
    """
    try:
        "a".encode(encoding)  # refuses what is a codec to Python and no text to us: hex, zip
    except (LookupError, UnicodeError):
        raise TrainingError(f"Python knows no encoding named {encoding}") from None
    files: list[Path] = []
    notes: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            visible = _visible_files(path)
            texts = [file for file in visible if _is_text(file, encoding)]
            if not texts:
                raise TrainingError(f"the folder {path} has no text files")
            if left_out := len(visible) - len(texts):
                name = path.resolve().name
                notes.append(
                    f"left out of {name}, as it isn't text: {left_out:,} of {len(visible):,} files"
                )
            files += texts
        elif path.is_file():
            _encoding_of(path, encoding)
            files.append(path)
        elif path.exists():  # a pipe can be read only once
            raise TrainingError(f"{path} is no file: give its text on standard input")
        else:
            raise TrainingError(f"{path.name} doesn't exist")
    return files, notes


def _visible_files(folder: Path) -> list[Path]:
    """The files in a folder that neither are hidden nor belong to a run of training."""
    # A run's settings name its corpus; other programs have files of that name too.
    settings = [path for path in folder.rglob(SETTINGS_FILE) if b'"corpus"' in path.read_bytes()]
    runs = {path.parent for path in settings}
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and runs.isdisjoint(path.parents)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _is_text(path: Path, encoding: str) -> bool:
    try:
        _encoding_of(path, encoding)
    except TrainingError:
        return False
    return True


def _encoding_of(path: Path, encoding: str) -> str:
    """What a file is to be decoded with. Raises TrainingError if it isn't plain text."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if head.startswith(b"%PDF"):
        kind = "a PDF"
    elif head.startswith(b"PK\x03\x04"):
        kind = "a ZIP archive, as Word documents and EPUB books are"
    elif b"\0" in head and b"\0" not in "a".encode(encoding):
        kind = "a binary file (or UTF-16 without a byte order mark: then set encoding to utf-16-le)"
    else:
        return encoding
    raise TrainingError(f"{path.name} is {kind}: export it as plain text (UTF-8) first")


def guess_encoding(path: Path) -> str | None:
    """The encoding that a file seems to be in, if perhaps with errors; None if there is no telling.

    cp1252 is preferred to others that fit as well, because most files in an old encoding are in it:
    in French or German hardly a character tells it from cp1250 or cp1257.
    """
    with open(path, "rb") as file:
        sample = b"".join(islice((line for line in file if not line.isascii()), 1_000))[:100_000]
    as_utf8 = sample.decode("utf-8", "replace")
    if 10 * as_utf8.count("\ufffd") <= sum(not character.isascii() for character in as_utf8):
        return "utf-8"
    matches = list(from_bytes(sample, cp_isolation=_LIKELY_ENCODINGS))
    if not matches:
        return None
    best = matches[0]
    as_good = [m for m in matches if m.chaos == best.chaos and "cp1252" in m.could_be_from_charset]
    # cp1254 differs from it in six letters, so where both fit, Turkish is what decides.
    return "cp1252" if as_good and best.encoding != "cp1254" else best.encoding
