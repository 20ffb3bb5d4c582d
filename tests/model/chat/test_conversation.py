"""A conversation comes back as it was, can be written again, and strangers' ones are checked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from model.chat.conversation import (
    MAX_TRANSCRIPT,
    ROOM,
    Conversation,
    Message,
    Speakers,
    Stretch,
    Transcript,
    continuation,
    model_key,
    read_conversation,
    rewritten,
    size,
)
from model.chat.dialogue import ChatTemplate
from model.generator import Generator
from model.sampling import SamplingParams
from tests.random_model import random_model

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
PART = {"characters": 2, "length": 9, "seed": 3} | {
    "temperature": 1, "top_k": 0, "top_p": 1.0, "min_p": 0
}  # fmt: skip
USUAL = {"role": "assistant", "stretches": [PART], "others": [], "place": 0}
SAID = (
    Message("user", "<b>\t\r\n ü\u2028👩‍👩‍👧 ", "A"),
    Message("assistant", "", "C", True, (Stretch(0, SamplingParams(seed=5, top_k=3)),)),
)
VERSIONS = (
    SAID[0],
    replace(SAID[1], others=(SAID[1:], (SAID[1], replace(SAID[0], others=(SAID,)))), place=1),
)


def test_every_form_comes_back_as_it_was() -> None:
    items = replace(CONFIG, chat_template=None, is_list=True)
    for speakers, config in (
        (Speakers(TALK, "A", "C"), CONFIG),
        (Speakers(), CONFIG),
        (Speakers(is_list=True), items),
    ):
        said = VERSIONS if speakers.template else tuple(replace(m, speaker="") for m in SAID)
        conversation = Conversation(model_key(config), speakers, said)
        conversation.identify()
        text = json.dumps(conversation.to_json())
        assert read_conversation(text, config) == conversation
    assert model_key(items) != KEY
    assert size(VERSIONS) == 7 * ROOM + 3 * len(SAID[0].text)


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
        {"messages": [{"text": "a" * (2 * MAX_TRANSCRIPT + 1)}]},
        {"messages": [{"text": "\ud800"}]},
        {"messages": [{"speaker": "Dan"}]},
        {"messages": [{"is_whole": 1}]},
        {"messages": [{"stretches": ["<b>"]}]},
        {"messages": [{"stretches": 5}]},
        {"messages": [{"stretches": [{}]}]},
        {"messages": [{"stretches": [PART | {"seed": True}]}]},
        {"messages": [{"stretches": [PART | {"seed": None}]}]},
        {"messages": [{"stretches": [PART | {"seed": 10**300}]}]},
        {"messages": [{"stretches": [PART | {"temperature": -1}]}]},
        {"messages": [{"stretches": [PART | {"characters": -1}]}]},
        {"messages": [{"stretches": [PART | {"characters": 1.5}]}]},
        {"messages": [{"others": [[]]}]},
        {"messages": [{"others": [5]}]},
        {"messages": [{"others": {}}]},
        {"messages": [{"place": 1}]},
        {"messages": [{"place": "0"}]},
        {"messages": [{}] * (2 * MAX_TRANSCRIPT // ROOM + 1)},
    ],
)
def test_what_no_page_has_written_is_refused(changes: dict[str, Any]) -> None:
    good = Conversation(KEY, Speakers(TALK, "A", "B"), SAID[:1], "abc").to_json()
    (message,) = good["messages"]
    assert read_conversation(json.dumps(good | {"messages": [message | USUAL]}), CONFIG)
    if isinstance(messages := changes.get("messages"), list) and messages != [{}]:
        changes["messages"] = [m if isinstance(m, str) else {**message, **m} for m in messages]
    with pytest.raises(ValueError, match=r"."):
        read_conversation(json.dumps({**good, **changes}), CONFIG)


@pytest.mark.parametrize("text", ["", "null", "[]", '"a"', "[" * 90_000, "{}", "5", None, 7])
def test_what_is_no_conversation_at_all_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_conversation(text, CONFIG)


def test_a_dialogue_is_none_for_a_model_that_knows_none() -> None:
    silent = replace(CONFIG, chat_template=None)
    speakers = Speakers(TALK, "A", "B")
    text = json.dumps(Conversation(model_key(silent), speakers, (), "abc").to_json())
    with pytest.raises(ValueError, match="no dialogue"):
        read_conversation(text, silent)


@pytest.mark.parametrize("form", ["dialogue", "text", "list"])
def test_what_was_stopped_and_went_on_is_written_again_to_the_character(form: str) -> None:
    speakers = Speakers(TALK, "A", "C") if form == "dialogue" else Speakers(is_list=form == "list")
    generator = Generator(random_model(template=TALK, spread=0.3))
    transcript: Transcript = (Message("user", "Hi, b", speakers.visitor),)
    reply = Message("assistant", "", speakers.model)
    for seed, characters in ((1, 20), (7, 15)):
        params = SamplingParams(length=60, temperature=1.5, seed=seed)
        heard = (*transcript, reply) if reply.text else transcript
        written = "".join(continuation(generator, heard, speakers, speakers.model, params))
        more = written[:characters]
        stretches = (*reply.stretches, Stretch(len(more), params))
        reply = replace(reply, text=reply.text + more, stretches=stretches)
    conversation = Conversation(KEY, speakers, (*transcript, reply), "abc")
    afresh = Generator(random_model(template=TALK, spread=0.3))
    assert tuple(rewritten(conversation, afresh)) == conversation.transcript
    other = replace(reply, stretches=(replace(reply.stretches[0], params=params),))
    changed = replace(conversation, transcript=(*transcript, other))
    assert tuple(rewritten(changed, afresh))[1].text != reply.text
