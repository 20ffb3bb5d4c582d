"""Reading: every byte once, so that pipes work and the digest is that of what was read."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from tests.reference import TEXT
from training.run import RunWriter, Settings, TrainingError
from training.text import reading
from training.text.corpus import prepare_corpus
from training.text.reading import Reader, find_files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_read_to_its_end_without_a_second_look(tmp_path: Path) -> None:
    pipe, run = tmp_path / "pipe", tmp_path / "run"
    run.mkdir()
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(TEXT[:300_000], "utf-8"))
    writer.start()
    corpus = prepare_corpus(Settings((str(pipe),)), run)
    writer.join()
    assert corpus.vocabulary.decode(corpus.indices) == TEXT[:300_000]
    assert corpus.sha256 == hashlib.sha256(TEXT[:300_000].encode()).hexdigest()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_that_holds_no_text_is_refused_too(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"PK\x03\x04 and so on",))
    writer.start()
    with pytest.raises(TrainingError, match="pipe is a ZIP archive"):
        list(Reader([pipe], "utf-8", "strict"))
    writer.join()


def test_a_file_that_changes_meanwhile_has_the_digest_of_what_was_read(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("before\n" * 200_000, encoding="utf-8")
    reader = Reader([file], "utf-8", "strict")
    chunks = iter(reader)
    text = next(chunks)
    with open(file, "r+b") as changed:
        changed.seek(700_000)
        changed.write(b"after!\n" * 200_000)
    text += "".join(chunks)
    assert "before" in text
    assert "after!" in text
    assert reader.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert reader.sizes == [2_100_000]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_characters_without_a_mark_are_read_when_they_are_named(
    tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("Zoë\r\nsaid".encode(encoding))
    assert find_files([str(file)], encoding) == ([file], [])
    assert "".join(Reader([file], encoding, "strict")) == "Zoë\nsaid"
    with pytest.raises(TrainingError, match="add --encoding utf-16-le"):
        find_files([str(file)], "utf-8")


def test_runs_of_training_in_a_folder_are_no_text_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    (tmp_path / "settings.json").write_text('{"corpus": "of something else"}', encoding="utf-8")
    for run in (tmp_path / "one", tmp_path / "runs" / "two"):
        with RunWriter(run) as writer:
            writer.settings(Settings((str(tmp_path),)))
        (run / "model").mkdir()
        (run / "model" / "README.md").write_text("what it wrote", encoding="utf-8")
    files, notes = find_files([str(tmp_path)], "utf-8")
    assert [file.name for file in files] == ["a.txt", "settings.json"]
    assert notes == [f"2 runs of training in {tmp_path.name}: left out"]


def test_what_a_run_leaves_in_its_own_folder_is_no_text_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text", encoding="utf-8")
    run = tmp_path / "runs" / "novel"
    settings = Settings((str(tmp_path),))
    with RunWriter(run):
        assert prepare_corpus(settings, run).name == "a.txt"


@pytest.mark.parametrize("block", [1, 2, 5])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "shift_jis", "gb18030", "utf-7", "iso2022_jp"])
def test_an_undecodable_byte_is_found_wherever_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, block: int
) -> None:
    monkeypatch.setattr(reading, "_BLOCK", block)
    monkeypatch.setattr(reading, "_HEAD", 4)
    good = ("日本の" * 30).encode(encoding)
    file = tmp_path / "a.txt"
    file.write_bytes(good + b"\xff")
    with pytest.raises(TrainingError, match=rf"byte 0xff at offset {len(good):,}\b"):
        list(Reader([file], encoding, "strict"))


@pytest.mark.parametrize("encoding", ["hex", "rot13", "zip", "undefined"])
def test_a_codec_that_makes_no_text_is_no_encoding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.txt"
    file.write_text("61626364", encoding="utf-8")
    with pytest.raises(TrainingError, match="knows no such encoding"):
        find_files([str(file)], encoding)
