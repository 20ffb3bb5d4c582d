"""Texts become models in child processes: one at a time, stopped, deleted, and nobody else's."""

from __future__ import annotations

import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.limits import Limits
from jobs.service import TrainingService, View
from jobs.shelf import ShelfError
from model.sampling import SamplingParams
from tests.reference import TEXT
from tests.training_run import writing
from training.run import STOP_FILE, read_state

PATIENCE_S = 60


@pytest.fixture
def service(limits: Limits) -> Iterator[TrainingService]:
    service = TrainingService(replace(limits, minutes=10))
    yield service
    service.close()


@pytest.fixture
def secret(service: TrainingService) -> str:
    return service.new_secret()


def when(view: Callable[[], View | None], is_so: Callable[[View], bool]) -> View:
    """The view as soon as it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        now = view()
        if now is not None and is_so(now):
            return now
        time.sleep(0.05)
    raise AssertionError(f"it never came to that: {view()}")


def begun(service: TrainingService, secret: str, minutes: float) -> Callable[[], View | None]:
    run_id = service.take(secret, "reference.txt", TEXT[:30_000]).entry.id
    service.prepare(secret, run_id, minutes)
    service.work(secret, run_id)
    return lambda: service.view(secret, run_id)


def test_a_text_becomes_a_model_that_writes(
    service: TrainingService, secret: str, tmp_path: Path
) -> None:
    view = begun(service, secret, 0.02)
    done = when(view, lambda v: not v.is_active)
    assert (done.status.phase, done.status.message) == ("done", "")
    assert done.status.held_out_losses[-1][1] < done.status.train_losses[0][1]
    assert done.status.samples[0][1]
    assert not done.status.can_go_on
    generator = service.generator(secret, done.entry.id)
    assert len(generator.generate("The ", SamplingParams(length=20))) == 20
    (tmp_path / "no folder").touch()
    assert service.archive(done, tmp_path / "no folder") is None  # as where there is no room
    archive = service.archive(done, tmp_path)
    assert archive is not None
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"reference/config.json", "reference/model.safetensors"} <= names
    service.delete(secret, done.entry.id)
    assert not archive.exists()
    assert not done.entry.folder.exists()
    assert service.views(secret) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
def test_others_wait_their_turn_and_what_happens_to_one_is_told(
    service: TrainingService, secret: str
) -> None:
    first = begun(service, secret, 5)
    second_visitor, third_visitor = service.new_secret(), service.new_secret()
    second = begun(service, second_visitor, 5)
    third = begun(service, third_visitor, 5)
    assert when(first, lambda v: v.ahead == 0).is_active
    assert when(second, lambda v: v.ahead is not None).ahead == 1
    waiting = when(third, lambda v: v.ahead is not None)
    assert waiting.ahead == 2
    service.stop(third_visitor, waiting.entry.id)
    left = when(third, lambda v: v.ahead is None)
    assert (left.is_active, left.status.phase) == (False, "new")  # it may be asked for anew

    os.kill(read_state(when(first, has_begun).entry.folder)["pid"], signal.SIGKILL)
    killed = when(first, lambda v: not v.is_active)
    assert killed.status.phase == "failed"
    assert "ended from outside" in killed.status.message
    assert killed.status.can_go_on

    early = when(second, lambda v: v.ahead == 0)
    service.stop(second_visitor, early.entry.id)  # before anything is learnt
    stopped = when(second, lambda v: not v.is_active)
    assert (stopped.status.phase, stopped.status.step) == ("stopped", 0)
    service.prepare(third_visitor, left.entry.id, 5)
    service.work(third_visitor, left.entry.id)
    begins = when(third, lambda v: v.ahead == 0)
    service.delete(third_visitor, begins.entry.id)
    assert third() is None
    assert not begins.entry.folder.exists()


def has_begun(view: View) -> bool:
    """Whether its process has told its number."""
    return "pid" in read_state(view.entry.folder)


def test_a_page_that_is_started_anew_takes_over_what_goes_on_and_offers_what_waited(
    service: TrainingService, secret: str, limits: Limits
) -> None:
    runs = [service.take(secret, "reference.txt", TEXT[:5_000]).entry for _ in range(2)]
    for run in runs:
        service.prepare(secret, run.id, 5)
    with writing(runs[0].folder) as writer:  # as a page that was killed has left it
        anew = TrainingService(limits)
        going_on, waited = (anew.view(secret, run.id) for run in runs)
        assert going_on is not None
        assert waited is not None
        assert (going_on.ahead, going_on.status.phase) == (0, "training")
        assert (waited.is_active, waited.status.phase) == (False, "interrupted")
        assert "waited for its turn" in waited.status.message
        assert waited.status.can_go_on
        anew.work(secret, runs[1].id)
        assert when(lambda: anew.view(secret, runs[1].id), lambda v: v.is_active).ahead == 1
        anew.stop(secret, runs[0].id)
        assert (runs[0].folder / STOP_FILE).exists()
        anew.delete(secret, runs[0].id)
        assert writer.wait(PATIENCE_S) != 0
    assert not runs[0].folder.exists()
    when(lambda: anew.view(secret, runs[1].id), lambda v: v.ahead == 0)
    anew.close()


def test_what_is_anothers_or_too_much_is_refused(service: TrainingService, secret: str) -> None:
    run_id = service.take(secret, "a.txt", TEXT[:5_000]).entry.id
    for act in (service.stop, service.delete, service.work, service.generator):
        with pytest.raises(ShelfError, match="isn't here"):
            act(service.new_secret(), run_id)
    with pytest.raises(ShelfError, match="10 minutes at most"):
        service.prepare(secret, run_id, 11)
    with pytest.raises(ShelfError, match="no model yet"):
        service.generator(secret, run_id)


def test_what_is_no_text_leaves_nothing_behind(
    service: TrainingService, secret: str, limits: Limits, tmp_path: Path
) -> None:
    upload = tmp_path / "upload.bin"
    upload.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(ShelfError, match="binary") as refused:
        service.take(secret, "../../photo.jpg", upload)
    assert str(limits.folder) not in str(refused.value)
    assert not upload.exists()
    assert service.views(secret) == []
    assert [path for path in limits.folder.rglob("*") if path.is_file()] == []


def test_uploads_that_were_broken_off_are_swept(limits: Limits, tmp_path: Path) -> None:
    service = TrainingService(limits, tmp_path)
    left, coming, theirs = (tmp_path / name for name in ("tmpabc", "tmpdef", "novel.txt"))
    for file in (left, coming, theirs):
        file.touch()
    long_ago = time.time() - 7_200
    for file in (left, theirs):
        os.utime(file, (long_ago, long_ago))
    service.sweep()
    assert [file.exists() for file in (left, coming, theirs)] == [False, True, True]
