"""What the page says about a model comes from its config, whoever wrote that."""

from __future__ import annotations

from dataclasses import replace

from model.chat.dialogue import ChatTemplate
from model.config import ModelConfig
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


def test_a_strangers_config_puts_no_markup_on_the_page() -> None:
    evil = "<img src=x onerror=alert(1)>"
    config = trained(corpus=evil, license=evil, title=evil, val_loss=evil, starters=evil)
    assert "<img" not in describe_model(config, evil) + heading(config)


def test_examples_are_beginnings_of_its_own_text() -> None:
    template = ChatTemplate("ROMEO:\n", speakers=("JULIET", "ROMEO"), user_speaker="ROMEO")
    config = trained(starters=["O Romeo.", "Ünïcödé", " ", 5, "x" * 300])
    assert examples(config, None) == ["O Romeo.", "x" * 200]  # none that the model can't read
    play = replace(config, chat_template=template)
    assert examples(play, template) == ["O Romeo.", "x" * 200]
    assert examples(play, None)[0] == "ROMEO:\nO Romeo."
    assert examples(trained(starters={"a": 1}), None) == []


def test_the_heading_says_what_it_is_in_words() -> None:
    assert "trained on <b>Shakespeare</b>. It writes letter by letter" in heading(
        trained(title="Shakespeare", corpus="tiny.txt")
    )
    names = {
        "my_novel-final.v2.txt": "my novel final.v2",
        "a.md and 4 more files": "a and 4 more files",
    }
    for corpus, title in names.items():
        assert f"trained on <b>{title}</b>" in heading(trained(corpus=corpus))
    listed = heading(replace(trained(), is_list=True))
    assert "A tiny neural network. It makes up new items of a list letter by letter" in listed
