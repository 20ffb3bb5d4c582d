"""python -m training, as a person uses it: what it says, what it refuses, how it is stopped."""

from __future__ import annotations

import io
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from model.folder import load_model
from model.generator import Generator
from tests.reference import TEXT
from tests.training.conftest import Command
from tests.training_run import (
    FLAGS,
    corpus_in,
    ended,
    in_phase,
    settings,
    start,
    wait_until,
    weights_digest,
    when,
    writing,
)
from training.run import has_begun, read_run, read_settings
from training.train import train


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a run of 500 steps that ran through, and what it said."""
    place = tmp_path_factory.mktemp("finished")
    corpus = corpus_in(place, 60_000)
    status, said = ended(start(corpus, "--steps", "500", *FLAGS, folder=place))
    assert status == 0, said
    return place / "runs" / "my novel", said


def test_a_text_becomes_a_model_in_one_command(finished: tuple[Path, str]) -> None:
    run, said = finished
    assert "54,000 characters to learn of 60,000" in said
    assert "Recipe: 1 layer of 32, batch 8 x 32" in said
    assert re.search(r"Held out: \d\.\d{4} nats per character \(\d\.\d{3} bits\)", said)
    assert re.search(r"Training took \d+ s", said)
    assert said.splitlines()[-1].startswith("Publish: ")
    assert len(Generator.from_pretrained(run).generate("The ")) > 100
    begun = load_model(run).config.training["command"]
    assert begun.startswith("python -m training 'my novel.txt' --steps 500 ")
    assert str(run.parent) not in (run / "model" / "config.json").read_text(encoding="utf-8")


def test_five_of_the_samples_are_shown_and_none_begins_like_another(
    finished: tuple[Path, str],
) -> None:
    run, said = finished
    assert len(read_run(run).samples) == 20
    shown = re.findall(r"\n--- (\d+)%, step ([\d,]+), held out .* bits\)\n    (.*)", said)
    assert [int(step) for _, step, _ in shown] == [100, 200, 300, 400, 500]
    assert len({opening for _, _, opening in shown}) == 5


@pytest.mark.parametrize(
    ("characters", "share", "note"),
    [(30_000, 0, ""), (14, 0.1, "is too short to hold any of it out: nothing will be")],
)
def test_with_nothing_held_out_it_ends_well_and_says_that_nothing_was_measured(
    characters: int, share: float, note: str, tmp_path: Path, command: Command
) -> None:
    corpus, run = corpus_in(tmp_path, characters), tmp_path / "run"
    said, error = command(corpus, "--output", run, "--steps", "60", "--held_out", share, *FLAGS)
    assert error == ""  # and pytest lets no error pass of the thread that draws
    assert "Nothing was held out, so nothing was measured; the last weights are kept." in said
    assert f"{characters:,} characters to learn of {characters:,}" in said
    assert note in said
    assert re.search(r"\n--- 100%, step 60\n    \S", said)
    assert "nats" not in said
    facts = load_model(run).config.training
    assert (facts["val_loss"], facts["best_step"]) == (None, 60)


MISTAKES = [
    ([], "name a CORPUS"),
    ([""], "'' doesn't exist: name a text file"),
    (["nowhere.txt"], "'nowhere.txt' doesn't exist: name a text file"),
    (["{corpus}", "--steps", "9" * 401], "steps must be from 1 to 1,000,000,000"),
    (["{corpus}", "--device", "abacus"], "invalid choice: 'abacus'"),
    (["{corpus}", "--init_from", "nowhere/at/all"], "the model to start from can't be used"),
    (["{corpus}", "--output", "{corpus}"], "Not a directory ("),
    (["{corpus}", "--output", str(Path(__file__).parent)], "isn't a run's folder: choose another"),
    (["{corpus}", "--output", "{finished}"], "holds a run already: --resume"),
    (["--resume", "{folder}"], "is no run's folder"),
    (["--resume", "{finished}"], "is finished: to train it longer, add --minutes 10"),
    (["{corpus}", "--resume", "{finished}", "--seed", "3"], "my novel.txt --seed"),
    (["{corpus}", "--push_to_hub"], "--push_to_hub needs --hub_model_id"),
    (["{corpus}", "--hub_space_id", "ann/x"], "--hub_space_id goes with --push_to_hub"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_a_mistake_is_told_in_one_line_and_nothing_is_changed(
    words: list[str],
    message: str,
    finished: tuple[Path, str],
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = corpus_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    places = {"corpus": corpus, "folder": tmp_path, "finished": finished[0]}
    before = [sorted(place.rglob("*")) for place in (tmp_path, finished[0])]
    said, error = command(*(word.format(**places) for word in words))
    told = [line for line in f"{said}\n{error}".splitlines() if "error: " in line]
    assert len(told) == 1
    assert message in told[0]
    assert [sorted(place.rglob("*")) for place in (tmp_path, finished[0])] == before


def test_a_corrected_command_works_in_the_same_folder_and_reads_its_text_again(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = corpus_in(tmp_path)
    asked = [corpus, "--steps", "3", "--hidden_size", "8", "--threads", "1"]
    _, error = command(*asked, "--precision", "tf32")
    assert "can't train an LSTM in tf32" in error
    corpus.write_text("another text\n" * 100, encoding="utf-8")
    _, error = command(*asked)
    assert error == ""
    facts = load_model(tmp_path / "runs" / "my novel").config.training
    assert facts["corpus_characters"] == 1_300
    _, error = command(*asked)  # now its name is taken
    assert error == ""
    assert read_run(tmp_path / "runs" / "my novel-2").phase == "done"


def test_a_run_of_an_older_version_is_refused_in_one_line_while_its_model_loads(
    finished: tuple[Path, str], tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    corpus, old = corpus_in(tmp_path), tmp_path / "runs" / "my novel"
    shutil.copytree(finished[0], old)
    (old / "recipe.json").rename(old / "plan.json")
    before = sorted(old.rglob("*"))
    for words in (["--resume", old], ["--resume", old, "--minutes", "1"]):
        said, error = command(*words)
        assert error == (
            "error: this run was made by an older version and can't be continued; its model can "
            "still be used"
        )
    assert sorted(old.rglob("*")) == before
    said, error = command(corpus, "--steps", "3", "--init_from", old)
    assert error == ""
    assert "Model:   runs/my novel-2/model" in said


def test_standard_input_becomes_a_model(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "café au lait, " * 500
    for encoding, told in (("utf-8", "at offset 3"), ("cp1252", "")):
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("cp1252")), "utf-8")
        )
        _, error = command("-", "--steps", "3", *FLAGS, "--encoding", encoding)
        assert told in error
        assert bool(told) == bool(error)
    facts = load_model(tmp_path / "runs" / "stdin").config.training
    assert facts["corpus_characters"] == len(text)
    assert facts["command"].startswith("python -m training - ")


def test_without_torch_it_says_how_to_install_it_and_leaves_nothing(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path)
    words = [corpus, "--output", tmp_path / "run"]
    status, said = ended(start(*words, before="import sys; sys.modules['torch'] = None"))
    assert status == 1
    assert said.startswith("error: training needs torch: pip install -r requirements.txt")
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_ctrl_c_and_sigterm_stop_cleanly_and_resume_continues(
    tmp_path: Path, command: Command
) -> None:
    run, steps = tmp_path / "run", 0

    def is_learning() -> bool:
        status = read_run(run)
        return status.is_active and status.step > steps

    words: list[object] = [corpus_in(tmp_path), "--minutes", "10", "--output", run, *FLAGS]
    for number in (signal.SIGINT, signal.SIGTERM):
        with when(is_learning, partial(os.kill, os.getpid(), number)):
            said, error = command(*words)
        words = ["--resume", run]
        assert error == ""
        assert "Stopping and keeping the best weights" in said
        assert re.search(rf"\nStopped. Continue: .* -m training --resume {run}\n", said)
        assert read_run(run).phase == "stopped"
        assert load_model(run).config.training["steps"] > steps
        steps = load_model(run).config.training["steps"]
        with pytest.raises(KeyboardInterrupt):  # it has ended: there is nothing left to stop
            signal.raise_signal(signal.SIGINT)
        assert not (run / "stop").exists()


def test_a_second_ctrl_c_leaves_at_once_even_inside_a_long_step(tmp_path: Path) -> None:
    corpus, run = tmp_path / "long.txt", tmp_path / "run"
    corpus.write_text(TEXT, encoding="utf-8")
    slow = ["--hidden_size", "256", "--batch_size", "256", "--sequence_length", "256"]
    flags = ["--threads", "1", "--precision", "float32", "--dialogue", "off", "--steps", "1000"]
    child = start(corpus, "--output", run, *slow, *flags)
    wait_until(in_phase(run, "training"), child)
    time.sleep(0.5)  # it is in its first step now, which takes seconds
    child.send_signal(signal.SIGINT)
    wait_until((run / "stop").exists, child)
    child.send_signal(signal.SIGINT)
    status, said = ended(child)
    assert status == 130
    assert "\nLeft. What was saved before is whole; " in said
    assert not (run / "model").exists()


def test_a_folder_that_another_process_writes_in_is_left_alone(
    tmp_path: Path, command: Command
) -> None:
    run = tmp_path / "run"
    with writing(run):
        before = sorted(run.iterdir())
        for words in (["--resume", run], [corpus_in(tmp_path), "--output", run]):
            _, error = command(*words)
            assert error == f"error: another process is training in {run}"
        assert sorted(run.iterdir()) == before
    assert read_settings(run).corpus == ("text",)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the system limits memory as on Linux")
def test_too_little_memory_is_said_in_a_line(tmp_path: Path) -> None:
    corpus, little = corpus_in(tmp_path, 400_000), 4_000_000_000
    large = ["--hidden_size", "512", "--batch_size", "1024", "--sequence_length", "350"]
    words = [corpus, "--output", tmp_path / "run", "--steps", "3", "--threads", "1", *large]
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({little}, {little}))"
    status, said = ended(start(*words, before=limited))
    assert status == 1
    lacking = "no memory is left for this: choose a narrower network or a smaller batch"
    assert said.splitlines()[-1] == f"error: {lacking}"


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """The system refuses to write files longer than this, as it refuses when a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_wherever_the_disk_is_full_what_was_there_is_kept_and_the_run_can_be_continued(
    tmp_path: Path, command: Command
) -> None:
    corpus, whole, run = corpus_in(tmp_path), tmp_path / "whole", tmp_path / "full"
    train(settings(corpus, steps=60), whole)
    for limit in (30, 700, 3_000, 30_050, 160_000, 300_000):
        begun = [corpus, "--steps", "60", *FLAGS, "--output", run]
        with full_disk(limit):
            _, error = command(*(["--resume", run] if has_begun(run) else begun))
        assert error.startswith("error: File too large"), limit
        assert ("What was saved before is whole" in error) == has_begun(run)
        assert not (run / "model").exists()
        assert not list(run.rglob("*.tmp"))
    _, error = command("--resume", run)
    assert error == ""
    assert weights_digest(run) == weights_digest(whole)
