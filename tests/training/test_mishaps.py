"""python -m training where the terminal is impatient, streams are closed or memory is short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.reference import TEXT
from training.__main__ import main
from training.run import PLAN_FILE, SETTINGS_FILE, STOP_FILE, RunWriter, Settings, remove_unplanned

ROOT = Path(__file__).parents[2]
SMALL = ["--steps", "3", "--hidden_size", "8", "--threads", "1"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "novel.txt"
    path.write_text(TEXT[:20_000], encoding="utf-8")
    return path


def shell(line: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run python -m training with these words in a line of sh, where "$@" stands for them."""
    command = ["sh", "-c", line, "sh", sys.executable, "-m", "training", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_second_command_that_fails_leaves_the_first_ones_files(
    corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with RunWriter(out) as writer:
        writer.settings(Settings((str(corpus),), steps=3))
        remove_unplanned(out)
        assert (out / SETTINGS_FILE).exists()
        remaining = sorted(out.iterdir())
    remove_unplanned(out)
    assert remaining
    assert not out.exists()
    out.mkdir()
    (out / PLAN_FILE).write_text("{}", encoding="utf-8")
    remove_unplanned(out)
    assert (out / PLAN_FILE).exists()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
@pytest.mark.parametrize("wait_s", [0.0, 0.02])
def test_ctrl_c_twice_while_the_text_is_read_leaves_nothing(wait_s: float, tmp_path: Path) -> None:
    corpus, out = tmp_path / "long.txt", tmp_path / "some" / "run"
    corpus.write_text(TEXT * 40, encoding="utf-8")
    child = subprocess.Popen(
        [sys.executable, "-m", "training", corpus, "--output", out, *SMALL],
        cwd=ROOT, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (out / SETTINGS_FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    time.sleep(wait_s)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert "Traceback" not in errors.decode()
    assert child.returncode == 130, errors.decode()
    assert errors.decode().splitlines()[-1] == "Left."
    assert not (tmp_path / "some").exists()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
def test_ctrl_c_while_standard_input_is_read_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    child = subprocess.Popen(
        [sys.executable, "-m", "training", "-", "--output", out, *SMALL],
        cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (out / "stdin.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors.decode()
    assert not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
@pytest.mark.parametrize("is_own", [True, False])
def test_ctrl_c_is_a_stop_request_only_where_this_process_trains(
    is_own: bool, tmp_path: Path
) -> None:
    program = (
        "import json, os, signal, sys; from pathlib import Path\n"
        "from training.__main__ import stop_on_signals\n"
        "folder = Path(sys.argv[1]); pid = os.getpid() if sys.argv[2] == 'True' else 1\n"
        "(folder / 'state.json').write_text(json.dumps({'phase': 'training', 'pid': pid}))\n"
        "stop_on_signals(folder)\n"
        "try: os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt: sys.exit(7)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(is_own)]
    status = subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode
    assert (status, (tmp_path / STOP_FILE).exists()) == ((0, True) if is_own else (7, False))


@pytest.mark.skipif(os.name == "nt", reason="closes streams by a shell of Unix")
def test_closed_streams_are_told_or_done_without(corpus: Path, tmp_path: Path) -> None:
    refused = shell('exec "$@" <&-', "-", "--output", tmp_path / "one", *SMALL)
    assert refused.stderr == "error: there is no standard input to read: it is closed\n"
    assert not (tmp_path / "one").exists()
    done = shell('exec "$@" >&- 2>&-', corpus, "--output", tmp_path / "two", *SMALL)
    assert done.returncode == 0
    assert (tmp_path / "two" / "model").is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="the system limits memory as on Linux")
def test_too_little_memory_is_said_in_a_line(tmp_path: Path) -> None:
    corpus, out = tmp_path / "long.txt", tmp_path / "run"
    corpus.write_text(TEXT, encoding="utf-8")
    large = [*SMALL, "--hidden_size", "512", "--batch_size", "1024", "--sequence_length", "400"]
    refused = shell('ulimit -v 4000000; exec "$@"', corpus, "--output", out, *large)
    assert refused.returncode == 1, refused.stderr
    assert "Traceback" not in refused.stderr
    assert "there isn't enough memory for this: choose a smaller --hidden_size" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["", "--steps", "3"], "the name of a CORPUS is empty"),
        (["{corpus}", "--steps", "9" * 401], "--steps must be from 1 to 1,000,000,000"),
        (["{corpus}", "--seed", "9" * 401], "--seed must be from 0 to"),
    ],
    ids=["no name", "steps", "seed"],
)
def test_values_that_no_one_means_are_refused(
    arguments: list[str], message: str, corpus: Path
) -> None:
    with pytest.raises(SystemExit) as refused:
        main([argument.format(corpus=corpus) for argument in arguments])
    assert message in str(refused.value.code)
