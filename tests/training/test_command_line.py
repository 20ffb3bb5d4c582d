"""python -m training, as a person uses it: a child process, real signals, a real Hub double."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from model.folder import load_model
from tests.hub_server import HubServer
from tests.reference import TEXT
from tests.training_run import planned_as, weights_digest
from training.__main__ import build_parser, free_folder, main, shown_command
from training.checkpoint import CHECKPOINTS_FOLDER, load_checkpoint
from training.run import SETTINGS_FILE, RunWriter, Settings, read_state

ROOT = Path(__file__).parents[2]
SMALL = ["--hidden_size", "32", "--threads", "1"]


ASKED = ["--steps", "200", *SMALL]


def written(folder: Path) -> Path:
    path = folder / "my novel.txt"
    path.write_text(TEXT[:60_000], encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return written(tmp_path)


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "training", *map(str, arguments)]


def run(
    *arguments: str | Path, folder: Path = ROOT, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    child = subprocess.run(
        command(*arguments), cwd=folder, env=environment, input=stdin, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    stderr = child.stderr.decode()
    assert "Traceback" not in stderr, stderr
    return subprocess.CompletedProcess(child.args, child.returncode, child.stdout.decode(), stderr)


@dataclass(frozen=True)
class Finished:
    """A run that ran through, in its default folder; what it said."""

    corpus: Path
    folder: Path
    said: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Every test that only needs a run which is done looks at this one."""
    place = tmp_path_factory.mktemp("finished")
    corpus = written(place)
    child = run(corpus, *ASKED, folder=place)
    assert child.returncode == 0, child.stderr
    return Finished(corpus, place / "runs" / "my novel", child.stderr)


