"""Files -> one stream of normalised text, whatever encodings, line ends and Unicode forms they use.

Also which files a folder means, what is refused because it isn't text, and which encoding a file
seems to be in. Knows nothing about vocabularies or indices.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from charset_normalizer import from_bytes

from training.run import SETTINGS_FILE, RunError, read_settings
from training.settings import TrainingError

_HEAD = 2**16  # bytes of a file that are looked at to tell what it is
_BLOCK = 2**17  # characters of a chunk: arrays made of it stay in the processor's cache
_LONGEST = 2**20  # characters without a border, after which the text is cut all the same
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ARCHIVES = {".docx": "a Word document", ".epub": "an EPUB book", ".odt": "an OpenDocument text"}

# Characters that NFC never joins to what stands before them, so that a text may be cut there:
# Latin, punctuation, kana, CJK ideographs, Hangul syllables.
BORDERS = "\0-\u02ff\u2000-\u206f\u3000-\u3029\u3030-\u3096\u309b-\u9fff\uac00-\ud7a3"
_UP_TO_LAST_BORDER = re.compile(f".*(?=[{BORDERS}])", re.DOTALL)

# Encodings that files are found in; more of them would only add wrong guesses.
_LIKELY_ENCODINGS = [
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp850",
    "iso8859_2", "koi8_r", "mac_roman", "gb18030", "big5", "cp932", "euc_jp", "cp949",
]  # fmt: skip


class TextStream:
    """Iterate over it for chunks of the files' text, as often as needed.

    The text is NFC, lines end with \\n, and so does each file but the last.

    Raises:
        TrainingError: while iterating, if a file can't be read as text.
    """

    def __init__(self, files: Sequence[Path], encoding: str, errors: str) -> None:
        self._files = files
        self._encoding = encoding
        self._errors = errors

    def __iter__(self) -> Iterator[str]:
        for number, path in enumerate(self._files):
            last = ""
            for text in _normalised(self._decoded(path)):
                last = text[-1:] or last
                yield text
            if last != "\n" and number < len(self._files) - 1:
                yield "\n"

    def _decoded(self, path: Path) -> Iterator[str]:
        encoding = _encoding_of_text(path, self._encoding)
        try:
            with open(path, encoding=encoding, errors=self._errors) as file:
                while text := file.read(_BLOCK):
                    yield text
        except UnicodeError as error:
            raise TrainingError(_undecodable(path, encoding, error)) from None
        except OSError as error:
            raise _unreadable(path, error) from error

    @property
    def sha256(self) -> str:
        """Of the files' bytes as they are now, one after the other."""
        digest = hashlib.sha256()
        for path in self._files:
            try:
                with open(path, "rb") as file:
                    while block := file.read(2**20):
                        digest.update(block)
            except OSError as error:
                raise _unreadable(path, error) from error
        return digest.hexdigest()


def read_text(files: Sequence[Path], encoding: str, errors: str) -> TextStream:
    """The text of files, one after the other.

    Args:
        files: regular ones, which can be read more than once.
        encoding: of the files, where no byte order mark says another.
        errors: "strict", or "replace" to put U+FFFD for what can't be decoded.
    """
    return TextStream(files, encoding, errors)


def _normalised(chunks: Iterable[str]) -> Iterator[str]:
    """The chunks in NFC, also where a border between them divides a character from its accents.

    A script without spaces, punctuation or line breaks is cut anyway after a million characters:
    at worst one accent there stays on its own.
    """
    pending = ""
    for chunk in chunks:
        text = pending + chunk
        found = _UP_TO_LAST_BORDER.match(text)
        cut = found.end() if found else 0
        if not cut and len(text) > _LONGEST:
            cut = len(text)
        yield _nfc(text[:cut])
        pending = text[cut:]
    yield _nfc(pending)


def _nfc(text: str) -> str:
    """NFC by lines: most pass Unicode's quick check, and only the others take the slow way."""
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFC", line) for line in text.splitlines(keepends=True))


