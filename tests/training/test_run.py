"""A run's folder: one writer, one reader, and a file to stop it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training_run import writing
from training.run import (
    Run,
    RunError,
    is_being_written,
    read_run,
    read_settings,
    request_stop,
    stop_requested,
)
from training.settings import Settings

ASKED = Settings(("a.txt", "b"), minutes=2.5, hidden_size=7)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no run's folder: it has no settings.json"),
        ("{", "settings.json in the run's folder is damaged"),
        ("[]", "settings.json in .* can't be used"),
        ('{"corpus": ["a"], "magic": 1}', "settings.json in .* can't be used: .*magic"),
        ('{"corpus": ["a"], "steps": 0}', "settings.json in .* can't be used: steps must be"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    content: str | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "settings.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=message):
        read_settings(tmp_path)


def test_there_is_one_writer_at_a_time_and_a_killed_one_is_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with writing(run, "scoring") as other:
        assert is_being_written(run)
        status = read_run(run)
        assert (status.phase, status.pid, status.progress) == ("scoring", other.pid, 1.0)
        assert status.is_active
        assert not status.can_continue
        with pytest.raises(RunError, match="another process is training in"), Run(run, ASKED):
            pass
    assert not is_being_written(run)
    status = read_run(run)
    assert (status.phase, status.is_active, status.can_continue) == ("interrupted", False, True)
    assert "the process was killed" in status.message
    request_stop(run)
    with Run(run, ASKED):
        assert is_being_written(run)
        assert stop_requested(run)
    assert not stop_requested(run)
    assert read_settings(run) == ASKED


def test_what_a_killed_writer_has_left_half_written_is_swept(tmp_path: Path) -> None:
    half = [".state.json.77.tmp", "checkpoints/step-000000007.tmp"]
    for name in (*half, "text/novel.tmp", "novel.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with Run(tmp_path, ASKED):
        assert not any((tmp_path / name).exists() for name in half)
    assert (tmp_path / "text" / "novel.tmp").exists()
    assert (tmp_path / "novel.tmp").exists()


def test_readers_follow_the_logs_and_never_see_half_a_line(tmp_path: Path) -> None:
    assert read_run(tmp_path).phase == "new"
    with Run(tmp_path, ASKED) as run:
        run.state("training", recipe="wide", notes=["a note"])
        for step in range(1, 5):
            run.log(step=step, seconds=2.0 * step, progress=step / 10, train_loss=4.0 - step,
                    characters_per_second=1_000 * step)  # fmt: skip
        run.log(step=4, val_loss=2.5)
        run.log("samples.jsonl", step=4, text="é")
        with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write('{"step": 5, "train')
        status = read_run(tmp_path)
        assert (status.step, status.progress, status.characters_per_second) == (4, 0.4, 4_000)
        assert status.train_losses == ((1, 3.0), (2, 2.0), (3, 1.0), (4, 0.0))
        assert (status.val_losses, status.samples) == (((4, 2.5),), ((4, "é"),))
        assert status.seconds_left == pytest.approx(12)  # of 20
        run.log(step=6, val_loss=1.0)  # behind the torn line, which is left out
        run.truncate_logs(step=2)
        assert [step for step, _ in read_run(tmp_path).train_losses] == [1, 2]
        assert (read_run(tmp_path).samples, read_run(tmp_path).val_losses) == ((), ())
        run.state("stopped", "enough", steps=3)
    status = read_run(tmp_path)
    assert (status.phase, status.message, status.notes) == ("stopped", "enough", ("a note",))
    assert status.facts["recipe"] == "wide"
