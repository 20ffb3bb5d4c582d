"""Several processes train one network: real torchrun, gloo, and what happens when one is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from model.char_lstm import CharLSTM
from model.folder import load_model
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from tests.training_run import weights_digest
from training.checkpoint import CHECKPOINTS_FOLDER
from training.distributed import Group
from training.learner import Learner
from training.recipe import choose
from training.run import METRICS_FILE, Settings, TrainingError, read_lines, read_state

ROOT = Path(__file__).parents[2]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone"]  # at a port that is free
SIZES = "--hidden_size 48 --batch_size 16 --sequence_length 32"
SMALL = f"{SIZES} --threads 1 --precision float32".split()
DROPOUT = ["--dropout", "0.2", "--input_dropout", "0.1", "--num_layers", "2"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "novel.txt"
    path.write_text(TEXT[:120_000], encoding="utf-8")
    return path


def torchrun(processes: int, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start `torchrun -m training`, or one process without it."""
    launcher = [*TORCHRUN, "--nproc_per_node", str(processes)]
    command = [*(launcher if processes > 1 else []), "-m", "training", *map(str, arguments)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )


def finished(child: subprocess.Popen[bytes]) -> str:
    """What it said, when it has ended well."""
    _, errors = child.communicate(timeout=240)
    assert child.returncode == 0, errors.decode()
    return errors.decode()


def wait_for_new_checkpoints(run: Path, at_least: int, child: subprocess.Popen[bytes]) -> None:
    def checkpoints() -> set[str]:
        return {path.name for path in (run / CHECKPOINTS_FOLDER).glob("*.json")}

    deadline = time.monotonic() + 240
    seen = before = checkpoints()
    while len(seen - before) < at_least and time.monotonic() < deadline and child.poll() is None:
        seen = seen | checkpoints()
        time.sleep(0.005)
    assert child.poll() is None


def children_of(process: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(status.parent.name))
    return found


def test_a_part_of_a_batch_gets_the_masks_that_the_whole_gives_its_rows() -> None:
    torch.manual_seed(0)
    model = CharLSTM(5, 16, 2, dropout=0.5, input_dropout=0.3)
    batch = torch.randint(5, (12, 7))

    def logits(rows: torch.Tensor, part: tuple[int, int]) -> torch.Tensor:
        result: torch.Tensor = model(rows, None, torch.Generator().manual_seed(1), part)[0]
        return result

    whole = logits(batch, (0, 1))
    parts = [logits(batch[4 * k : 4 * k + 4], (k, 3)) for k in range(3)]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_streams_that_cannot_be_divided_equally_are_refused() -> None:
    group = Group(rank=0, size=3)
    group.refuse_uneven(33)
    with pytest.raises(TrainingError, match="32 streams can't be divided equally among 3"):
        group.refuse_uneven(32)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds threads as on Linux")
