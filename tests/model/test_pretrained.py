"""The bundled models: small, good, credited, and made by the commands that the Makefile holds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from model.folder import BASE_MODEL, BUNDLED_MODEL, CARD_FILE, load_model
from model.generator import Generator
from model.sampling import SamplingParams

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize(("folder", "at_most"), [(BUNDLED_MODEL, 1.351), (BASE_MODEL, 1.16)])
def test_a_bundled_model_is_small_and_was_measured(folder: Path, at_most: float) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12_000_000
    assert load_model(folder).config.training["val_loss"] <= at_most


@pytest.mark.parametrize(
    ("folder", "credit"), [(BUNDLED_MODEL, "Karpathy"), (BASE_MODEL, "Public domain")]
)
def test_its_card_credits_the_text_and_names_no_path(folder: Path, credit: str) -> None:
    card = (folder / CARD_FILE).read_text(encoding="utf-8")
    training = load_model(folder).config.training
    for part in (credit, training["corpus_sha256"], f"--steps {training['steps']}"):
        assert part in card
    assert not re.search(r"/(home|tmp|work|root)/", card)


@pytest.mark.parametrize(("folder", "name"), [(BUNDLED_MODEL, "PRETRAINED"), (BASE_MODEL, "BASE")])
def test_make_runs_the_recorded_command(folder: Path, name: str) -> None:
    flags = re.search(rf"^{name} = ((?:.*\\\n)*.*)$", MAKEFILE.read_text("utf-8"), re.MULTILINE)
    assert flags is not None
    asked = shlex.split(flags[1].replace("\\\n", " "))
    recorded = shlex.split(load_model(folder).config.training["command"])
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
