"""A conversation: what was said, what each answer was written with, and how an answer is written.

As JSON it is what a browser keeps and what a visitor downloads; both may come back from anybody, so
all of it is checked. With its settings and seeds the same text can be written again. Knows nothing
about pages.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Generator as Pieces
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from model.chat.dialogue import ChatTemplate, Role, Turn, conversation_text, written_text
from model.config import ModelConfig
from model.generator import Generator
from model.sampling import SamplingParams
from model.schema import read_json

MAX_TRANSCRIPT = 200_000
"""The `size` of a transcript that is kept."""

ROOM = 200
"""Characters that a message counts for at least, and so does each of its stretches."""

LIST_ITEMS = 10
"""Of an answer, where the model writes a list."""

_NUMBERS = [field.name for field in fields(SamplingParams) if field.metadata]


@dataclass(frozen=True)
class Speakers:
    """Dialogue or one text, and as whom visitor and model speak from now on."""

    template: ChatTemplate | None = None  # of a dialogue; None for one text
    visitor: str = ""
    model: str = ""
    is_list: bool = False  # neither: the model writes items, which begin as the visitor says

    @classmethod
    def of(cls, template: ChatTemplate | None, is_list: bool = False) -> Speakers:
        """How a conversation begins with a model that has this template, or has read a list."""
        if template is None:
            return cls(is_list=is_list)
        return cls(template, template.user_speaker, template.reply_speaker)

    @property
    def can_talk(self) -> bool:
        """Whether the model can speak for both."""
        return self.template is not None and self.template.has_choice_of_speakers


@dataclass(frozen=True)
class Stretch:
    """So many characters of an answer that were written at a time, and with what."""

    characters: int
    params: SamplingParams  # with a seed; its stop strings are the template's


@dataclass(frozen=True)
class Message(Turn):
    """A turn, what wrote it, and what has stood in its place."""

    stretches: tuple[Stretch, ...] = ()  # of an answer: one, and one more each time it went on
    others: tuple[Transcript, ...] = ()  # other versions of it, each with what followed
    place: int = 0  # of this one among all versions


Transcript = tuple[Message, ...]


@dataclass
class Conversation:
    """What was written with one model in one form: a dialogue of two, one text, or a list."""

    model: str  # from `model_key`
    speakers: Speakers
    transcript: Transcript = ()
    id: str = ""  # "" until something is written

    def identify(self) -> None:
        """Give it an id, by which a browser keeps it, unless it has one."""
        self.id = self.id or secrets.token_hex(8)

    @property
    def text(self) -> str:
        """What is worth keeping as a text: of a list the items, not how they should begin."""
        transcript = self.transcript
        if self.speakers.is_list:
            transcript = tuple(message for message in transcript if message.role == "assistant")
        return written_text(transcript, self.speakers.template)

    def to_json(self) -> dict[str, Any]:
        """JSON data, from which `read_conversation` makes the same again."""
        return {
            "id": self.id,
            "model": self.model,
            "is_dialogue": self.speakers.template is not None,
            "visitor_speaker": self.speakers.visitor,
            "model_speaker": self.speakers.model,
            "messages": [_message_data(message) for message in self.transcript],
        }


def model_key(config: ModelConfig) -> str:
    """What tells a model's conversations from another's."""
    return hashlib.sha256(config.to_json().encode()).hexdigest()[:16]


def size(transcript: Transcript) -> int:
    """About how much of a text it takes, with all versions: characters, and room for the rest."""
    return sum(
        len(message.text) + ROOM * max(1, len(message.stretches)) + sum(map(size, message.others))
        for message in transcript
    )


def continuation(
    generator: Generator,
    transcript: Transcript,
    speakers: Speakers,
    speaker: str,
    params: SamplingParams,
) -> Pieces[str, None, None]:
    """What the model adds to a transcript, lazily: to its last reply if that was cut.

    Args:
        generator: that writes.
        transcript: so far.
        speakers: of the conversation.
        speaker: who speaks now.
        params: without stop strings.
    """
    template = speakers.template
    if speakers.is_list:
        is_begun = bool(transcript) and transcript[-1].role == "user"
        begun = transcript[-1].text if is_begun else ""
        yield from (f"{item}\n" for item in generator.lines(LIST_ITEMS, params, begun))
        return
    prompt = conversation_text(transcript, template, speaker)
    stop = template.stop if template else ()
    yield from generator.stream(prompt, replace(params, stop=stop))


def rewritten(conversation: Conversation, generator: Generator) -> Iterator[Message]:
    """The messages once more: the model's from their settings and seeds, the visitor's as they are.

    On the machine that wrote them, and with the same version of this program, they are the same.
    """
    transcript, speakers = conversation.transcript, conversation.speakers
    for number, message in enumerate(transcript):
        text, before = "", transcript[:number]
        for stretch in message.stretches:
            begun = (*before, replace(message, text=text, is_whole=False)) if text else before
            pieces = continuation(generator, begun, speakers, message.speaker, stretch.params)
            text += _beginning(pieces, stretch.characters)
        yield replace(message, text=text) if message.stretches else message


def _beginning(pieces: Pieces[str, None, None], characters: int) -> str:
    text = ""
    while len(text) < characters and (piece := next(pieces, "")):
        text += piece
    pieces.close()
    return text[:characters]


def read_conversation(text: object, config: ModelConfig) -> Conversation:
    """The conversation of a JSON text that anybody may have written.

    Raises:
        ValueError: if it isn't one that was written with this model.
    """
    if not isinstance(text, str):
        raise ValueError("not a text")
    data, template, model = read_json(text), config.chat_template, model_key(config)
    try:
        if data["model"] != model:
            raise ValueError("it was written with another model")
        if not _is_id(data["id"]):
            raise ValueError("it has no id")
        speakers = Speakers(is_list=config.is_list)
        if data["is_dialogue"]:
            if template is None:
                raise ValueError("the model knows no dialogue")
            visitor, answers = data["visitor_speaker"], data["model_speaker"]
            speakers = Speakers(template, _speaker(visitor, template), _speaker(answers, template))
        transcript = _read_messages(data["messages"], speakers.template)
    except (KeyError, TypeError) as error:
        raise ValueError("it is no conversation") from error
    if size(transcript) > 2 * MAX_TRANSCRIPT:  # which is seen to only before an answer
        raise ValueError("it is too long")
    return Conversation(model, speakers, transcript, data["id"])


def _message_data(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = {
        "role": message.role,
        "speaker": message.speaker,
        "text": message.text,
        "is_whole": message.is_whole,
    }
    if message.stretches:
        data["stretches"] = [
            {"characters": part.characters, **{n: getattr(part.params, n) for n in _NUMBERS}}
            for part in message.stretches
        ]
    if message.others:
        data["others"] = [[_message_data(m) for m in other] for other in message.others]
        data["place"] = message.place
    return data


def _read_messages(data: Any, template: ChatTemplate | None) -> Transcript:
    if not isinstance(data, list):
        raise ValueError("not a list of messages")
    return tuple(_read_message(message, template) for message in data)


def _read_message(data: Any, template: ChatTemplate | None) -> Message:
    role, text, is_whole = data["role"], data["text"], data["is_whole"]
    stretches, others = data.get("stretches", []), data.get("others", [])
    place = data.get("place", 0)
    if role not in get_args(Role) or type(text) is not str or type(is_whole) is not bool:
        raise ValueError("not a message")
    if not isinstance(stretches, list) or not isinstance(others, list) or not all(others):
        raise ValueError("not a message's stretches, or its versions")
    if type(place) is not int or not 0 <= place <= len(others):
        raise ValueError("not a place among versions")
    return Message(
        role,
        text,
        _speaker(data["speaker"], template),
        is_whole,
        tuple(map(_read_stretch, stretches)),
        tuple(_read_messages(other, template) for other in others),
        place,
    )


def _read_stretch(data: Any) -> Stretch:
    characters, numbers = data["characters"], {name: data[name] for name in _NUMBERS}
    if type(characters) is not int or characters < 0 or numbers["seed"] is None:
        raise ValueError("not a stretch")
    return Stretch(characters, SamplingParams(**numbers))


def _speaker(name: Any, template: ChatTemplate | None) -> str:
    known = {""}
    if template is not None:
        known |= {template.user_speaker, template.reply_speaker, *template.speakers}
    if type(name) is not str or name not in known:
        raise ValueError("nobody whom the model knows")
    return name


def _is_id(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 40 and text.isascii() and text.isalnum()
