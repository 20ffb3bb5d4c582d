"""The bundled model: small, good, credited, and made by the command that the Makefile holds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from model.folder import BUNDLED_MODEL, CARD_FILE, load_model
from model.generator import Generator
from model.sampling import SamplingParams

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_the_bundled_model_is_small_and_was_measured() -> None:
    size = sum(path.stat().st_size for path in BUNDLED_MODEL.iterdir())
    assert size <= 12_000_000
    assert load_model(BUNDLED_MODEL).config.training["val_loss"] <= 1.37


def test_its_card_credits_the_text_and_names_no_path() -> None:
    card = (BUNDLED_MODEL / CARD_FILE).read_text(encoding="utf-8")
    training = load_model(BUNDLED_MODEL).config.training
    for part in ("Karpathy", training["corpus_sha256"], f"--steps {training['steps']}"):
        assert part in card
    assert not re.search(r"/(home|tmp|work|root)/", card)


def test_make_pretrained_runs_the_recorded_command() -> None:
    flags = re.search(r"^PRETRAINED = ((?:.*\\\n)*.*)$", MAKEFILE.read_text("utf-8"), re.MULTILINE)
    assert flags is not None
    asked = shlex.split(flags[1].replace("\\\n", " "))
    recorded = shlex.split(load_model(BUNDLED_MODEL).config.training["command"])
    assert recorded[:3] == ["python", "-m", "training"]
    assert sorted(recorded[4:]) == sorted(asked)


def test_it_writes_plays() -> None:
    text = Generator.from_pretrained(BUNDLED_MODEL).generate(
        "ROMEO:\n", SamplingParams(length=2_000, temperature=0.5, seed=1)
    )
    speakers = re.findall(r"^[A-Z][A-Z ]+:$", text, re.MULTILINE)
    assert len(speakers) >= 3
    common = {"the", "and", "to", "of", "I", "you", "my", "that", "is", "in"}
    assert len(common & set(re.findall(r"[A-Za-z]+", text))) >= 8
