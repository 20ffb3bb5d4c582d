"""The seed's lesson: "hell" becomes "ello", with the notebook's numbers and shapes."""

from __future__ import annotations

import pytest
import torch

from training import hello


def test_the_seeds_model_learns_hello() -> None:
    lesson = hello.prepare("hello")
    assert lesson.vocabulary.characters == ("e", "h", "l", "o")
    assert lesson.inputs.shape == (1, 4, 4)
    assert lesson.inputs.sum(dim=-1).tolist() == [[1, 1, 1, 1]]
    assert lesson.targets.tolist() == [[0, 2, 2, 3]]

    model, losses = hello.learn(lesson)
    assert isinstance(model.lstm, torch.nn.LSTM)
    assert model.lstm.batch_first
    assert isinstance(model.fc, torch.nn.Linear)
    logits, (h, c) = model(lesson.inputs)
    assert logits.shape == (1, 4, 4)
    assert h.shape == c.shape == (1, 1, hello.HIDDEN_SIZE) == (1, 1, 16)

    assert len(losses) == 300
    assert 1.2 < losses[0] < 1.7  # ln 4 = 1.39: it knows nothing yet
    assert losses[250] < 0.01
    assert hello.predict(model, lesson) == "ello"


def test_the_lesson_is_printed_stage_by_stage(capsys: pytest.CaptureFixture[str]) -> None:
    hello.main(["banana"])
    printed = capsys.readouterr().out
    for part in ("'a' -> 0, 'b' -> 1, 'n' -> 2", "(1, 5, 3)", "epoch 250", "'banan' -> 'anana'"):
        assert part in printed


def test_a_word_of_one_letter_is_refused_in_one_line() -> None:
    with pytest.raises(SystemExit, match="two characters"):
        hello.main(["x"])
