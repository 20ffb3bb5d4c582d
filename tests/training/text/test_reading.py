"""Whatever files people have are read as text, or refused in one clear line."""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
import zipfile
from pathlib import Path

import pytest

from tests.reference import TEXT
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


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-32-be"])
def test_another_encoding_is_read_when_it_is_named(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path / "a.txt", "café\r\nnoir".encode(encoding))
    assert read(file, encoding=encoding) == "café\nnoir"
    with pytest.raises(TrainingError):
        read(file)


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "utf-16"])
def test_texts_of_many_blocks_are_read_whole_and_hashed(tmp_path: Path, encoding: str) -> None:
    text = "吾輩は猫である。名前はまだ無い。\n" * 20_000
    files = [write(tmp_path / name, text.encode(encoding)) for name in ("a", "b")]
    stream = read_text(files, encoding, "strict")
    for _ in range(2):
        assert "".join(stream) == text + text
        assert stream.sha256 == hashlib.sha256(text.encode(encoding) * 2).hexdigest()


@pytest.mark.parametrize("block", [1, 7, 100])
def test_accents_and_line_ends_are_joined_wherever_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(reading, "_BLOCK", block)
    combining = "\u0301\u0323\u0308\u3099\u093c\u094d\u05bc\u05b0\u1161\u11a8"
    decomposed = [chr(c) for c in range(0xC0, 0x30000) if unicodedata.decomposition(chr(c))]
    pools = [combining, decomposed, "ae \n", "नमस्ते", "\u1100\uac00한국", "שלום", ["\r\n", "日本が"]]
    for seed in range(20):
        choose = random.Random(seed).choice
        text = "".join(choose(choose(pools)) for _ in range(400))
        expected = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
        assert read(write(tmp_path / "a.txt", text)) == expected


def test_text_is_only_cut_where_nothing_is_composed_across() -> None:
    second_halves = {chr(code) for code in range(0x1161, 0x11C3)}  # of Hangul
    for code in range(0x30000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second_halves.add(chr(int(parts[1], 16)))
    for character in filter(re.compile(f"[{reading.BORDERS}]").match, map(chr, range(0x30000))):
        first = unicodedata.normalize("NFD", character)[0]
        assert unicodedata.combining(first) == 0
        assert first not in second_halves


def test_a_text_without_any_border_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BLOCK", 100)
    monkeypatch.setattr(reading, "_LONGEST", 1_000)
    text = "\u0f40" * 10_000  # Tibetan, with nothing between its letters
    chunks = list(read_text([write(tmp_path / "a.txt", text)], "utf-8", "strict"))
    assert "".join(chunks) == text
    assert max(map(len, chunks)) <= 1_100


def test_an_undecodable_byte_is_named_with_what_would_decode_it(tmp_path: Path) -> None:
    start = "The cafe on the corner, they said, was closed. " * 40
    data = start.encode() + FRENCH.encode("cp1252") * 50
    with pytest.raises(TrainingError) as error:
        read(write(tmp_path / "a.txt", data))
    where = f"a.txt isn't utf-8 text (byte 0xe9 at offset {data.index(0xE9):,})"
    assert str(error.value).startswith(where)
    assert "looks like cp1252" in str(error.value)
    assert (
        read(tmp_path / "a.txt", errors="replace").count("\ufffd") == FRENCH.count("é") * 50 + 200
    )


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
        (
            "Küçük çocuk bahçede oynuyordu; şimdi akşam olmuştu ve güneş dağların ardında. ",
            "cp1254",
        ),
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
    assert guess_encoding(file) is None
    with pytest.raises(TrainingError, match=r"\d\); to train on the rest, set errors to replace$"):
        read(file)


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "undefined"])
def test_an_encoding_that_is_none_is_told(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(TrainingError, match=f"Python knows no encoding named {encoding}"):
        find_files([str(write(tmp_path / "a.txt", "abc"))], encoding)


def test_documents_are_named_as_what_they_are(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    data = (tmp_path / "book.epub").read_bytes()
    for name, kind in (("book.epub", "an EPUB"), ("x.docx", "a Word document"), ("x.zip", "a ZIP")):
        with pytest.raises(TrainingError, match=f"^{name} is {kind}.*plain text"):
            find_files([str(write(tmp_path / name, data))], "utf-8")
    with pytest.raises(TrainingError, match="a PDF"):
        read(write(tmp_path / "x.pdf", b"%PDF-1.7"))
    with pytest.raises(TrainingError, match=r"a binary file .* set encoding to utf-16-le"):
        read(write(tmp_path / "x.bin", bytes(range(256))))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"nowhere\.txt doesn't exist"):
        find_files([str(tmp_path / "nowhere.txt")], "utf-8")


def test_a_folder_means_the_texts_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    write(folder / "b.txt", "two\n")
    write(folder / "a.txt", "one")
    write(folder / "sub" / "c.md", "three")
    write(folder / ".hidden", "secret")
    write(folder / "cover.png", b"\x89PNG\0\0")
    write(folder / "settings.json", '{"theme": "dark"}')
    own = folder / "runs" / "own"
    write(own / "notes.txt", "what this run leaves there")
    for run in (folder / "one", folder / "runs" / "two"):
        with Run(run, Settings((str(folder),))):
            write(run / "model" / "README.md", "what it wrote")
    files, notes = find_files([str(folder)], "utf-8", own)
    assert [file.name for file in files] == ["a.txt", "b.txt", "settings.json", "c.md"]
    assert read(files[0], files[1], files[3]) == "one\ntwo\nthree"
    assert notes == [
        "left out of texts: 2 runs of training",
        "left out of texts: 1 file that can't be read as text",
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="has no text files"):
        find_files([str(tmp_path / "empty")], "utf-8")


def test_real_text_stays_as_it_is(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.txt", TEXT)) == TEXT
