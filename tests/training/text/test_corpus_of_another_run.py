"""A text that another run has encoded is taken over, whole, whatever happens at the same time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.reference import TEXT
from training.run import Settings
from training.text.corpus import DESCRIPTION_FILE, INDICES_FILE, Corpus, prepare_corpus

ROOT = Path(__file__).parents[3]


def read(run: Path, *files: Path, **options: Any) -> Corpus:
    run.mkdir(exist_ok=True)
    return prepare_corpus(Settings(tuple(map(str, files)), **options), run)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return path


def is_shared(one: Path, other: Path) -> bool:
    return (one / INDICES_FILE).samefile(other / INDICES_FILE)


def start(program: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """A child that runs a program with `prepare(run)` at hand; its first argument is the text."""
    prepare = (
        "import sys, time; from pathlib import Path\n"
        "from training.text.corpus import prepare_corpus; from training.run import Settings\n"
        "def prepare(run):\n"
        "    run.mkdir(exist_ok=True)\n"
        "    return prepare_corpus(Settings((sys.argv[1],)), run)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prepare + program, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )


def test_the_same_text_is_encoded_once_and_each_run_has_it(tmp_path: Path) -> None:
    file = write(tmp_path / "text" / "a.txt", TEXT[:50_000] + "\u4e00")
    first = read(tmp_path / "first", file, min_count=2)
    again = read(tmp_path / "again", file.rename(file.with_name("b.txt")), min_count=2)
    assert is_shared(tmp_path / "first", tmp_path / "again")
    assert (first.name, again.name) == ("a.txt", "b.txt")
    assert again.notes == first.notes
    assert "kinds of character (rarer than 2)" in again.notes[0]
    assert (again.vocabulary, again.sha256) == (first.vocabulary, first.sha256)
    shutil.rmtree(tmp_path / "first")
    last = read(tmp_path / "last", file.with_name("b.txt"), min_count=2, held_out=0.3)
    assert is_shared(tmp_path / "again", tmp_path / "last")
    assert last.held_out == round(len(last.indices) * 0.3)
    assert last.indices.tobytes() == first.indices.tobytes()


@pytest.mark.parametrize("options", [{"encoding": "latin-1"}, {"min_count": 3}])
def test_what_is_read_in_another_way_is_encoded_anew(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    file = write(tmp_path / "text" / "a.txt", TEXT[:20_000] + "é")
    read(tmp_path / "first", file)
    assert read(tmp_path / "other", file, **options).sha256
    assert not is_shared(tmp_path / "first", tmp_path / "other")


def test_files_that_are_divided_elsewhere_are_another_text(tmp_path: Path) -> None:
    texts = tmp_path / "text"
    whole = read(tmp_path / "1", write(texts / "a", "ab"), write(texts / "b", "c"))
    other = read(tmp_path / "2", write(texts / "a", "a"), write(texts / "b", "bc"))
    assert whole.sha256 == other.sha256
    assert whole.vocabulary.decode(whole.indices) == "ab\nc"
    assert other.vocabulary.decode(other.indices) == "a\nbc"


def test_a_text_that_differs_in_one_letter_is_another(tmp_path: Path) -> None:
    file = write(tmp_path / "text" / "a.txt", TEXT[:20_000] + "x")
    read(tmp_path / "1", file)
    write(file, TEXT[:20_000] + "y")
    corpus = read(tmp_path / "2", file)
    assert corpus.vocabulary.decode(corpus.indices)[-1] == "y"


def test_damaged_indices_are_not_taken_over(tmp_path: Path) -> None:
    file = write(tmp_path / "text" / "a.txt", TEXT[:20_000])
    read(tmp_path / "first", file)
    damaged = bytearray((tmp_path / "first" / INDICES_FILE).read_bytes())
    damaged[10_000] ^= 1
    (tmp_path / "first" / INDICES_FILE).write_bytes(damaged)
    again = read(tmp_path / "again", file)
    assert again.vocabulary.decode(again.indices) == TEXT[:20_000]
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == [
        INDICES_FILE,
        DESCRIPTION_FILE,
    ]


def test_files_of_others_that_happen_to_have_that_name_do_no_harm(tmp_path: Path) -> None:
    for number, data in enumerate([b"[1, 2]", b"{", b"\xff\xfe", b"{}", b" " * 2**21, b"7"]):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / DESCRIPTION_FILE).write_bytes(data)
    (tmp_path / "folder" / DESCRIPTION_FILE).mkdir(parents=True)
    file = write(tmp_path / "text" / "a.txt", TEXT[:20_000])
    assert len(read(tmp_path / "run", file).indices) == 20_000
    read(tmp_path / "again", file)
    assert is_shared(tmp_path / "run", tmp_path / "again")


def test_where_there_are_no_links_the_indices_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    file = write(tmp_path / "text" / "a.txt", TEXT[:20_000])
    read(tmp_path / "first", file)
    description = tmp_path / "first" / DESCRIPTION_FILE
    known = json.loads(description.read_text(encoding="utf-8"))
    known["folding"] = "as the first run said"
    description.write_text(json.dumps(known), encoding="utf-8")
    monkeypatch.setattr(os, "link", no_link)
    again = read(tmp_path / "again", file)
    assert again.notes == ("as the first run said",)
    assert not is_shared(tmp_path / "first", tmp_path / "again")
    assert again.vocabulary.decode(again.indices) == TEXT[:20_000]


def test_runs_that_start_at_once_all_get_the_whole_text(tmp_path: Path) -> None:
    text = TEXT * 3
    file = write(tmp_path / "text" / "a.txt", text)
    program = (
        "run = Path(sys.argv[2])\n"
        "run.with_suffix('.ready').touch()\n"
        "while not (run.parent / 'go').exists(): time.sleep(0.001)\n"
        "prepare(run)"
    )
    runs = [tmp_path / str(number) for number in range(3)]
    children = [start(program, file, run) for run in runs]
    while not all(run.with_suffix(".ready").exists() for run in runs):
        time.sleep(0.001)
    (tmp_path / "go").touch()
    for child in children:
        child.communicate()
        assert child.returncode == 0
    expected = read(tmp_path / "alone", file)
    assert expected.vocabulary.decode(expected.indices[-len(TEXT) :]) == TEXT
    digest = hashlib.sha256(expected.indices.tobytes()).digest()
    for run in runs:
        assert hashlib.sha256((run / INDICES_FILE).read_bytes()).digest() == digest


@pytest.mark.long
def test_a_run_that_is_deleted_while_others_take_its_text_over_does_no_harm(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "text" / "a.txt", TEXT)
    whole = read(tmp_path / "run-0", file)
    digest = hashlib.sha256(whole.indices.tobytes()).hexdigest()
    program = (
        "import hashlib\n"
        "for number in range(1, 30):\n"
        "    indices = prepare(Path(sys.argv[2]) / f'run-{number}').indices\n"
        "    assert hashlib.sha256(indices.tobytes()).hexdigest() == sys.argv[3]\n"
    )
    child = start(program, file, tmp_path, digest)
    deleted = 0
    while child.poll() is None:
        runs = sorted(tmp_path.glob("run-*"), key=lambda run: int(run.name[4:]))
        for run in runs[:-1]:
            if (run / DESCRIPTION_FILE).exists():
                shutil.rmtree(run)
                deleted += 1
    child.communicate()
    assert child.returncode == 0
    assert deleted > 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_run_killed_while_it_encodes_leaves_no_text(tmp_path: Path) -> None:
    pipe, run = tmp_path / "pipe", tmp_path / "run"
    os.mkfifo(pipe)
    child = start("prepare(Path(sys.argv[2]))", pipe, run)
    with open(pipe, "wb") as writer:
        writer.write(TEXT.encode())
        writer.flush()  # what a pipe holds is less: the child has read most of it
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert list(run.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit on a file's size")
@pytest.mark.parametrize("others", [0, 1])
def test_a_full_disk_is_one_error_and_no_part_of_the_text_stays(
    tmp_path: Path, others: int
) -> None:
    file = write(tmp_path / "text" / "a.txt", TEXT)
    for number in range(others):  # a link takes no room, so there the limit doesn't matter
        read(tmp_path / f"other-{number}", file)
    program = (
        "import os, resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "run = Path(sys.argv[2])\n"
        "try: prepare(run)\n"
        "except OSError as error: print(error.strerror, error.filename)\n"
        "print(sorted(os.listdir(run)))"
    )  # the system then refuses to write, as it does when the disk is full
    run = tmp_path / "run"
    output = start(program, file, run).communicate()[0].decode()
    if others:
        assert output == f"['{INDICES_FILE}', '{DESCRIPTION_FILE}']\n"
    else:
        assert output == f"File too large {run / INDICES_FILE}\n[]\n"
