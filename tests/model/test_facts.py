"""What a model is, said in the same words in the terminal and on the page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from model.facts import model_facts
from model.schema import TRAINING
from tests.random_model import random_model, saved_model
from tests.running_app import ROOT


def test_a_models_facts_are_said_in_plain_words() -> None:
    training = {
        "corpus": "plays.txt",
        "corpus_characters": 1_115_394,
        "val_loss": 1.3987,
        "steps": 7_843,
        "seconds": 519.0,
        "date": "2026-11-25T22:07:10+00:00",
        "license": "mit",
    }
    config = random_model(num_layers=2, embedding_size=8, training=training).config
    facts = dict(model_facts(config))
    assert facts["Network"] == "2 LSTM layers of 24, embedding of 8"
    assert facts["Trained on"] == "plays.txt (1,115,394 characters)"
    assert facts["Held-out loss"] == "1.3987 nats per character (2.018 bits)"
    assert facts["Training"] == "7,843 steps, 8.7 minutes, 2026-11-25"
    assert facts["Licence"] == "mit"


@pytest.mark.parametrize("wrong", [None, True, ["x"], {}, 10**400, float("nan"), "\x1b[2J"])
def test_a_strangers_facts_of_any_type_are_survived(wrong: object) -> None:
    facts = model_facts(random_model(training=dict.fromkeys(TRAINING, wrong)).config)
    assert [label for label, _ in facts[:3]] == ["Network", "Parameters", "Characters"]
    assert all(value.isprintable() for _, value in facts)


def test_the_terminal_shows_them_continues_a_text_and_says_in_a_line_what_is_wrong(
    tmp_path: Path,
) -> None:
    folder = str(saved_model(tmp_path / "model", training={"corpus": "plays.txt"}))
    shown = run("info", folder).stdout.splitlines()
    assert shown[0] == folder
    assert "Trained on    plays.txt" in shown
    written = run("generate", folder, "--prompt", "The €", "--length", "20", "--seed", "1")
    assert written.stdout.startswith("The €")
    assert len(written.stdout) == len("The €") + 20 + 1
    assert "doesn't know every character of the prompt: “€” left out" in written.stderr
    refused = run("generate", folder, "--prompt", "The", "--top_p", "7")
    assert refused.returncode == 1
    assert refused.stderr == "error: top_p must be a number from 0 to 1, not 7.0\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "model", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
