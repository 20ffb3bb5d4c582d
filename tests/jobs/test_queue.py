"""A run that takes too long or doesn't hear Stop can't hold up those behind it, nor outlive a page.

Children are real, and made deaf by SIGSTOP, as a long regular expression makes them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs import JobError
from jobs.queue import MOST_WAITING, STOP_WITHIN_S, RunQueue, check_turn, last_words
from tests.training_run import corpus_in, in_phase, settings, wait_until
from training.run import has_begun, read_run, write_settings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")

ENDLESS = 10**6  # steps
LEAST_MINUTES = 0.01


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Runs that end only when they are stopped."""
    made = [tmp_path / name for name in ("first", "second")]
    for folder in made:
        folder.mkdir()
        asked = settings(corpus_in(folder), steps=ENDLESS, minutes=LEAST_MINUTES, patience=0)
        write_settings(folder, asked)
    return made


@contextmanager
def serving(folders: list[Path], spare_s: float = 600) -> Iterator[RunQueue]:
    queue = RunQueue(lambda: folders, spare_s)
    try:
        yield queue
    finally:
        queue.close()


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def deafened(folder: Path, is_time: Callable[[], object]) -> int:
    """Wait until it is time, and stop the process that trains there; returns its id."""
    wait_until(is_time)
    pid = read_run(folder).pid
    os.kill(pid, signal.SIGSTOP)
    return pid


def learns(folder: Path) -> Callable[[], bool]:
    return lambda: read_run(folder).step > 0


def test_a_run_that_does_not_hear_stop_is_killed_and_the_next_one_begins(
    folders: list[Path],
) -> None:
    first, second = folders
    with serving(folders) as queue:
        queue.start(first)
        queue.start(second)
        pid = deafened(first, learns(first))
        asked = time.monotonic()
        queue.stop(first)
        wait_until(lambda: is_gone(pid))
        assert time.monotonic() - asked >= STOP_WITHIN_S
        assert "didn't stop when it was asked to" in (last_words(first) or "")
        wait_until(learns(second))
        queue.stop(second)
        wait_until(in_phase(second, "stopped"))  # as one that hears it does
        assert read_run(second).has_model


@pytest.mark.long
def test_a_run_that_has_heard_stop_may_finish_its_model(folders: list[Path]) -> None:
    run = folders[0]
    with serving(folders) as queue:
        queue.start(run)
        wait_until(learns(run))
        queue.stop(run)
        pid = deafened(run, in_phase(run, "scoring", "examining"))
        enough = time.monotonic() + STOP_WITHIN_S + 2
        wait_until(lambda: time.monotonic() > enough)
        assert not is_gone(pid)
        os.kill(pid, signal.SIGCONT)
        wait_until(in_phase(run, "stopped"))
        assert read_run(run).training["judgement"]


@pytest.mark.long
def test_a_run_that_takes_too_long_is_stopped(folders: list[Path]) -> None:
    run = folders[0]
    with serving(folders, spare_s=20) as queue:
        queue.start(run)
        wait_until(in_phase(run, "stopped"))  # which nobody has asked for
        assert read_run(run).has_model


@pytest.mark.long
def test_a_run_that_takes_too_long_and_is_deaf_is_killed(folders: list[Path]) -> None:
    run = folders[0]
    with serving(folders, spare_s=5) as queue:
        queue.start(run)
        pid = deafened(run, lambda: read_run(run).pid)
        wait_until(lambda: is_gone(pid))
        assert "much longer than it was meant to" in (last_words(run) or "")


@pytest.mark.parametrize("is_deaf", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_page_that_ends_leaves_no_process_and_the_run_can_be_continued(
    folders: list[Path], is_deaf: bool
) -> None:
    run, waits = folders
    with serving(folders) as queue:
        queue.start(run)
        queue.start(waits)
        wait_until(learns(run))
        pid = read_run(run).pid
        if is_deaf:
            os.kill(pid, signal.SIGSTOP)
        queue.close()
        assert is_gone(pid)
    assert read_run(run).can_continue
    assert not has_begun(waits)
    with serving(folders) as another:
        another.start(run)
        wait_until(lambda: read_run(run).pid != pid and read_run(run).phase == "training")
        later = read_run(run).pid
        another.end(run)
        assert is_gone(later)


@pytest.mark.long
def test_a_page_that_ends_takes_the_deaf_run_of_an_earlier_page_with_it(
    folders: list[Path],
) -> None:
    run = folders[0]
    with serving(folders) as earlier:
        earlier.start(run)
        wait_until(learns(run))
        with serving(folders) as page:
            wait_until(lambda: page.waiting(run))
            pid = deafened(run, learns(run))
        wait_until(lambda: is_gone(pid))


def test_only_so_many_wait_of_one_address_and_of_all() -> None:
    check_turn(["a", "b", None], "a")
    with pytest.raises(JobError, match="wait for one of them, or delete it"):
        check_turn(["a", "b", "a"], "a")
    everybody: list[str | None] = [f"visitor {n}" for n in range(MOST_WAITING)]
    check_turn(everybody, "another")  # one of them is trained
    with pytest.raises(JobError, match="20 runs are waiting already: try again later"):
        check_turn([*everybody, "one more"], "another")
    check_turn(["me"] * MOST_WAITING, None)  # on one's own computer