def find_files(
    paths: Sequence[str], encoding: str, own: Path | None = None
) -> tuple[list[Path], list[str]]:
    """The files that these paths mean, and notes about what was left out.

    A folder means every file in it that isn't hidden and looks like text, in order of name; runs of
    training in it are left out, and so is the folder `own`.

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
            texts, left_out = _texts_in(path, encoding, own)
            files += texts
            notes += left_out
        elif path.is_file():
            _encoding_of_text(path, encoding)
            files.append(path)
        elif path.exists():  # a pipe can be read only once
            raise TrainingError(f"{path} is no file: give its text on standard input")
        else:
            raise TrainingError(f"{path.name} doesn't exist")
    return files, notes


def _texts_in(folder: Path, encoding: str, own: Path | None) -> tuple[list[Path], list[str]]:
    name = folder.resolve().name
    inside = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (own is None or own.resolve() not in path.resolve().parents)
    ]
    runs = {path.parent for path in inside if path.name == SETTINGS_FILE and _is_run(path.parent)}
    inside = [path for path in inside if runs.isdisjoint(path.parents)]
    texts = [path for path in inside if _document_kind(path, _head(path), encoding) is None]
    if not texts:
        raise TrainingError(f"the folder {folder} has no text files")
    notes = []
    if runs:
        notes.append(f"left out of {name}: {_counted(len(runs), 'run')} of training")
    if len(texts) < len(inside):
        others = _counted(len(inside) - len(texts), "file")
        notes.append(f"left out of {name}: {others} that can't be read as text")
    return texts, notes


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _is_run(folder: Path) -> bool:
    try:
        read_settings(folder)
    except (RunError, OSError):
        return False
    return True


def names_of(files: Sequence[Path]) -> str:
    """What to call these files together: their names, without their paths."""
    if len(files) <= 3:
        return ", ".join(path.name for path in files)
    return f"{files[0].name} and {len(files) - 1} more files"


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> TrainingError:
    return TrainingError(f"{path.name} can't be read: {error.strerror}")


def _encoding_of_bom(head: bytes) -> str | None:
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def _encoding_of_text(path: Path, encoding: str) -> str:
    """What a file is to be decoded with. Raises TrainingError if it isn't plain text."""
    head = _head(path)
    kind = _document_kind(path, head, encoding)
    if kind is not None:
        raise TrainingError(f"{path.name} is {kind}: export it as plain text (UTF-8) first")
    return _encoding_of_bom(head) or encoding


def _document_kind(path: Path, head: bytes, encoding: str) -> str | None:
    """What a file that begins with these bytes is, if it isn't plain text in that encoding."""
    if head.startswith(b"%PDF"):
        return "a PDF"
    if head.startswith(b"PK\x03\x04"):
        return _ARCHIVES.get(path.suffix.lower(), "a ZIP archive")
    if b"\0" in head and b"\0" not in "a".encode(encoding) and not _encoding_of_bom(head):
        return "a binary file (or UTF-16 without a byte order mark: then set encoding to utf-16-le)"
    return None


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> str:
    """Which byte of a file isn't in the encoding, and what to do about it."""
    byte = _first_undecodable(path, encoding)
    where = str(error) if byte is None else f"byte 0x{byte[1]:02x} at offset {byte[0]:,}"
    advice = "to train on the rest, set errors to replace"
    guess = guess_encoding(path)
    if guess is not None and codecs.lookup(guess) != codecs.lookup(encoding):
        advice = f"it looks like {guess}: set encoding to that; or, {advice}"
    return f"{path.name} isn't {encoding} text ({where}); {advice}"


def _first_undecodable(path: Path, encoding: str) -> tuple[int, int] | None:
    """(offset, value) of a file's first byte that isn't in the encoding; None if all are."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with open(path, "rb") as file:
        block = b"first"
        while block:
            block = file.read(_HEAD)
            read += len(block)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                # What the decoder was looking at are the last bytes that were read.
                return read - len(error.object) + error.start, error.object[error.start]
    return None


def guess_encoding(path: Path) -> str | None:
    """The encoding that a file seems to be in; None if there is no telling, or it is broken UTF-8.

    cp1252 is preferred to others that fit as well, because most files in an old encoding are in it:
    in French or German hardly a character tells it from cp1250 or cp1257.
    """
    found = _first_undecodable(path, "utf-8")
    if found is None:
        return "utf-8"
    with open(path, "rb") as file:
        file.seek(max(0, found[0] - 50_000))
        window = file.read(100_000)
    as_utf8 = window.decode("utf-8", "replace")
    broken = as_utf8.count("\ufffd")
    if sum(not character.isascii() for character in as_utf8) > 10 * broken:
        return None
    matches = list(from_bytes(window, cp_isolation=_LIKELY_ENCODINGS))
    if not matches:
        return None
    best = matches[0]
    as_good = [m for m in matches if m.chaos == best.chaos and "cp1252" in m.could_be_from_charset]
    # cp1254 differs from it in six letters, so where both fit, Turkish is what decides.
    return "cp1252" if as_good and best.encoding != "cp1254" else best.encoding
