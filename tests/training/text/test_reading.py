"""Whatever files people have are read as text, or refused in one clear line."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from training.run import Run
from training.settings import Settings, TrainingError
from training.text import reading
from training.text.reading import find_files, guess_encoding, read_text

FRENCH = "Plus tard, le café était fermé; où aller? La forêt, très pâle, ne répondait pas. "


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(*files: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    return "".join(read_text(files, encoding, errors))


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
    assert read(write(tmp_path / "a.txt", data)) == "Zoë\nsaid"


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "utf-16-le"])
def test_texts_of_many_chunks_are_read_whole(tmp_path: Path, encoding: str) -> None:
    text = "吾輩は猫である。名前はまだ無い。\n" * 20_000 + "終わり"
    files = [write(tmp_path / name, text.encode(encoding)) for name in ("a", "b")]
    assert read(*files, encoding=encoding) == f"{text}\n{text}"


def test_accents_and_line_ends_are_joined_wherever_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_CHUNK", 100)
    combining = "\u0301\u0323\u0308\u3099\u093c\u094d\u05bc\u05b0\u1161\u11a8"
    decomposed = [chr(c) for c in range(0xC0, 0x30000) if unicodedata.decomposition(chr(c))]
    pools = [combining, decomposed, "ae ", "नमस्ते", "\u1100\uac00한국", "שלום", ["\r\n", "日本が"]]
    for seed in range(20):
        choose = random.Random(seed).choice
        lines = ["".join(choose(choose(pools)) for _ in range(30)) for _ in range(50)]
        text = "\r\n".join(lines)
        expected = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
        assert read(write(tmp_path / "a.txt", text)) == expected


def test_a_text_in_one_line_is_read_in_pieces(tmp_path: Path) -> None:
    text = "a b " * 500_000
    chunks = list(read_text([write(tmp_path / "a.txt", text)], "utf-8", "strict"))
    assert "".join(chunks) == text
    assert max(map(len, chunks)) < 300_000


def test_an_undecodable_byte_is_named_with_what_would_decode_it(tmp_path: Path) -> None:
    start = "The cafe on the corner, they said, was closed. " * 40
    data = start.encode() + FRENCH.encode("cp1252") * 50
    with pytest.raises(TrainingError) as error:
        read(write(tmp_path / "a.txt", data))
    where = f"a.txt isn't utf-8 text (byte 0xe9 at offset {data.index(0xE9):,})"
    assert str(error.value).startswith(f"{where}; it looks like cp1252")
    assert read(tmp_path / "a.txt", encoding="cp1252") == data.decode("cp1252")
    assert read(tmp_path / "a.txt", errors="replace").startswith(f"{start}Plus tard, le caf\ufffd ")


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "gb18030", "utf-7", "iso2022_jp"])
def test_an_undecodable_byte_is_found_far_into_a_file(tmp_path: Path, encoding: str) -> None:
    good = ("日本の" * 30_000).encode(encoding)
    with pytest.raises(TrainingError, match=rf"byte 0xff at offset {len(good):,}\b"):
        read(write(tmp_path / "a.txt", good + b"\xff"), encoding=encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        ("Die Mädchen hörten schöne Glocken über dem Fluß läuten. ", "cp1252"),
        ("El niño comió mañana en la habitación; ¿dónde está el señor? ", "cp1252"),
        ("Zażółć gęślą jaźń, powiedział mąż, ale nikt go nie słuchał. ", "cp1250"),
        ("Küçük çocuk bahçede oynuyordu; şimdi akşam olmuştu ve güneş dağların battı. ", "cp1254"),
        ("Все счастливые семьи похожи друг на друга. ", "cp1251"),
        ("Ο γέρος βασιλιάς είχε τρεις γιους. ", "cp1253"),
        ("滚滚长江东逝水，浪花淘尽英雄。", "gb18030"),
        (FRENCH, "utf-8"),
    ],
)
@pytest.mark.parametrize("times", [1, 100])
def test_the_encoding_of_a_file_is_guessed(
    tmp_path: Path, text: str, encoding: str, times: int
) -> None:
    assert guess_encoding(write(tmp_path / "a.txt", (text * times).encode(encoding))) == encoding


def test_utf_8_with_a_broken_end_is_not_taken_for_something_else(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", (FRENCH * 100).encode() + b"\xc3")
    assert guess_encoding(file) == "utf-8"
    with pytest.raises(TrainingError, match=r"\d\); to train on the rest, set errors to replace$"):
        read(file)


def test_utf_16_without_its_mark_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "hello".encode("utf-16-le"))
    with pytest.raises(TrainingError, match="set encoding to utf-16-le"):
        find_files([str(file)], "utf-8")
    with pytest.raises(TrainingError, match=r"isn't utf-16 text .*BOM"):
        read(file, encoding="utf-16")


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "undefined"])
def test_an_encoding_that_is_none_is_told(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(TrainingError, match=f"Python knows no encoding named {encoding}"):
        find_files([str(write(tmp_path / "a.txt", "abc"))], encoding)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7", r"x\.epub is a PDF: export it as plain text"),
        (b"PK\x03\x04...", r"x\.epub is a ZIP archive, as .* EPUB books are: export it as plain"),
        (bytes(range(256)), r"x\.epub is a binary file"),
        (None, r"x\.epub doesn't exist"),
    ],
)
def test_what_is_no_text_is_named_as_what_it_is(
    tmp_path: Path, data: bytes | None, message: str
) -> None:
    if data is not None:
        write(tmp_path / "x.epub", data)
    with pytest.raises(TrainingError, match=message):
        find_files([str(tmp_path / "x.epub")], "utf-8")


def test_what_can_be_read_once_only_is_wanted_on_standard_input() -> None:
    with pytest.raises(TrainingError, match="is no file: give its text on standard input"):
        find_files([os.devnull], "utf-8")


def test_a_folder_means_the_texts_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    write(folder / "b.txt", "two\n")
    write(folder / "a.txt", "one")
    write(folder / "sub" / "c.md", "three")
    write(folder / ".hidden", "secret")
    write(folder / "cover.png", b"\x89PNG\0\0")
    write(folder / "settings.json", '{"theme": "dark"}')
    with Run(folder / "runs" / "one", Settings((str(folder),))):
        write(folder / "runs" / "one" / "model" / "README.md", "what it wrote")
        files, notes = find_files([str(folder)], "utf-8")
    assert [file.name for file in files] == ["a.txt", "b.txt", "settings.json", "c.md"]
    assert read(files[0], files[1], files[3]) == "one\ntwo\nthree"
    assert notes[0].startswith("left out of texts, as it isn't text: 1 of ")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="has no text files"):
        find_files([str(tmp_path / "empty")], "utf-8")
