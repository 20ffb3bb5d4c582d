"""Files of text -> one stream of text in chunks, whatever encodings and line ends they have.

Also which files a folder means, what is refused for not being text, and which encoding a file seems
to be in. Knows nothing about vocabularies or indices. Every byte is read once, so that pipes work
and the digest is that of the text that was read, even where a file changes meanwhile.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from charset_normalizer import from_bytes

from training.run import SETTINGS_FILE, RunError, read_settings
from training.settings import TrainingError

_BLOCK = 2**16  # bytes: small enough that all arrays made of a block stay in the processor's cache
_HEAD = 2**16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Reader:
    """Reads files once, one after the other; iterate over it to get chunks of their text.

    Line ends become \\n, and a file that doesn't end with one is followed by one, but for the last.

    Args:
        files: to read, in order; pipes too.
        encoding: of the files, where no byte order mark says another.
        errors: "strict", or "replace" to put U+FFFD for what can't be decoded.

    Raises:
        TrainingError: while iterating, if a file can't be read as text.
    """

    def __init__(self, files: Sequence[Path], encoding: str, errors: str) -> None:
        self._files = files
        self._encoding = encoding
        self._errors = errors
        self._digest = hashlib.sha256()
        self.sizes: list[int] = []
        """Bytes of each file that was read to its end."""

    @property
    def sha256(self) -> str:
        """Of the bytes that were read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[str]:
        for number, path in enumerate(self._files):
            last = ""
            for text in _line_ends_as_newlines(self._decoded(path)):
                last = text[-1:] or last
                yield text
            if last != "\n" and number < len(self._files) - 1:
                yield "\n"

    def _decoded(self, path: Path) -> Iterator[str]:
        try:
            with open(path, "rb") as file:
                block = file.read(_HEAD)
                _refuse_document(path, block, self._encoding)
                boms = (name for bom, name in _BOMS if block.startswith(bom))
                encoding = next(boms, self._encoding)
                decoder = codecs.getincrementaldecoder(encoding)(self._errors)
                size = 0
                while True:
                    self._digest.update(block)
                    size += len(block)
                    try:
                        text = decoder.decode(block, final=not block)
                    except UnicodeError as error:
                        raise TrainingError(_undecodable(path, encoding, error, size)) from None
                    yield text
                    if not block:
                        break
                    block = file.read(_BLOCK)
        except OSError as error:
            raise TrainingError(f"{path} can't be read: {error.strerror}") from error
        self.sizes.append(size)


def _line_ends_as_newlines(chunks: Iterator[str]) -> Iterator[str]:
    """The chunks with \\r\\n and \\r as \\n, also where a border between chunks divides them."""
    pending = ""
    for text in chunks:
        text = pending + text
        pending = "\r" if text.endswith("\r") else ""
        if "\r" in text:  # io.IncrementalNewlineDecoder looks at each character: 147 MB/s
            text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        yield text
    if pending:
        yield "\n"


def hash_files(files: Sequence[Path]) -> str:
    """The sha256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def find_files(
    paths: Sequence[str], encoding: str, own: Path | None = None
) -> tuple[list[Path], list[str]]:
    """The files that these paths mean, and notes about what was left out.

    A folder means every file in it that isn't hidden and looks like text, in order of name; runs of
    training in it are left out, and so is the folder `own`.

    Raises:
        TrainingError: if there is no such encoding, or a path doesn't exist, is a document, or is
            a folder that holds no text.
    """
    try:
        "a".encode(encoding)  # refuses what is a codec to Python and no text to us: hex, zip
    except (LookupError, UnicodeError):
        raise TrainingError(f"--encoding {encoding}: Python knows no such encoding") from None
    files: list[Path] = []
    notes: list[str] = []
    for path in map(Path, paths):
        if path.is_file():
            _refuse_document(path, _head(path), encoding)
            files.append(path)
        elif path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if own is not None:
                place = own.resolve()
                inside = [file for file in inside if place not in file.resolve().parents]
            name = path.name or path.resolve().name  # "." has none
            runs = {file.parent for file in inside if file.name == SETTINGS_FILE and _is_run(file)}
            if runs:
                inside = [file for file in inside if runs.isdisjoint(file.parents)]
                what = "1 run" if len(runs) == 1 else f"{len(runs):,} runs"
                notes.append(f"{what} of training in {name}: left out")
            texts = [file for file in inside if _document_kind(file, _head(file), encoding) is None]
            if not texts:
                raise TrainingError(f"the folder {path} holds no text files")
            if len(texts) < len(inside):
                count = len(inside) - len(texts)
                what = "file in {} is" if count == 1 else "files in {} are"
                notes.append(f"{count:,} {what.format(name)} no text: left out")
            files += texts
        elif path.exists():
            files.append(path)  # a pipe: what it holds can be looked at only once
        else:
            raise TrainingError(f"{path} doesn't exist")
    return files, notes


def _is_run(settings: Path) -> bool:
    try:
        read_settings(settings.parent)
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
        raise TrainingError(f"{path} can't be read: {error.strerror}") from error


def _document_kind(path: Path, head: bytes, encoding: str) -> str | None:
    """What a file that begins with these bytes is, if it isn't plain text in that encoding."""
    if head.startswith(b"%PDF"):
        return "a PDF"
    if head.startswith(b"PK\x03\x04"):
        kinds = {
            ".docx": "a Word document",
            ".epub": "an EPUB book",
            ".odt": "an OpenDocument text",
        }
        return kinds.get(path.suffix.lower(), "a ZIP archive")
    has_bom = any(head.startswith(bom) for bom, _ in _BOMS)
    if b"\0" in head and b"\0" not in "a".encode(encoding) and not has_bom:
        return "a binary file (or UTF-16 without a byte order mark: then add --encoding utf-16-le)"
    return None


def _refuse_document(path: Path, head: bytes, encoding: str) -> None:
    kind = _document_kind(path, head, encoding)
    if kind is not None:
        raise TrainingError(f"{path} is {kind}: export it as plain text (.txt, UTF-8) first")


def _undecodable(path: Path, encoding: str, error: UnicodeError, size: int) -> str:
    """Which byte of the file isn't in the encoding, and which encoding the file seems to be in.

    `size` is how many bytes were read; what the decoder was looking at are the last of them.
    """
    found = str(error)
    window = b""
    if isinstance(error, UnicodeDecodeError):
        offset = size - len(error.object) + error.start
        found = f"byte 0x{error.object[error.start]:02x} at offset {offset:,}"
        window = error.object
        if path.is_file():
            with open(path, "rb") as file:
                file.seek(max(0, offset - 50_000))
                window = file.read(100_000)
    guess = from_bytes(window).best()
    advice = "--errors replace puts \ufffd for what can't be decoded"
    if guess is not None and guess.encoding not in (encoding, encoding.replace("-", "_")):
        advice = f"it looks like {guess.encoding}: add --encoding {guess.encoding}; or {advice}"
    return f"{path} is not {encoding} text ({found}); {advice}"
