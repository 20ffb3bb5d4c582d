"""A run with a deadline has written its model before it, and can be gone on with later."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from model.folder import load_model
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from training.deadline import Deadline
from training.plan import Plan
from training.recipe import choose
from training.run import SETTINGS_FILE, Settings, read_state, write_json
from training.trainer import train
from training.zero_gpu import is_zero_gpu, issue_ticket, train_on_gpu, withdraw_ticket

LETTERS = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))
RECIPE, _ = choose(Settings(("x",), steps=1_000), 1_000_000, LETTERS, lambda _: 1.0, "float32")


@pytest.fixture
def asked(tmp_path: Path) -> Settings:
    path = tmp_path / "reference.txt"
    path.write_text(TEXT[:60_000], encoding="utf-8")
    return Settings(
        (str(path),),
        steps=100_000,
        patience=0,
        threads=1,
        hidden_size=32,
        batch_size=4,
        sequence_length=32,
    )


@pytest.mark.parametrize(
    ("done", "seconds", "steps"),
    [
        (100, 6.0, 1_000),  # as fast as planned
        (100, 7.2, 1_000),  # a fifth slower, which may come right
        (100, 8.0, 750),
        (500, 30.5, 1_000),
        (500, 33.0, 909),
        (900, 59.0, 915),
        (990, 70.0, 991),
        (100, 5.0, 1_000),  # a fifth faster
        (100, 4.0, 1_500),
        (300, 12.0, 1_500),
        (350, 14.0, 1_000),  # too late to be raised
        (100, 1.0, 1_900),  # no more than `most`
    ],
)
def test_the_steps_of_a_minute_follow_the_pace(done: int, seconds: float, steps: int) -> None:
    plan, pace = Plan(RECIPE, 1_000), seconds / done
    assert Deadline(None).steps_in_time(plan, done, seconds, pace, 60.0, most=1_900) == steps
    if steps < 1_000:
        amended = plan.amended(done, steps)
        assert Deadline(None).steps_in_time(amended, done, seconds, pace, 60.0, 1_900) == steps


def test_steps_that_were_lost_to_others_come_back_when_these_are_gone() -> None:
    cut = Plan(RECIPE, 1_000).amended(100, 300)  # when it was five times slower
    deadline = Deadline(None)
    assert deadline.steps_in_time(cut, 200, 40.0, 0.2, 60.0, most=1_900) == 300
    assert deadline.steps_in_time(cut, 200, 40.0, 0.05, 60.0, most=1_900) == 600
    assert deadline.steps_in_time(cut, 200, 40.0, 0.01, 60.0, most=1_900) == 1_000
    # A pace of late counts only for what is still to be done.
    assert deadline.steps_in_time(Plan(RECIPE, 1_000), 600, 50.0, 0.06, 60.0, most=1_900) == 766


def test_steps_are_raised_to_twice_at_most_and_a_deadline_allows_no_overrun() -> None:
    plan = Plan(RECIPE, 1_000)
    assert Deadline(None).steps_in_time(plan, 100, 1.0, 0.01, 60.0, most=9_999) == 2_000
    near = Deadline(60.0)
    near.expect(60.0)
    assert near.steps_in_time(plan, 100, 6.1, 0.061, 60.0, most=1_000) == 983


def test_the_model_is_written_before_the_deadline(asked: Settings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    began = time.monotonic()
    assert train(asked, run, deadline_s=7) == "stopped"
    assert time.monotonic() - began < 7
    state = read_state(run)
    assert 0 < state["step"] < state["total_steps"]
    assert load_model(run).config.training["val_loss"] > 0


def test_a_worker_goes_on_where_the_last_one_was_ended(asked: Settings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_json(run / SETTINGS_FILE, asdict(asked))
    steps = []
    for _ in range(2):
        assert train_on_gpu(str(run), 11, issue_ticket(run).name) == ""
        steps.append(read_state(run)["step"])
    assert 0 < steps[0] < steps[1]


def test_a_worker_says_why_it_failed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    empty = tmp_path / "empty.txt"
    empty.touch()
    write_json(run / SETTINGS_FILE, asdict(Settings((str(empty),))))
    problem = train_on_gpu(str(run), 60, issue_ticket(run).name)
    assert "empty" in problem
    assert str(run) not in problem
    assert read_state(run)["phase"] == "failed"


def test_a_worker_whose_ticket_was_withdrawn_does_nothing(asked: Settings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_json(run / SETTINGS_FILE, asdict(asked))
    ticket = issue_ticket(run)
    assert withdraw_ticket(ticket)
    assert not withdraw_ticket(ticket)
    assert train_on_gpu(str(run), 60, ticket.name) == ""
    assert [path.name for path in run.iterdir()] == [SETTINGS_FILE]


def test_a_deleted_run_is_not_made_again_by_a_late_worker(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train_on_gpu(str(run), 60, "gpu-ticket-0") == ""
    assert not run.exists()


def test_a_run_that_is_to_end_in_its_time_does_and_a_longer_one_is_stopped(
    asked: Settings, tmp_path: Path
) -> None:
    short = replace(asked, steps=None, minutes=0.3)
    assert train(short, tmp_path / "short", deadline_s=16) == "done"  # 18 s were asked for
    longer = replace(short, minutes=2.0)
    assert train(longer, tmp_path / "long", deadline_s=10) == "stopped"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("", False)])
def test_zero_gpu_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", value)
    assert is_zero_gpu() is expected
