"""A corpus: indices on disk, found again; what can't be learnt from is said."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.vocabulary import UNKNOWN
from tests.reference import TEXT
from training.run import RunStopped
from training.settings import Settings, TrainingError
from training.text.corpus import DESCRIPTION_FILE, INDICES_FILE, Corpus, open_corpus, read_corpus
from training.text.reading import read_text

ROOT = Path(__file__).parents[3]
pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")


def read(
    folder: Path, *files: Path, stop: Callable[[], bool] = lambda: False, **options: Any
) -> Corpus:
    (folder / "run").mkdir(exist_ok=True)
    return read_corpus(Settings(tuple(map(str, files)), **options), folder / "run", stop)


def text_of(corpus: Corpus) -> str:
    return corpus.vocabulary.decode(corpus.indices)


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def start(program: str, *arguments: Path) -> subprocess.Popen[bytes]:
    """A child that runs a program with `prepare()` at hand, which reads a text into a run."""
    prepare = (
        "import os, sys; from pathlib import Path\n"
        "from training.settings import Settings; from training.text.corpus import read_corpus\n"
        "def prepare(): return read_corpus(Settings((sys.argv[1],)), Path(sys.argv[2]))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prepare + program, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )


def test_a_text_is_encoded_on_disk_and_found_again(tmp_path: Path) -> None:
    file = write(tmp_path / "ref.txt", TEXT)
    corpus = read(tmp_path, file)
    assert text_of(corpus) == TEXT
    assert isinstance(corpus.indices, np.memmap)
    assert corpus.indices.dtype == np.uint8
    assert corpus.held_out == len(corpus.validation) == round(len(TEXT) * 0.1)
    assert text_of(corpus)[: len(corpus.train)] + TEXT[-corpus.held_out :] == TEXT
    assert corpus.name == "ref.txt"
    assert corpus.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    file.unlink()
    again = read(tmp_path, file)
    assert text_of(again) == TEXT
    assert (again.vocabulary, again.notes) == (corpus.vocabulary, corpus.notes)


@pytest.mark.parametrize("damaged", [INDICES_FILE, DESCRIPTION_FILE])
def test_a_damaged_corpus_is_read_again_where_its_files_are_there(
    tmp_path: Path, damaged: str
) -> None:
    file = write(tmp_path / "ref.txt", TEXT)
    read(tmp_path, file)
    path = tmp_path / "run" / damaged
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(TrainingError, match="missing or damaged"):
        open_corpus(tmp_path / "run")
    assert text_of(read(tmp_path, file)) == TEXT


@pipes
def test_a_pipe_is_refused_with_the_way_to_give_its_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TrainingError, match="give its text on standard input"):
        read(tmp_path, tmp_path / "pipe")


def test_reading_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", TEXT * 2)
    asked = iter([False, False, False, True])
    with pytest.raises(RunStopped):
        read(tmp_path, file, stop=lambda: next(asked))
    assert list((tmp_path / "run").iterdir()) == []
    assert text_of(read(tmp_path, file)) == TEXT * 2


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", TEXT)
    blocks = len(list(read_text([file], "utf-8", "strict")))
    calls = iter(range(1_000))

    def change() -> bool:
        if next(calls) == blocks:  # the first of the second pass
            with open(file, "a", encoding="utf-8") as growing:
                growing.write("more\n" * 100_000)
        return False

    with pytest.raises(TrainingError, match=r"a\.txt changed while it was being read"):
        read(tmp_path, file, stop=change)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit on a file's size")
def test_a_full_disk_is_one_error_and_no_part_of_the_text_stays(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: prepare()\n"
        "except OSError as error: print(error.strerror, error.filename)\n"
        "print(os.listdir(sys.argv[2]))"
    )  # the system then refuses to write, as it does when the disk is full
    child = start(program, write(tmp_path / "a.txt", TEXT), run)
    assert child.communicate()[0].decode() == f"File too large {run / INDICES_FILE}\n[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what is allocated")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    text, run = tmp_path / "a.txt", tmp_path / "run"
    text.write_text(TEXT * 100, encoding="utf-8")  # tens of megabytes
    run.mkdir()
    program = (
        "import resource; status = Path('/proc/self/status').read_text()\n"
        "used = int(next(x for x in status.splitlines() if x.startswith('VmData')).split()[1])\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (used * 1024 + 35_000_000,) * 2)\n"
        "print(len(prepare().indices))"
    )
    assert int(start(program, text, run).communicate()[0]) == len(TEXT) * 100


def test_a_large_vocabulary_takes_two_bytes(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0x4E00, 0x5000))) + "😀🎉" * 5
    corpus = read(tmp_path, write(tmp_path / "a.txt", text))
    assert corpus.indices.dtype == np.uint16
    assert text_of(corpus) == text


def test_rare_characters_are_folded_and_it_is_said(tmp_path: Path) -> None:
    corpus = read(tmp_path, write(tmp_path / "a.txt", "aaaabbbbcd"), min_count=2)
    assert text_of(corpus) == f"aaaabbbb{UNKNOWN}{UNKNOWN}"
    assert corpus.notes[0] == (
        "2 distinct characters that occur fewer than 2 times became one unknown character: 20.00% "
        "of the text"
    )
    with pytest.raises(TrainingError, match="lower min_count"):
        read(tmp_path / "run", write(tmp_path / "b.txt", "abc"), min_count=9)


def test_of_very_many_distinct_characters_the_rarest_are_folded(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0xAC00, 0xD000))) * 2 + "甲乙"
    corpus = read(tmp_path, write(tmp_path / "a.txt", text))
    assert len(corpus.vocabulary) == 8_000
    assert "occur most rarely became one unknown character" in corpus.notes[0]


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), ("a", "has a single character")])
def test_nothing_to_learn_from_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainingError, match=rf"^a\.txt {message}.* a megabyte is good"):
        read(tmp_path, write(tmp_path / "a.txt", text))


def test_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="half of a surrogate pair"):
        read(tmp_path, write(tmp_path / "a.txt", "abc\\ud800def"), encoding="raw_unicode_escape")


def test_a_text_too_short_to_hold_out_is_trained_on_whole(tmp_path: Path) -> None:
    corpus = read(tmp_path, write(tmp_path / "a.txt", "hello"))
    assert (corpus.held_out, len(corpus.validation)) == (0, 0)
    assert "nothing will be measured" in corpus.notes[0]