def test_a_text_becomes_a_model_in_one_command(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = finished.said
    for part in ("54,000 characters to learn of 60,000", "Recipe: 1 layer of 32", "held out"):
        assert part in said
    assert re.search(r"Held out: \d\.\d{4} nats per character \(\d\.\d{3} bits\)", said)
    assert re.search(r"with \d\.\d\d of \d+ cores busy", said)
    assert re.search(r"\d bits\) with the state reset every 256 characters", said)
    names = ("this model", "a 5-gram with back-off", "xz", "single characters", "guessing blindly")
    compared = ", ".join(rf"{name} \d\.\d\d" for name in names)
    assert re.search(f"Bits per character: {compared}\n", said)
    words = " ".join(said.split())
    training = load_model(finished.folder).config.training
    for sentence in training["judgement"]:
        assert f"- {sentence}" in words
    expected = "python -m training 'my novel.txt' --hidden_size 32 --steps 200 --threads 1"
    assert sorted(training["command"].split()) == sorted(expected.split())
    monkeypatch.chdir(finished.corpus.parent)
    assert free_folder("my novel.txt") == Path("runs/my novel-2")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_what_comes_through_a_pipe_is_named_like_standard_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe:[123]")
    assert free_folder(str(tmp_path / "pipe:[123]")) == free_folder("-")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
def test_ctrl_c_stops_cleanly_and_resume_ends_in_the_same_weights(
    finished: Finished, tmp_path: Path
) -> None:
    stopped = planned_as(finished.folder, tmp_path / "stopped")
    shutil.copy(finished.folder / SETTINGS_FILE, stopped)
    child = subprocess.Popen(command("--resume", stopped), cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list((stopped / CHECKPOINTS_FOLDER).glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors.decode()
    assert f"--resume {stopped}" in errors.decode()
    assert read_state(stopped)["phase"] == "stopped"
    assert 0 < load_model(stopped).config.training["steps"] < 200

    resumed = run("--resume", stopped)
    assert resumed.returncode == 0, resumed.stderr
    assert weights_digest(stopped) == weights_digest(finished.folder)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
def test_ctrl_c_while_the_model_is_judged_leaves_the_model_and_resume_judges_it(
    tmp_path: Path,
) -> None:
    corpus, out = tmp_path / "long.txt", tmp_path / "run"
    corpus.write_text(TEXT, encoding="utf-8")  # which takes seconds to compare with
    child = subprocess.Popen(
        command(corpus, "--steps", "3", "--output", out, *SMALL), cwd=ROOT, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while read_state(out).get("phase") != "judging" and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors.decode()
    assert "The model is written" in errors.decode()
    before = load_model(out)
    assert "judgement" not in before.config.training
    resumed = run("--resume", out)
    assert resumed.returncode == 0, resumed.stderr
    after = load_model(out)
    assert after.config.training["judgement"]
    for name, weight in before.weights.items():
        np.testing.assert_array_equal(after.weights[name], weight)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit on a file's size")
def test_a_full_disk_is_said_and_the_last_checkpoint_stays(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
        "from training.__main__ import main; main()"
    )  # the system then refuses to write, as it does when the disk is full
    child = subprocess.Popen(
        command(corpus, "--steps", "200", "--output", out, *SMALL), cwd=ROOT, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not list((out / CHECKPOINTS_FOLDER).glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    child.communicate()
    before, _ = load_checkpoint(out)
    assert before is not None
    full = subprocess.run(
        [sys.executable, "-c", limited, "--resume", str(out)], cwd=ROOT, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    message = full.stderr.decode()
    assert full.returncode == 1
    assert "Traceback" not in message
    assert "What was saved before is whole" in message
    after, notes = load_checkpoint(out)
    assert after is not None
    assert (after.facts, notes) == (before.facts, [])
    assert run("--resume", out).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a CORPUS"),
        (["nowhere.txt"], "nowhere.txt doesn't exist"),
        (["{corpus}", "--minutes", "0"], "--minutes must be from"),
        (["{corpus}", "--dropout", "2"], "--dropout must be from"),
        (["{corpus}", "--patience", "-1"], "--patience must be from"),
        (["{corpus}", "--device", "abacus"], "invalid choice: 'abacus'"),
        (["{corpus}", "--precision", "tf32"], "--precision tf32 is for CUDA GPUs"),
        (["{corpus}", "--init_from", "nowhere/at/all"], "--init_from nowhere/at/all: "),
        (["{corpus}", "--steps", "1.5"], "invalid int value"),
        (["{corpus}", "--output", "{folder}"], "exists and is no run's folder"),
        (["--resume", "{folder}"], "is no run's folder"),
        (["--resume", "{finished}"], "is finished"),
        (["--resume", "{finished}", "--minutes", "3"], "leave out --minutes"),
        (["{corpus}", "--output", "{finished}"], "holds a run already"),
        (["{corpus}", "--push_to_hub"], "--push_to_hub needs --hub_model_id"),
        (["{corpus}", "--hub_model_id", "ann/x"], "goes with --push_to_hub"),
        (["{corpus}", "--hub_space_id", "ann/x"], "goes with --push_to_hub"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_left(
    corpus: Path,
    finished: Finished,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = corpus.parent
    before = sorted(folder.rglob("*")), sorted(finished.folder.rglob("*"))
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as refused:
        main([a.format(corpus=corpus, folder=folder, finished=finished.folder) for a in arguments])
    told = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    told += [line for line in str(refused.value.code).splitlines() if "error: " in line]
    assert len(told) == 1
    assert message in told[0]
    assert (sorted(folder.rglob("*")), sorted(finished.folder.rglob("*"))) == before


def test_the_card_shows_the_command_without_paths_or_tokens() -> None:
    arguments = ["/home/ann/secret/novel.txt", "--minutes", "3", "--output", "/home/ann/x"]
    arguments += ["--push_to_hub", "--hub_model_id", "ann/novel", "--hub_token", "hf_secret"]
    assert shown_command(arguments) == "python -m training novel.txt --minutes 3.0"
    assert shown_command([".", "-"]) == f"python -m training {Path.cwd().name} -"


def test_the_card_shows_the_name_of_a_model_that_was_begun_from_and_not_its_place() -> None:
    folder = ROOT / "model" / "pretrained"
    shown = shown_command(["novel.txt", "--init_from", str(folder)])
    assert shown == "python -m training novel.txt --init_from pretrained"
    shown = shown_command(["novel.txt", "--init_from", "ann/novel"])
    assert shown == "python -m training novel.txt --init_from ann/novel"


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit on a file's size")
def test_wherever_the_disk_is_full_the_run_can_be_gone_on_with(
    corpus: Path, tmp_path: Path
) -> None:
    asked: list[str | Path] = [corpus, "--steps", "60", *SMALL]
    whole, out = tmp_path / "whole", tmp_path / "full"
    assert run(*asked, "--output", whole).returncode == 0
    for limit in (30, 700, 3_000, 61_000, 160_000, 300_000):
        limited = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
            "from training.__main__ import main; main()"
        )
        begun = out.exists()
        arguments = ["--resume", out] if begun else [*asked, "--output", out]
        child = subprocess.run(
            [sys.executable, "-B", "-c", limited, *map(str, arguments)], cwd=ROOT,
            capture_output=True, check=False, timeout=120,
        )  # fmt: skip
        assert child.returncode == 1, limit
        assert "Traceback" not in child.stderr.decode()
        assert "error: File too large" in child.stderr.decode()
        assert not (out / "model").exists()
    assert run("--resume", out).returncode == 0
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (whole, out)]
    assert weights[0] == weights[1]


def test_every_flag_is_explained() -> None:
    for action in build_parser()._actions:
        assert action.help, action.dest


def test_a_folder_that_another_process_writes_in_is_left_alone(
    hub: HubServer, repo_id: str, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    push = ["--push_to_hub", "--hub_model_id", repo_id, "--yes"]
    settings = Settings((str(corpus),), steps=3)
    with RunWriter(out) as writer:
        writer.settings(settings)
        before = sorted(out.iterdir())
        child = run("--resume", out, *push)
        assert child.returncode != 0
        assert "another process is training in" in child.stderr
        assert sorted(out.iterdir()) == before
    assert not hub.requests


def test_standard_input_becomes_a_model_on_the_hub(
    hub: HubServer, repo_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    text = "café au lait, " * 500
    asked: list[str | Path] = ["-", "--steps", "3", "--output", out, *SMALL]
    refused = run(*asked, stdin=text.encode("cp1252"))
    assert refused.returncode != 0
    assert "at offset 3" in refused.stderr
    assert not out.exists()  # so the next try finds it free
    asked += ["--encoding", "cp1252", "--push_to_hub", "--hub_model_id", repo_id, "--yes"]
    child = run(*asked, stdin=text.encode("cp1252"))
    assert child.returncode == 0, child.stderr
    training = load_model(out).config.training
    assert training["corpus_characters"] == len(text)
    assert training["command"].startswith("python -m training - ")
    assert "This becomes public" in child.stdout
    assert f"Published: {hub.url}/{repo_id}" in child.stderr
    generated = subprocess.run(
        [sys.executable, "-m", "model", "generate", repo_id, "--length", "20", "--seed", "1"],
        cwd=ROOT, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert generated.returncode == 0, generated.stderr.decode()
    assert len(generated.stdout.decode()) == 21


def test_what_the_hub_will_refuse_is_known_before_training_starts(
    hub: HubServer, repo_id: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    asked: list[str | Path] = [corpus, "--steps", "1000000", "--output", out, "--push_to_hub"]
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    child = run(*asked, "--hub_model_id", repo_id, "--yes")
    assert child.returncode != 0
    assert "may only read" in child.stderr
    monkeypatch.setenv("HF_TOKEN", "hf_ann")
    child = run(*asked, "--hub_model_id", repo_id)
    assert child.returncode != 0
    assert "add --yes, or --private" in child.stderr
    assert not out.exists()
    assert not hub.requests or all("commit" not in str(request) for request in hub.requests)
