"""What a page is told of a run follows from its folder alone, whatever state that is in."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from jobs.status import MOST_POINTS, UNFINISHED, Status, read_status
from tests.training_run import writing
from training.run import (
    METRICS_FILE,
    PLAN_FILE,
    SAMPLES_FILE,
    SETTINGS_FILE,
    STATE_FILE,
    RunWriter,
    Settings,
    write_json,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was asked for and hasn't begun."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_json(folder / SETTINGS_FILE, asdict(Settings(("novel.txt",))))
    return folder


def told(run: Path, phase: Any, message: str = "", **more: Any) -> None:
    with RunWriter(run) as writer:
        writer.state(phase, message, **more)


def logged(run: Path, name: str, *lines: dict[str, Any]) -> None:
    with open(run / name, "a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def step(number: int, speed: int = 1_000) -> dict[str, Any]:
    return {"step": number, "train_loss": 3 - number / 1_000, "characters_per_second": speed}


def test_what_has_not_begun_is_new(run: Path, tmp_path: Path) -> None:
    assert read_status(run, is_running=False) == Status("new")
    assert read_status(tmp_path, is_running=False).phase == "new"  # a text, and no run yet


def test_a_run_that_learns_tells_how_far_it_is(run: Path) -> None:
    told(run, "training", total_steps=300, chunk=2_000, notes=["a note"])
    logged(run, METRICS_FILE, step(10), step(20, 4_000), {"step": 20, "val_loss": 2.5})
    logged(run, SAMPLES_FILE, {"step": 10, "text": "ab"}, {"step": 20, "text": "cd"})
    status = read_status(run, is_running=True)
    assert (status.phase, status.step, status.total_steps) == ("training", 20, 300)
    assert status.seconds_left == 280 * 2_000 / 4_000
    assert status.characters_per_second == 4_000
    assert status.train_losses == ((10, 2.99), (20, 2.98))
    assert status.held_out_losses == ((20, 2.5),)
    assert status.samples == ((20, "cd"), (10, "ab"))
    assert status.notes == ("a note",)
    assert not status.has_model
    assert not status.can_go_on


def test_a_run_that_goes_on_has_lines_before_it_has_a_plan(run: Path) -> None:
    logged(run, METRICS_FILE, step(10))
    told(run, "training")
    status = read_status(run, is_running=True)
    assert (status.step, status.total_steps, status.seconds_left) == (10, 0, None)


def test_a_line_that_is_still_being_written_or_was_torn_is_left_out(run: Path) -> None:
    told(run, "training", total_steps=300, chunk=2_000)
    logged(run, METRICS_FILE, step(10))
    with open(run / METRICS_FILE, "a", encoding="utf-8") as file:
        file.write('{"step": 2\n{"step": 30, "train_loss"')
    assert read_status(run, is_running=True).train_losses == ((10, 2.99),)


def test_a_long_curve_is_thinned_evenly_and_keeps_its_end(run: Path) -> None:
    told(run, "training", total_steps=10_000, chunk=1)
    logged(run, METRICS_FILE, *map(step, range(1, 1_000)))
    points = [number for number, _ in read_status(run, is_running=True).train_losses]
    assert len(points) <= MOST_POINTS
    assert points[-1] == 999
    assert {after - before for before, after in pairwise(points)} == {4}


@pytest.mark.parametrize("phase", UNFINISHED)
def test_who_works_on_it_is_asked_of_the_lock_where_nobody_knows(run: Path, phase: str) -> None:
    told(run, phase, total_steps=9)
    left = read_status(run, is_running=False)
    assert left.phase == "interrupted"
    assert "last checkpoint is kept" in left.message
    assert left.can_go_on
    assert read_status(run, is_running=True).phase == phase


def test_a_process_that_nobody_here_has_started_is_seen(run: Path) -> None:
    with writing(run) as other:
        assert read_status(run, is_running=False).phase == "training"
        other.kill()
        other.wait()
        assert read_status(run, is_running=False).phase == "interrupted"


@pytest.mark.parametrize(
    ("phase", "done", "can_go_on"),
    [("stopped", 5, True), ("failed", 0, True), ("stopped", 9, False), ("done", 9, False)],
)
def test_what_can_learn_more_can_go_on(run: Path, phase: str, done: int, can_go_on: bool) -> None:
    told(run, phase, step=done, total_steps=9)
    assert read_status(run, is_running=False).can_go_on is can_go_on


def test_a_failure_is_told_without_the_servers_paths_and_the_command_line(run: Path) -> None:
    told(
        run,
        "failed",
        f"[Errno 28] No space left on device: '{run.resolve()}/checkpoints/a'. What was saved "
        f"before is whole; python -m training --resume {run.resolve()} goes on from there",
    )
    status = read_status(run, is_running=False)
    assert status.message == (
        "No space left on device: 'checkpoints/a'. What was learnt until the last checkpoint is "
        "kept"
    )
    told(run, "failed", f"another process is training in {run}")
    assert read_status(run, is_running=False).message == "another process is training in its folder"


def test_what_was_measured_is_told_once_the_run_has_ended(run: Path) -> None:
    (run / "model").mkdir()
    write_json(run / "model" / "config.json", {"training": {"judgement": ["Fitted well."]}})
    told(run, "judging", total_steps=9)
    assert read_status(run, is_running=True).training == {}
    for phase in ("done", "stopped"):
        told(run, phase, total_steps=9)
        status = read_status(run, is_running=False)
        assert status.has_model
        assert status.training == {"judgement": ["Fitted well."]}
    for damaged in ("{", "[]", '{"training": 7}'):
        (run / "model" / "config.json").write_text(damaged, encoding="utf-8")
        assert read_status(run, is_running=False).training == {}


def test_damaged_settings_are_a_failure_and_no_crash(run: Path) -> None:
    told(run, "done", total_steps=9)
    (run / SETTINGS_FILE).write_text("{", encoding="utf-8")
    status = read_status(run, is_running=False)
    assert status.phase == "failed"
    assert SETTINGS_FILE in status.message
    assert str(run.parent) not in status.message


@pytest.mark.parametrize("damaged", ["{", "", "[1]"])
def test_a_run_whose_state_is_damaged_can_be_gone_on_with(run: Path, damaged: str) -> None:
    told(run, "training", total_steps=9)
    (run / STATE_FILE).write_text(damaged, encoding="utf-8")
    assert read_status(run, is_running=False).phase == "new"
    (run / PLAN_FILE).write_text("{}", encoding="utf-8")
    assert read_status(run, is_running=False).phase == "interrupted"
    assert read_status(run, is_running=True).phase == "training"