def test_no_thread_of_the_group_outlives_it(tmp_path: Path) -> None:
    script = tmp_path / "leave.py"
    script.write_text(
        """
import torch
from pathlib import Path
from training.distributed import join

def threads():
    return [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]

with join() as group:
    import torch._dynamo  # as torch's optimizers do when one is made
    group.average([torch.ones(3)])
    assert any("gloo" in name for name in threads()), threads()
assert not any("gloo" in name for name in threads()), threads()
""",
        encoding="utf-8",
    )
    command = [sys.executable, *TORCHRUN, "--nproc_per_node", "2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_two_processes_have_the_losses_of_one(corpus: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    asked: list[str | Path] = [corpus, "--steps", "200", *SMALL, *DROPOUT]
    finished(torchrun(1, *asked, "--output", one))
    said = finished(torchrun(2, *asked, "--output", two))
    assert said.count("Held out: ") == 1  # only the first process speaks

    def losses(run: Path, kind: str) -> np.ndarray:
        lines = [line for line, _ in read_lines(run / METRICS_FILE)]
        scored = {line["step"] for line in lines if "val_loss" in line}
        return np.array([line[kind] for line in lines if kind in line and line["step"] in scored])

    for kind in ("train_loss", "val_loss"):
        assert len(losses(one, kind)) == 8
        np.testing.assert_allclose(losses(one, kind), losses(two, kind), atol=1e-3, rtol=0)
    assert load_model(two).config.training["val_loss"] == pytest.approx(
        load_model(one).config.training["val_loss"], abs=1e-3
    )


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes as on Linux")
def test_a_lost_process_ends_all_and_the_run_goes_on_to_the_same_weights(
    corpus: Path, tmp_path: Path
) -> None:
    asked: list[str | Path] = [corpus, "--steps", "400", *SMALL, *DROPOUT]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finished(torchrun(2, *asked, "--output", whole))
    for start, victim_leads in ((asked, False), (["--resume"], True)):
        place: list[str | Path] = [broken] if start == ["--resume"] else ["--output", broken]
        child = torchrun(2, *start, *place)
        wait_for_new_checkpoints(broken, 2, child)
        leader = read_state(broken)["pid"]
        processes = children_of(child.pid)
        assert leader in processes
        assert len(processes) == 2
        victim = leader if victim_leads else next(p for p in processes if p != leader)
        os.kill(victim, signal.SIGKILL)
        _, errors = child.communicate(timeout=60)
        assert child.returncode != 0
        assert "another process of this run has ended" in errors.decode()
        assert not any(Path(f"/proc/{process}").exists() for process in processes)
        assert not (broken / "model").exists()
    finished(torchrun(2, "--resume", broken))
    assert weights_digest(broken) == weights_digest(whole)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
def test_ctrl_c_stops_all_cleanly_and_one_process_can_go_on(corpus: Path, tmp_path: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    asked: list[str | Path] = [corpus, "--steps", "400", *SMALL, *DROPOUT]
    finished(torchrun(1, *asked, "--output", whole))
    child = torchrun(2, *asked, "--output", run)
    wait_for_new_checkpoints(run, 2, child)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=120)
    assert "Stopped. Go on:" in errors.decode()
    assert read_state(run)["phase"] == "stopped"
    assert 0 < load_model(run).config.training["steps"] < 400
    finished(torchrun(1, "--resume", run))
    assert load_model(run).config.training["val_loss"] == pytest.approx(
        load_model(whole).config.training["val_loss"], abs=1e-3
    )


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
def test_ctrl_c_while_the_machine_is_timed_ends_all_at_once(corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = torchrun(2, corpus, "--minutes", "1", "--output", run, *SMALL)
    deadline = time.monotonic() + 60
    while read_state(run).get("phase") != "timing" and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.3)  # so that both are at it
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = child.communicate(timeout=60)
    assert time.monotonic() - began < 20  # torchrun kills after 30 seconds
    assert "Left." in errors.decode()
    assert not run.exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--batch_size", "15"], "15 streams can't be divided equally among 2 processes"),
        (["--encoding", "ascii"], "novel.txt is not ascii text"),
    ],
)
def test_what_the_first_process_refuses_ends_all_with_its_line(
    wrong: list[str], message: str, corpus: Path, tmp_path: Path
) -> None:
    corpus.write_text(TEXT[:5_000] + "café", encoding="utf-8")
    run = tmp_path / "run"
    child = torchrun(2, corpus, "--steps", "9", "--output", run, *SMALL, *wrong)
    _, errors = child.communicate(timeout=120)
    assert child.returncode != 0
    assert "error: process 1: the first process has ended: " in errors.decode()
    assert errors.decode().count(message) == 2
    assert not run.exists()


def test_a_state_of_all_streams_is_taken_back_by_each_process_for_its_own() -> None:
    text = TEXT[:5_000]
    vocabulary = Vocabulary.from_counts(Counter(text), 1)
    asked = Settings(("x",), steps=1, hidden_size=8, batch_size=6)
    recipe, _ = choose(asked, len(text), vocabulary, lambda _: 1.0, "float32")

    def learner(group: Group) -> Learner:
        indices = vocabulary.encode(text).indices
        return Learner(recipe, recipe.config(vocabulary), indices, seed=1, group=group)

    alone = learner(Group())
    alone.step(0, 1.0)
    saved = alone.tensors()
    states = []
    for rank in range(3):
        one = learner(Group(rank, 3))
        one.restore(saved)
        assert one.state is not None
        states.append(one.state)
    for whole, shares in zip(alone.state or (), zip(*states, strict=True), strict=True):
        assert torch.equal(torch.cat(shares, dim=1), whole)
