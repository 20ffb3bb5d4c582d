"""Dialogue: turns become one text."""

from __future__ import annotations

from model.dialogue import ChatTemplate, Turn, conversation_text


def test_without_a_template_turns_are_joined_exactly_as_shown() -> None:
    turns = [Turn("user", "Once "), Turn("assistant", "upon a"), Turn("user", " time\n")]
    assert conversation_text(turns) == "Once upon a time\n"
    assert conversation_text([]) == ""


def test_a_template_puts_its_text_around_turns() -> None:
    template = ChatTemplate("You: ", "\n", "Me: ", "\n")
    turns = [Turn("user", "Hi"), Turn("assistant", "Hello"), Turn("user", "Bye")]
    assert conversation_text(turns, template) == "You: Hi\nMe: Hello\nYou: Bye\nMe: "


def test_an_answer_that_stands_last_is_gone_on_with() -> None:
    template = ChatTemplate("You: ", "\n", "Me: ", "\n")
    turns = [Turn("user", "Hi"), Turn("assistant", "Hel")]
    assert conversation_text(turns, template) == "You: Hi\nMe: Hel"
