"""Several processes train one network: real torchrun, gloo, and what happens when one is lost."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from model.folder import load_model
from tests.training_run import (
    CHECKPOINTS_OFTEN,
    TINY,
    corpus_in,
    ended,
    in_phase,
    logged,
    settings,
    start,
    wait_for_checkpoint,
    wait_until,
    weights_digest,
)
from training.run import read_run, read_settings
from training.train import train

TORCHRUN = [
    *("-m", "torch.distributed.run", "--standalone"),  # at a port that is free
    *("--nproc_per_node", "2", "--no-python", sys.executable),
]
VARIED = {"dropout": 0.2, "input_dropout": 0.1, "num_layers": 2}
FLAGS = [word for name, value in {**TINY, **VARIED}.items() for word in (f"--{name}", str(value))]

torchrun = partial(start, launcher=TORCHRUN)


def children_of(process: int) -> list[int]:
    """The processes that a process has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(number) for number in children.split()]


def are_gone(processes: list[int]) -> bool:
    return not any(Path(f"/proc/{process}").exists() for process in processes)


def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    corpus, one, two = corpus_in(tmp_path), tmp_path / "one", tmp_path / "two"
    assert train(settings(corpus, steps=100, **VARIED), one) == "done"
    status, said = ended(torchrun(corpus, "--steps", "100", *FLAGS, "--output", two))
    assert status == 0
    assert said.count("Held out: ") == 1  # only the first process speaks
    alone, together = (logged(run, "val_loss") for run in (one, two))
    assert [step for step, _ in together] == [25, 50, 75, 100]
    assert dict(together) == pytest.approx(dict(alone), abs=1e-3)
    last, other = (load_model(run).config.training for run in (one, two))
    assert other["val_loss"] == pytest.approx(last["val_loss"], abs=1e-3)
    assert other["train_loss"] == pytest.approx(last["train_loss"], abs=1e-3)


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes as on Linux")
def test_a_lost_process_ends_all_and_the_run_continues_to_the_same_weights(
    tmp_path: Path,
) -> None:
    corpus, whole, broken = corpus_in(tmp_path), tmp_path / "whole", tmp_path / "broken"
    asked = [corpus, "--steps", "500", "--patience", "0", *FLAGS]
    assert ended(torchrun(*asked, "--output", whole))[0] == 0

    for words in ([*asked, "--output", broken], ["--resume", broken]):
        child = torchrun(*words, before=CHECKPOINTS_OFTEN)
        wait_for_checkpoint(broken, child)
        leader, processes = read_run(broken).pid, children_of(child.pid)
        assert leader in processes
        assert len(processes) == 2
        is_first = "--output" in words
        os.kill(next(p for p in processes if (p != leader) == is_first), signal.SIGKILL)
        child.communicate(timeout=240)
        assert child.returncode != 0
        wait_until(partial(are_gone, processes))
        assert not (broken / "model").exists()
        assert read_run(broken).can_continue
    assert ended(torchrun("--resume", broken))[0] == 0
    assert weights_digest(broken) == weights_digest(whole)


@pytest.mark.long
def test_ctrl_c_stops_all_cleanly_and_one_process_can_continue(tmp_path: Path) -> None:
    corpus, run, whole = corpus_in(tmp_path), tmp_path / "run", tmp_path / "whole"
    assert train(settings(corpus, steps=400, **VARIED), whole) == "done"
    child = torchrun(corpus, "--steps", "400", *FLAGS, "--output", run)
    wait_until(in_phase(run, "training"), child)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=240)
    assert read_run(run).phase == "stopped"
    assert 0 < load_model(run).config.training["steps"] < 400
    assert train(read_settings(run), run) == "done"
    losses = [load_model(place).config.training["val_loss"] for place in (run, whole)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
