"""Texts become models in child processes: one at a time, stopped, deleted, and nobody else's."""

from __future__ import annotations

import os
import shutil
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs import JobError
from jobs.limits import Limits
from jobs.service import TrainingService
from jobs.store import StoredRun
from jobs.zero_gpu import call_seconds
from model.generator import Generator
from model.sampling import SamplingParams
from tests.finished_run import TRAINING, finish
from tests.random_model import saved_model
from tests.reference import TEXT
from tests.training_run import writing
from training.pretrained import load_pretrained
from training.run import STOP_FILE, read_settings, write_settings

PATIENCE_S = 60

Look = Callable[[], StoredRun | None]


@pytest.fixture
def service(limits: Limits, tmp_path: Path) -> Iterator[TrainingService]:
    service = TrainingService(replace(limits, minutes=10), tmp_path / "uploads")
    yield service
    service.close()


@pytest.fixture
def secret(service: TrainingService) -> str:
    return service.new_secret()


def when(look: Look, is_so: Callable[[StoredRun], bool]) -> StoredRun:
    """The run as soon as it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        run = look()
        if run is not None and is_so(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"it never came to that: {look()}")


def its_turn(run: StoredRun) -> bool:
    return run.is_active and "before it" not in run.waiting


def started(service: TrainingService, secret: str, minutes: float) -> tuple[str, Look]:
    address = secret  # each visitor has a network of their own
    run_id = service.take(secret, "reference.txt", TEXT[:30_000], address).id
    service.start(secret, run_id, minutes, address)
    return run_id, lambda: service.find(secret, run_id)


def test_a_text_becomes_a_model_that_writes_and_is_packed_again_when_it_has_learnt_more(
    service: TrainingService, secret: str, tmp_path: Path
) -> None:
    run_id, look = started(service, secret, 0.08)
    when(look, lambda r: r.status.step > 0)
    service.stop(secret, run_id)
    stopped = when(look, lambda r: not r.is_active)
    assert (stopped.status.phase, stopped.status.can_continue) == ("stopped", True)
    (tmp_path / "uploads").touch()
    assert service.archive(stopped) is None  # as where there is no room
    (tmp_path / "uploads").unlink()
    early = service.archive(stopped)
    assert early is not None
    assert service.archive(stopped) == early
    weights = zipfile.ZipFile(early).read("reference/model.safetensors")

    service.start(secret, run_id)
    done = when(look, lambda r: not r.is_active)
    assert (done.status.phase, done.status.can_continue) == ("done", False)
    generator = service.generator(secret, run_id)
    assert len(generator.generate("The ", SamplingParams(length=20))) == 20
    late = service.archive(done)
    assert late is not None
    assert zipfile.ZipFile(late).read("reference/model.safetensors") != weights
    assert list(tmp_path.rglob("*.zip")) == [late]
    service.delete(secret, run_id)
    with pytest.raises(JobError, match="isn't here any more"):
        service.generator(secret, run_id)
    assert not late.exists()
    assert not done.folder.exists()
    assert service.runs(secret) == []


def test_a_run_starts_from_another_model_and_is_trained_longer_from_the_same(
    service: TrainingService, secret: str, tmp_path: Path
) -> None:
    model = saved_model(tmp_path / "model", training={"corpus": "../a letter.txt"})
    first, _ = started(service, secret, 5)  # so that all else waits
    run = service.take(secret, "b.txt", TEXT[:5_000])
    service.start(secret, run.id, 0.5, "", Generator.from_pretrained(model))
    shutil.rmtree(model)
    settings = read_settings(run.folder)
    assert settings.init_from == str((run.folder / "start" / "a letter").resolve())
    assert load_pretrained(settings.init_from).name == "a letter"
    assert settings.command == ("python -m training b.txt --minutes 0.5 --init_from 'a letter'")

    service.stop(secret, run.id)
    finish(run.folder)
    write_settings(run.folder, settings)
    done = service.found(secret, run.id)
    assert service.longer(done) is None
    with pytest.raises(JobError, match="10 minutes at most"):
        service.train_longer(secret, run.id)
    assert len(service.runs(secret)) == 2
    for minutes, offered in ((11.0, None), (1.0, 1.0)):
        training = {**TRAINING, "advice": {"minutes": minutes}}
        saved_model(run.folder / "model", training=training)
        assert service.longer(service.found(secret, run.id)) == offered
    again = service.found(secret, service.train_longer(secret, run.id))
    assert (again.title, again.waiting) == ("b (2)", "1 run is before it")
    assert again.text.read_bytes() == run.text.read_bytes()
    longer = read_settings(again.folder)
    assert (longer.minutes, Path(longer.init_from).parents[1]) == (1.0, again.folder.resolve())
    for each in (again.id, run.id, first):
        service.delete(secret, each)


def test_a_call_is_as_long_as_the_run_that_it_begins(limits: Limits, tmp_path: Path) -> None:
    service = TrainingService(replace(limits, where="gpu", minutes=10), tmp_path)
    secret = service.new_secret()
    run = service.take(secret, "a.txt", TEXT[:5_000])
    service.start(secret, run.id, 0.5)
    assert service.found(secret, run.id).next_call_s == call_seconds(30, limits.call_seconds)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
def test_others_wait_their_turn_and_what_happens_to_one_is_told(
    service: TrainingService, secret: str
) -> None:
    _, first = started(service, secret, 5)
    when(first, its_turn)
    bob, eve = service.new_secret(), service.new_secret()
    bobs, second = started(service, bob, 5)
    eves, third = started(service, eve, 5)
    when(second, lambda r: r.waiting == "1 run is before it")
    when(third, lambda r: r.waiting == "2 runs are before it")
    service.stop(eve, eves)
    assert when(third, lambda r: not r.is_active).is_new  # it may be started later

    os.kill(when(first, lambda r: r.status.is_active).status.pid, signal.SIGKILL)
    killed = when(first, lambda r: not r.is_active)
    assert killed.status.phase == "interrupted"
    assert "was killed" in killed.status.message
    assert killed.status.can_continue

    when(second, its_turn)
    service.stop(bob, bobs)  # before anything is learnt
    stopped = when(second, lambda r: not r.is_active)
    assert (stopped.status.phase, stopped.status.step) == ("stopped", 0)
    service.start(eve, eves, 5)
    begins = when(third, its_turn)
    service.delete(eve, eves)
    assert third() is None
    assert not begins.folder.exists()


def test_a_page_that_is_restarted_waits_for_the_run_that_goes_on(
    service: TrainingService, secret: str, tmp_path: Path
) -> None:
    runs = [service.take(secret, "reference.txt", TEXT[:5_000]) for _ in range(2)]
    with writing(runs[0].folder) as writer:  # as a page that was killed has left it
        page = TrainingService(service.limits, tmp_path)
        going_on = page.find(secret, runs[0].id)
        assert going_on is not None
        assert (going_on.is_active, going_on.status.phase) == (True, "training")
        page.start(secret, runs[1].id, 5)
        when(lambda: page.find(secret, runs[1].id), lambda r: "1 run is before" in r.waiting)
        page.stop(secret, runs[0].id)
        assert (runs[0].folder / STOP_FILE).exists()
        page.delete(secret, runs[0].id)
        assert writer.wait(PATIENCE_S) != 0
    assert not runs[0].folder.exists()
    when(lambda: page.find(secret, runs[1].id), its_turn)
    page.close()


def test_a_child_that_fails_at_once_is_told_of(service: TrainingService, secret: str) -> None:
    run = service.take(secret, "reference.txt", TEXT[:5_000])
    (run.folder / "plan.json").touch()  # as an earlier version's run has one
    service.start(secret, run.id, 5)
    failed = when(lambda: service.find(secret, run.id), lambda r: not r.is_active)
    assert failed.status.phase == "failed"
    assert "made by an older version" in failed.status.message


def test_what_is_anothers_or_too_much_is_refused(service: TrainingService, secret: str) -> None:
    run_id = service.take(secret, "a.txt", TEXT[:5_000]).id
    for act in (service.stop, service.delete, service.start, service.generator):
        with pytest.raises(JobError, match="isn't here"):
            act(service.new_secret(), run_id)
    with pytest.raises(JobError, match="10 minutes at most"):
        service.start(secret, run_id, 11)
    with pytest.raises(JobError, match="no model yet"):
        service.generator(secret, run_id)


def test_one_address_has_few_runs_whatever_secrets_it_makes_up(service: TrainingService) -> None:
    def take(address: str) -> tuple[str, str]:
        secret = service.new_secret()
        return secret, service.take(secret, "a.txt", TEXT[:5_000], address).id

    runs = [take("8.8.8.8") for _ in range(service.limits.runs)]
    with pytest.raises(JobError, match=r"3 runs of yours.*delete one of them first"):
        take("8.8.8.8")
    others = take("9.9.9.9")
    for run in runs[:2]:
        service.start(*run, 5, "8.8.8.8")
    with pytest.raises(JobError, match="Two of your runs"):
        service.start(*runs[2], 5, "8.8.8.8")
    service.start(*others, 5, "9.9.9.9")
    service.delete(*runs[1])
    service.start(*runs[2], 5, "8.8.8.8")
    take("8.8.8.8")
    for run in (runs[2], others, runs[0]):
        service.delete(*run)


def test_on_ones_own_computer_only_the_number_of_runs_is_limited(tmp_path: Path) -> None:
    limits = Limits.from_environment({"TRAINING_FOLDER": str(tmp_path / "runs")}, None)
    own = TrainingService(limits, tmp_path / "uploads")
    runs = [own.take("", "a.txt", TEXT[:5_000], "127.0.0.1") for _ in range(4)]
    for run in runs:
        own.start("", run.id, 5, "127.0.0.1")
    for run in reversed(runs):
        own.delete("", run.id)
    own.close()


def test_what_is_no_text_leaves_nothing_behind(
    service: TrainingService, secret: str, limits: Limits, tmp_path: Path
) -> None:
    upload = tmp_path / "uploads" / "0a1b" / "upload.bin"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(JobError, match="binary") as refused:
        service.take(secret, "../../photo.jpg", upload)
    assert str(limits.folder) not in str(refused.value)
    assert not upload.exists()
    assert service.runs(secret) == []


def test_only_an_upload_of_ones_own_is_taken(
    service: TrainingService, secret: str, tmp_path: Path
) -> None:
    uploads = tmp_path / "uploads"
    theirs, link = uploads / "0a1b" / "theirs.txt", uploads / "2c3d" / "link.txt"
    for path in (theirs, link):
        path.parent.mkdir(parents=True)
    theirs.write_text(TEXT[:5_000], encoding="utf-8")
    (tmp_path / "own.txt").write_text("not uploaded", encoding="utf-8")
    link.symlink_to(tmp_path / "own.txt")
    for path in (
        uploads,
        theirs.parent,
        link,
        tmp_path / "own.txt",
        uploads / "x" / "..",
        Path("/"),
    ):
        with pytest.raises(JobError, match="no file that was uploaded"):
            service.take(secret, "a.txt", path)
    assert theirs.is_file()
    assert (tmp_path / "own.txt").is_file()
    assert service.take(secret, "a.txt", theirs).summary is not None


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
