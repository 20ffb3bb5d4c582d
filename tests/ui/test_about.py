"""What the page says about a model comes from its config, whoever wrote that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.config import ModelConfig
from model.dialogue import ChatTemplate
from tests.running_app import small_model
from ui.about import describe_model, examples, heading

CONFIG = small_model().config


def trained(**facts: object) -> ModelConfig:
    return replace(CONFIG, training=facts)


def test_it_says_what_the_network_is_and_links_to_the_hub_it_came_from() -> None:
    config = trained(corpus="plays.txt", val_loss=1.3987)
    local = describe_model(config, None)
    for fact in ("1 LSTM layer of 32", "plays.txt", "1.3987 nats per character"):
        assert fact in local
    assert "<a" not in local
    assert '/ann/plays"' in describe_model(config, "ann/plays")
    assert "A small neural network trained on plays.txt. It continues" in heading(config)


def test_a_strangers_config_puts_no_markup_on_the_page() -> None:
    evil = "<img src=x onerror=alert(1)>"
    config = trained(corpus=evil, license=evil, date=evil, val_loss=evil, samples=evil)
    assert "<img" not in describe_model(config, evil) + heading(config)


PLAY = "\nI do.\n\nROMEO:\nWhat light is this?\n\nJULIET:\nO Romeo.\n\nROMEO:\nMy love.\n"


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([{"prompt": "KING:", "text": PLAY}], ["KING:", "ROMEO:", "JULIET:", "What light "]),
        ([{"text": None}, 5, {"prompt": 3}], ["The ", "Once upon a time"]),
        # none with a character that the model lacks
        ([{"prompt": "Ünïcödé:", "text": "Ärger:\n"}], ["The ", "Once upon a time"]),
    ],
)
def test_examples_are_beginnings_that_the_model_has_written_itself(
    samples: object, found: list[str]
) -> None:
    assert examples(trained(samples=samples), None) == found


def test_in_a_dialogue_examples_are_lines_that_the_model_has_written_itself() -> None:
    template = ChatTemplate("ROMEO:\n", speakers=("JULIET", "ROMEO"), user_speaker="ROMEO")
    config = trained(samples=[{"text": PLAY}, {"text": 5}])
    assert examples(config, template) == ["O Romeo.", "What light is this?", "My love."]
    assert examples(trained(), template) == []


def test_of_a_list_examples_are_how_its_items_begin() -> None:
    config = replace(trained(samples=[{"text": "Anna\nBo\nAnton\nCleo\n"}]), is_list=True)
    assert examples(config, None) == ["An", "Bo", "Cl"]
    assert "It writes new items of a list, one character at a time" in heading(config)
