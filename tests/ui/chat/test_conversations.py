"""A conversation goes to the browser and back unchanged; what no page of ours wrote is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from model.dialogue import ChatTemplate
from tests.random_model import random_model
from ui.chat.conversations import Conversation, model_key, read_conversation
from ui.chat.speakers import Speakers
from ui.chat.transcript import MAX_MESSAGES, MAX_TRANSCRIPT, Message

TALK = ChatTemplate(
    user_prefix="A: ",
    reply_prefix="B: ",
    speakers=("A", "B", "C"),
    stop=("\n",),
    user_speaker="A",
    reply_speaker="B",
)
CONFIG = random_model(template=TALK).config
KEY = model_key(CONFIG)
SAID = (
    Message("user", "<b>\t\r\n ü\u2028👩‍👩‍👧 ", "A"),
    Message("assistant", "", "C", is_whole=True, seeds=(5, -1)),
)


def test_every_form_comes_back_as_it_was() -> None:
    items = replace(CONFIG, chat_template=None, is_list=True)
    for speakers, config in (
        (Speakers(TALK, "A", "C"), CONFIG),
        (Speakers(), CONFIG),
        (Speakers(is_list=True), items),
    ):
        said = SAID if speakers.template else tuple(replace(m, speaker="") for m in SAID)
        conversation = Conversation(KEY, speakers, said)
        conversation.identify()
        text = json.dumps(conversation.to_json())
        assert read_conversation(text, KEY, config) == conversation
    assert model_key(items) != KEY


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "another"},
        {"id": "<b>"},
        {"id": ["a"]},
        {"is_dialogue": True, "model_speaker": "Dan"},
        {"visitor_speaker": ["A"]},
        {"messages": {}},
        {"messages": ["text"]},
        {"messages": [{}]},
        {"messages": [{"role": "system"}]},
        {"messages": [{"role": ["user"]}]},
        {"messages": [{"text": 5}]},
        {"messages": [{"text": "a" * (MAX_TRANSCRIPT + 1)}]},
        {"messages": [{"text": "\ud800"}]},
        {"messages": [{"speaker": "Dan"}]},
        {"messages": [{"is_whole": 1}]},
        {"messages": [{"seeds": ["<b>"]}]},
        {"messages": [{"seeds": [True]}]},
        {"messages": [{"seeds": [10**300]}]},
        {"messages": [{}] * (MAX_MESSAGES + 1)},
    ],
)
def test_what_no_page_has_written_is_refused(changes: dict[str, Any]) -> None:
    good = Conversation(KEY, Speakers(TALK, "A", "B"), SAID[:1], "abc").to_json()
    assert read_conversation(json.dumps(good), KEY, CONFIG)
    (message,) = good["messages"]
    if isinstance(messages := changes.get("messages"), list) and messages != [{}]:
        changes["messages"] = [m if isinstance(m, str) else {**message, **m} for m in messages]
    with pytest.raises(ValueError, match=r"."):
        read_conversation(json.dumps({**good, **changes}), KEY, CONFIG)


@pytest.mark.parametrize("text", ["", "null", "[]", '"a"', "[" * 90_000, "{}", "5", None, 7])
def test_what_is_no_conversation_at_all_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_conversation(text, KEY, CONFIG)


def test_a_dialogue_is_none_for_a_model_that_knows_none() -> None:
    text = json.dumps(Conversation(KEY, Speakers(TALK, "A", "B"), (), "abc").to_json())
    with pytest.raises(ValueError, match="no dialogue"):
        read_conversation(text, KEY, replace(CONFIG, chat_template=None))
