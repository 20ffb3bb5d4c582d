"""What the page says about a model comes from its config, whoever wrote that."""

from __future__ import annotations

from dataclasses import replace

from model.config import ModelConfig
from model.dialogue import ChatTemplate
from tests.running_app import small_model
from ui.about import describe_model, example_lines, example_prompts

CONFIG = small_model().config


def trained(**facts: object) -> ModelConfig:
    return replace(CONFIG, training=facts)


def test_it_says_what_the_network_is_and_how_well_it_does() -> None:
    text = describe_model(
        trained(corpus="plays.txt", corpus_characters=1_115_394, val_loss=1.3987), None
    )
    for fact in ("one LSTM layer of 32", "plays.txt (1,115,394 characters)", "1.399 nats"):
        assert fact in text
    assert "<a" not in text


def test_a_model_from_the_hub_has_a_link_to_its_repo() -> None:
    assert '/ann/plays"' in describe_model(CONFIG, "ann/plays")


def test_a_strangers_config_puts_no_markup_on_the_page() -> None:
    evil = "<img src=x onerror=alert(1)>"
    config = trained(corpus=evil, license=evil, date=evil, val_loss=evil, samples=evil)
    assert "<img" not in describe_model(config, evil)


def test_a_config_that_says_nothing_about_its_training_is_described_too() -> None:
    assert "weights" in describe_model(trained(), None)
    assert example_prompts(trained(samples=[{"text": None}, 5, {"prompt": 3}])) == [
        "The ",
        "Once upon a time",
    ]


def test_examples_are_beginnings_that_the_model_has_written_itself() -> None:
    play = "\nI do.\n\nROMEO:\nWhat light is this?\n\nJULIET:\nO Romeo.\n\nROMEO:\nMy love.\n"
    config = trained(samples=[{"prompt": "KING:", "text": play, "temperature": 0.8}])
    assert example_prompts(config) == ["KING:", "ROMEO:", "JULIET:", "What light "]


def test_things_to_say_are_lines_that_the_model_has_written_itself() -> None:
    play = "\nI do.\n\nROMEO:\nWhat light is this?\n\nJULIET:\nO Romeo.\n\nNURSE:\nMadam!\n"
    template = ChatTemplate("ROMEO:\n", speakers=("JULIET", "ROMEO"), user_speaker="ROMEO")
    config = replace(trained(samples=[{"text": play}, {"text": 5}]), chat_template=template)
    assert example_lines(config) == ["O Romeo.", "What light is this?"]
    assert example_lines(trained()) == []
    assert "JULIET, ROMEO" in describe_model(config, None)


def test_no_example_has_a_character_that_the_model_lacks() -> None:
    config = trained(samples=[{"prompt": "Ünïcödé:", "text": "Ärger:\n"}])
    assert example_prompts(config) == ["The ", "Once upon a time"]
