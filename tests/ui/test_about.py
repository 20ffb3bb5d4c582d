"""What the page says about a model comes from its config, whoever wrote that."""

from __future__ import annotations

from dataclasses import replace

from model.config import ModelConfig
from model.dialogue import ChatTemplate
from tests.running_app import small_model
from ui.about import describe_model, example_lines, example_prompts, heading

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


def test_without_usable_samples_there_are_examples_all_the_same() -> None:
    usual = ["The ", "Once upon a time"]
    assert example_prompts(trained(samples=[{"text": None}, 5, {"prompt": 3}])) == usual
    foreign = trained(samples=[{"prompt": "Ünïcödé:", "text": "Ärger:\n"}])
    assert example_prompts(foreign) == usual  # none has a character that the model lacks
