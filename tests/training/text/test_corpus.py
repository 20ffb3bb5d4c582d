"""A corpus: whatever files people have, read as text or refused in one clear line."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.vocabulary import UNKNOWN
from tests.reference import TEXT
from training.run import Settings, TrainingError
from training.text import reading
from training.text.corpus import Corpus, prepare_corpus


def read(folder: Path, *files: Path, **options: Any) -> Corpus:
    run = folder / "run"
    run.mkdir(exist_ok=True)
    return prepare_corpus(Settings(tuple(map(str, files)), **options), run)


def text_of(corpus: Corpus) -> str:
    return corpus.vocabulary.decode(corpus.indices)


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_a_text_is_encoded_on_disk_and_found_again(tmp_path: Path) -> None:
    file = write(tmp_path / "ref.txt", TEXT)
    corpus = read(tmp_path, file)
    assert text_of(corpus) == TEXT
    assert isinstance(corpus.indices, np.memmap)
    assert corpus.indices.dtype == np.uint8
    assert corpus.held_out == round(len(TEXT) * 0.1)
    assert len(corpus.train_part) == len(TEXT) - corpus.held_out
    assert corpus.name == "ref.txt"
    file.unlink()
    assert text_of(read(tmp_path, file)) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        "Zoë\nsaid".encode(),
        "Zoë\r\nsaid".encode(),
        "Zoë\rsaid".encode(),
        "Zoë\nsaid".encode("utf-8-sig"),
        "Zoë\nsaid".encode("utf-16"),
        "\ufeffZoë\nsaid".encode("utf-16-be"),
        "\ufeffZoë\r\nsaid".encode("utf-32-le"),
        unicodedata.normalize("NFD", "Zoë\nsaid").encode(),
    ],
)
def test_every_usual_way_to_write_a_text_gives_the_same(tmp_path: Path, data: bytes) -> None:
    assert text_of(read(tmp_path, write(tmp_path / "a.txt", data))) == "Zoë\nsaid"


def test_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "café".encode("cp1252"))
    assert text_of(read(tmp_path, file, encoding="cp1252")) == "café"


def test_undecodable_bytes_are_named_with_what_would_decode_them(tmp_path: Path) -> None:
    start = "The cafe on the corner, they said, was closed. " * 40
    data = start.encode() + "Plus tard, le café était fermé; où aller? ".encode("cp1252") * 50
    file = write(tmp_path / "a.txt", data)
    offset = data.index(b"\xe9")
    with pytest.raises(TrainingError, match=f"0xe9 at offset {offset:,}") as error:
        read(tmp_path, file)
    assert "--encoding cp125" in str(error.value)
    assert "--errors replace" in str(error.value)


def test_the_offset_is_right_far_into_a_file_and_behind_half_a_character(tmp_path: Path) -> None:
    data = "é".encode() * 3_000_000 + b"\xc3"
    with pytest.raises(TrainingError, match=r"at offset 6,000,000"):
        read(tmp_path, write(tmp_path / "a.txt", data))


def test_undecodable_bytes_can_be_replaced(tmp_path: Path) -> None:
    corpus = read(tmp_path, write(tmp_path / "a.txt", b"caf\xe9 x"), errors="replace")
    assert text_of(corpus) == f"caf{UNKNOWN} x"


def test_an_encoding_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Python knows no such encoding"):
        read(tmp_path, write(tmp_path / "a.txt", "abc"), encoding="klingon")


def test_documents_are_named_as_what_they_are(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    for name, kind in (("book.epub", "an EPUB"), ("x.docx", "a Word document"), ("x.zip", "a ZIP")):
        file = tmp_path / name
        file.write_bytes((tmp_path / "book.epub").read_bytes())
        with pytest.raises(TrainingError, match=f"{kind}.*plain text"):
            read(tmp_path, file)
    with pytest.raises(TrainingError, match="a PDF"):
        read(tmp_path, write(tmp_path / "x.pdf", b"%PDF-1.7"))
    with pytest.raises(TrainingError, match="binary"):
        read(tmp_path, write(tmp_path / "x.bin", bytes(range(256))))


@pytest.mark.parametrize(("data", "message"), [("", "is empty"), ("a", "has a single character")])
def test_nothing_to_learn_from_is_said(tmp_path: Path, data: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        read(tmp_path, write(tmp_path / "a.txt", data))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"nowhere\.txt doesn't exist"):
        read(tmp_path, tmp_path / "nowhere.txt")


def test_a_folder_means_the_texts_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    write(folder / "b.txt", "two\n")
    write(folder / "a.txt", "one")
    write(folder / "sub" / "c.md", "three")
    write(folder / ".hidden", "secret")
    write(folder / "cover.png", b"\x89PNG\0\0")
    corpus = read(tmp_path, folder)
    assert text_of(corpus) == "one\ntwo\nthree"
    assert corpus.notes[0] == "1 file in texts is no text: left out"
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="holds no text"):
        reading.find_files([str(tmp_path / "empty")], "utf-8")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_normalisation_holds_across_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(reading, "_HEAD", chunk)
    monkeypatch.setattr(reading, "_BLOCK", chunk)
    text = unicodedata.normalize("NFD", "Zoë żółć ạ̈ 한국어 \r\n日本が") + "\u0301\u0323"
    expected = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    assert text_of(read(tmp_path, write(tmp_path / "a.txt", text))) == expected


def test_a_large_vocabulary_takes_two_bytes(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0x4E00, 0x5000))) + "😀🎉" * 5
    corpus = read(tmp_path, write(tmp_path / "a.txt", text))
    assert corpus.indices.dtype == np.uint16
    assert text_of(corpus) == text


def test_rare_characters_are_folded_and_it_is_said(tmp_path: Path) -> None:
    corpus = read(tmp_path, write(tmp_path / "a.txt", "aaaabbbbcd"), min_count=2)
    assert text_of(corpus) == f"aaaabbbb{UNKNOWN}{UNKNOWN}"
    assert "2 kinds of character" in corpus.notes[0]
    with pytest.raises(TrainingError, match="lower --min_count"):
        read(tmp_path / "run", write(tmp_path / "b.txt", "abc"), min_count=9)


def test_a_text_too_short_to_hold_out_is_trained_on_whole(tmp_path: Path) -> None:
    corpus = read(tmp_path, write(tmp_path / "a.txt", "hello"))
    assert corpus.held_out == 0
    assert "nothing will be measured" in corpus.notes[0]
