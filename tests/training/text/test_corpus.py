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

ROOT = Path(__file__).parents[3]


def read(
    folder: Path, text: str, *, stop: Callable[[], bool] = lambda: False, **options: Any
) -> Corpus:
    """The corpus of a run in `folder` on a file with this text."""
    (folder / "a.txt").write_bytes(text.encode())
    (folder / "run").mkdir(exist_ok=True)
    return read_corpus(Settings((str(folder / "a.txt"),), **options), folder / "run", stop)


def text_of(corpus: Corpus) -> str:
    return corpus.vocabulary.decode(corpus.indices)


def limited(folder: Path, text: str, limit: str) -> str:
    """What a child says of reading a text under a limit of the system's."""
    (folder / "a.txt").write_text(text, encoding="utf-8")
    (folder / "run").mkdir()
    program = (
        "import os, resource, signal, sys; from pathlib import Path\n"
        "from training.settings import Settings; from training.text.corpus import read_corpus\n"
        "used = [x for x in Path('/proc/self/status').read_text().split('\\n') if 'VmData' in x]\n"
        f"{limit}\n"
        "try: print(len(read_corpus(Settings((sys.argv[1],)), Path(sys.argv[2])).indices))\n"
        "except OSError as error: print(error.strerror, os.listdir(sys.argv[2]))\n"
    )
    child = [sys.executable, "-c", program, str(folder / "a.txt"), str(folder / "run")]
    return subprocess.check_output(child, cwd=ROOT, text=True)


def test_a_text_is_encoded_on_disk_and_found_again(tmp_path: Path) -> None:
    corpus = read(tmp_path, TEXT)
    assert text_of(corpus) == TEXT
    assert isinstance(corpus.indices, np.memmap)
    assert corpus.indices.dtype == np.uint8
    assert corpus.held_out == len(corpus.validation) == round(len(TEXT) * 0.1)
    assert text_of(corpus)[: len(corpus.train)] + TEXT[-corpus.held_out :] == TEXT
    assert corpus.name == "a.txt"
    assert corpus.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    again = read(tmp_path, "another text")
    assert text_of(again) == TEXT
    assert (again.vocabulary, again.notes) == (corpus.vocabulary, corpus.notes)


@pytest.mark.parametrize("damaged", [INDICES_FILE, DESCRIPTION_FILE])
def test_a_damaged_corpus_is_read_again_where_its_files_are_there(
    tmp_path: Path, damaged: str
) -> None:
    read(tmp_path, TEXT)
    path = tmp_path / "run" / damaged
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(TrainingError, match="missing or damaged"):
        open_corpus(tmp_path / "run")
    assert text_of(read(tmp_path, TEXT)) == TEXT


def test_reading_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    asked = iter([False] * 10)
    with pytest.raises(RunStopped):
        read(tmp_path, TEXT * 3, stop=lambda: next(asked, True))
    assert list((tmp_path / "run").iterdir()) == []
    assert text_of(read(tmp_path, TEXT)) == TEXT


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    def change() -> bool:
        os.utime(tmp_path / "a.txt", (0, 0))
        return False

    with pytest.raises(TrainingError, match=r"a\.txt changed while it was being read"):
        read(tmp_path, TEXT, stop=change)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit on a file's size")
def test_a_full_disk_is_one_error_and_no_part_of_the_text_stays(tmp_path: Path) -> None:
    # The system then refuses to write, as it does when the disk is full.
    limit = (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    )
    assert limited(tmp_path, TEXT, limit) == "File too large []\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what is allocated")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    limit = (
        "most = int(used[0].split()[1]) * 1024 + 35_000_000\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (most, most))"
    )
    tens_of_megabytes = TEXT * 100
    assert int(limited(tmp_path, tens_of_megabytes, limit)) == len(tens_of_megabytes)


def test_a_large_vocabulary_takes_two_bytes_and_the_rarest_beyond_8000_are_folded(
    tmp_path: Path,
) -> None:
    text = "".join(map(chr, range(0xAC00, 0xCB3F))) * 2 + "😀🎉"  # 7,999 of them
    corpus = read(tmp_path, text)
    assert corpus.indices.dtype == np.uint16
    assert text_of(corpus) == text[:-2] + UNKNOWN * 2
    assert len(corpus.vocabulary) == 8_000


def test_rare_characters_are_folded_and_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower min_count"):
        read(tmp_path, "abc", min_count=9)
    corpus = read(tmp_path, "aaaabbbbcd", min_count=2)
    assert text_of(corpus) == f"aaaabbbb{UNKNOWN}{UNKNOWN}"
    said = "2 rare distinct characters became one unknown character: 20.00% of the text"
    assert corpus.notes[0] == said


@pytest.mark.parametrize("text", ["", "a"])
def test_nothing_to_learn_from_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(TrainingError, match=r"^a\.txt has nothing to learn from"):
        read(tmp_path, text)


def test_a_text_too_short_to_hold_out_is_trained_on_whole(tmp_path: Path) -> None:
    corpus = read(tmp_path, "hello")
    assert (corpus.held_out, len(corpus.validation)) == (0, 0)
    assert "nothing will be measured" in corpus.notes[0]
