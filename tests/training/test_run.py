"""A run's folder: one writer, many readers."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from training.run import (
    METRICS_FILE,
    RunError,
    RunWriter,
    Settings,
    TrainingError,
    read_lines,
    read_settings,
    read_state,
    request_stop,
)


def test_settings_can_be_stored_and_pickled(tmp_path: Path) -> None:
    settings = Settings(("a.txt", "b"), minutes=2.5, hidden_size=7)
    with RunWriter(tmp_path) as writer:
        writer.settings(settings)
    assert read_settings(tmp_path) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_a_folder_that_is_no_run_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run's folder"):
        read_settings(tmp_path)
    (tmp_path / "settings.json").write_text('{"corpus": ["a"], "magic": 1}', encoding="utf-8")
    with pytest.raises(RunError, match="not what this version writes"):
        read_settings(tmp_path)
    (tmp_path / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="is damaged"):
        read_settings(tmp_path)


def test_there_is_one_writer_at_a_time(tmp_path: Path) -> None:
    with (
        RunWriter(tmp_path),
        pytest.raises(RunError, match="another process is training"),
        RunWriter(tmp_path),
    ):
        pass
    with RunWriter(tmp_path):
        assert (tmp_path / "writer.lock").exists()


def test_readers_follow_the_log_and_never_see_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / METRICS_FILE
    assert list(read_lines(path)) == []
    with RunWriter(tmp_path) as writer:
        writer.metrics(step=1)
        writer.metrics(step=2, note="é")
        with open(path, "a", encoding="utf-8") as file:
            file.write('{"step": 3')
        read = list(read_lines(path))
        assert [line["step"] for line, _ in read] == [1, 2]
        with open(path, "a", encoding="utf-8") as file:
            file.write("}\n")
        assert [line["step"] for line, _ in read_lines(path, read[-1][1])] == [3]
        writer.truncate_logs(step=2)
        assert [line["step"] for line, _ in read_lines(path)] == [1, 2]


def test_a_stop_request_is_a_file_and_an_older_one_does_not_count(tmp_path: Path) -> None:
    request_stop(tmp_path)
    with RunWriter(tmp_path) as writer:
        assert not writer.stop_requested()
        request_stop(tmp_path)
        assert writer.stop_requested()
        writer.state("stopped", "enough", step=3)
    state = read_state(tmp_path)
    assert (state["phase"], state["message"], state["step"]) == ("stopped", "enough", 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": 0},
        {"minutes": float("nan")},
        {"steps": 0},
        {"held_out": 0.6},
        {"dropout": 1.0},
        {"hidden_size": 0},
        {"seed": -1},
        {"errors": "ignore"},
        {"corpus": ()},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, object]) -> None:
    name = next(iter(wrong))
    with pytest.raises(TrainingError, match=name):
        Settings(**{"corpus": ("a",), **wrong})  # type: ignore[arg-type]
