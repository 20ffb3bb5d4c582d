"""A run whose files were damaged: it goes on to the same weights, or says why it can't."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reference import TEXT
from tests.training_run import stopped_when, weights_digest
from training.__main__ import main
from training.checkpoint import CHECKPOINTS_FOLDER
from training.run import Settings, read_state
from training.trainer import train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that ran through, and one with two checkpoints that was stopped on its way."""
    place = tmp_path_factory.mktemp("runs")
    (place / "text.txt").write_text(TEXT[:30_000], encoding="utf-8")
    asked = Settings(
        (str(place / "text.txt"),), steps=150, hidden_size=16, batch_size=8, threads=1,
        precision="float32", patience=0,
    )  # fmt: skip
    assert train(asked, place / "whole") == "done"
    stopped = place / "stopped"

    def has_two() -> bool:
        return len(list((stopped / CHECKPOINTS_FOLDER).glob("*.json"))) >= 2

    with stopped_when(has_two, stopped):
        assert train(asked, stopped) == "stopped"
    assert read_state(stopped)["step"] < 150
    return place / "whole", stopped


@pytest.fixture
def stopped(runs: tuple[Path, Path], tmp_path: Path) -> Path:
    return shutil.copytree(runs[1], tmp_path / "run")


def flip_weights(run: Path) -> None:
    for path in (run / CHECKPOINTS_FOLDER).glob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(data)


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        flip_weights,
        write("state.json", ""),
        write("state.json", "[1]"),
        write("metrics.jsonl", '5\n{"st'),
    ],
    ids=["all checkpoints", "empty state", "state of another kind", "metrics"],
)
def test_what_can_be_done_without_is_and_the_weights_are_the_same(
    damage: Callable[[Path], object], stopped: Path, runs: tuple[Path, Path]
) -> None:
    damage(stopped)
    main(["--resume", str(stopped)])
    assert weights_digest(stopped) == weights_digest(runs[0])


def test_without_a_whole_checkpoint_it_says_that_it_begins_anew(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_weights(stopped)
    main(["--resume", str(stopped)])
    said = capsys.readouterr().err
    assert "is damaged: going back to the one before" in said
    assert "Note: no checkpoint is whole: beginning anew" in said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("settings.json", '{"corpus": 5}', "settings.json is not what this version writes"),
        ("settings.json", '{"corpus": ["a"], "minutes": "x"}', "settings.json is not what"),
        ("settings.json", "[]", "settings.json is not what this version writes"),
        ("plan.json", "{}", "plan.json is not what this version writes"),
        ("plan.json", '{"recipe": null}', "plan.json is not what this version writes"),
        ("corpus.json", "{}", "corpus.json is not what this version writes"),
        ("corpus.json", '{"vocabulary": [1, 2]}', "corpus.json is not what this version writes"),
        ("corpus.json", "", "corpus.json is damaged"),
    ],
)
def test_what_cannot_be_done_without_is_named_and_nothing_is_overwritten(
    name: str, content: str, message: str, stopped: Path
) -> None:
    (stopped / name).write_text(content, encoding="utf-8")
    checkpoints = {path: path.read_bytes() for path in (stopped / CHECKPOINTS_FOLDER).iterdir()}
    with pytest.raises(SystemExit) as refused:
        main(["--resume", str(stopped)])
    assert message in str(refused.value.code)
    assert "\n" not in str(refused.value.code)
    assert (stopped / name).read_text("utf-8") == content
    after = {path: path.read_bytes() for path in (stopped / CHECKPOINTS_FOLDER).iterdir()}
    assert after == checkpoints
