"""The examination of a model, from a text of a few words to one that holds more than words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from model.char_lstm import CharLSTM
from model.config import ModelConfig
from model.folder import Model
from model.generator import Generator
from tests.reference import TEXT
from training.evaluate import score, whole_spans
from training.report.examine import examine
from training.report.model import samples
from training.report.plot import loss_plot
from training.settings import Settings
from training.text.corpus import Corpus, read_corpus


def corpus_of(folder: Path, text: str, **options: Any) -> Corpus:
    (folder / "a.txt").write_text(text, encoding="utf-8")
    return read_corpus(Settings((str(folder / "a.txt"),), **options), folder)


def examined(corpus: Corpus, **facts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts about a network that has learnt nothing yet, and what its examination adds."""
    torch.manual_seed(1)
    config = ModelConfig(corpus.vocabulary, hidden_size=32)
    network = CharLSTM.from_config(config).eval()
    model = Model(config, {k: v.numpy() for k, v in network.state_dict().items()})
    val_loss = None
    if corpus.held_out:
        spans = whole_spans(len(corpus.train), len(corpus.indices))
        val_loss = score(network, corpus.indices, spans)
    training = {
        "steps": 10,
        "best_step": 10,
        "seconds": 20.0,
        "train_characters": len(corpus.train),
        "held_out_characters": corpus.held_out,
        "epochs": 5.0,
        "init_from": None,
        "val_loss": val_loss,
        "recipe": {"batch_size": 32, "sequence_length": 64, "dropout": 0.2, "taught_by": 0},
        "samples": samples(Generator(model), 100),
        **facts,
    }
    val_losses = [(5, 3.0), (10, 2.5)] if corpus.held_out else []
    added = examine(
        network, model, corpus, training, was_stopped=False, minutes=0.5, val_losses=val_losses
    )
    assert json.loads(json.dumps(added)) == added
    return training, added


def test_a_run_on_real_text_is_measured_and_diagnosed(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, TEXT[:60_000])
    training, added = examined(corpus, steps=1_000)
    assert added["train_part_loss"] == pytest.approx(training["val_loss"], abs=0.1)
    assert added["val_loss_reset_256"] == pytest.approx(training["val_loss"], abs=0.1)
    assert added["baselines"]["five_gram"] < training["val_loss"]
    copy = added["longest_copy"]
    assert copy["passage"] in TEXT[:54_000]
    assert copy["written"] == copy["compared"] == 6_000
    assert copy["passage"] == "" or len(copy["passage"]) == copy["length"]
    assert added["known_words"] is None  # it writes hardly a space
    assert added["judgement"][0].startswith("It would learn more with more time")
    assert added["advice"] == {"minutes": 1.0}
    wrote = [{"temperature": 0.5, "prompt": "", "text": "The object qqq is. "}]
    assert examined(corpus, samples=wrote)[1]["known_words"] == 0.75


@pytest.mark.parametrize("text", ["hello", "abababab" * 3, "the end " * 30])
@pytest.mark.parametrize("held_out", [0, 0.1])
def test_the_shortest_texts_are_examined_too(tmp_path: Path, text: str, held_out: float) -> None:
    corpus = corpus_of(tmp_path, text, held_out=held_out)
    _, added = examined(corpus)
    assert added["judgement"]
    assert (added["baselines"] is None) == (corpus.held_out == 0)
    assert (added["longest_copy"]["repeated"] is None) == (corpus.held_out == 0)


def test_white_space_is_no_passage_that_was_copied(tmp_path: Path) -> None:
    table = "".join(f"{n}{' ' * 90}{word}\n" for n, word in enumerate(TEXT[:20_000].split()))
    corpus = corpus_of(tmp_path, table)
    for text, passage in ((" " * 300, ""), (f"of{' ' * 90}Python{' ' * 300}", "Python")):
        wrote = [{"temperature": 0.5, "prompt": "", "text": text}]
        _, added = examined(corpus, samples=wrote)
        assert added["longest_copy"]["passage"].strip() == passage
        assert "It doesn't recite" in " ".join(added["judgement"])


def test_the_losses_are_drawn_without_a_display() -> None:
    train = [(step, 4 - step / 50) for step in range(1, 100)]
    for val in ([], [(50, 3.0), (99, 2.2)]):
        plot = loss_plot(train, val)
        assert plot is not None
        assert plot.startswith(b"\x89PNG")
    assert loss_plot([], []) is None
