"""The text that a visitor and the model write together, and how it is handed to Gradio's chatbot.

Knows nothing about events or generating. What is shown is what was typed and generated, character
by character, in a dialogue under the speaker's name; the chatbot shows HTML, so every text is
escaped on its way to it.
"""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

from model.chat.conversation import MAX_TRANSCRIPT, Message, Transcript, size

MAX_MESSAGE = 100_000
"""Characters of one message that are kept: many times what the model reads."""

_MOST_VERSIONS = 20  # of a message
_DEEPEST = 4  # versions in versions: read_json takes no more than 20 levels

# Gradio's page draws nothing at all for a text of nothing but white space, and an answer may well
# be a line break. A comment in front of it is no part of the text and makes it draw.
_DRAW = "<!---->"

_SEED_HELP = "The same seed, text and settings give the same answer again"


def clean_message(text: str | None) -> str:
    """A message as it is kept: the last `MAX_MESSAGE` characters; Gradio sends None for none."""
    return (text or "")[-MAX_MESSAGE:]


def bounded(transcript: Transcript) -> Transcript:
    """The transcript without its oldest versions, then messages, where it is too long."""
    while size(transcript) > MAX_TRANSCRIPT:
        index = next((n for n, message in enumerate(transcript) if message.others), None)
        if index is not None:
            first = transcript[index]
            fewer = replace(first, others=first.others[1:], place=max(0, first.place - 1))
            transcript = (*transcript[:index], fewer, *transcript[index + 1 :])
        elif len(transcript) > 1:
            transcript = transcript[1:]
        else:
            break
    return transcript


def another_version(transcript: Transcript, index: int, message: Message) -> Transcript:
    """The transcript up to a message, with a further version in its place."""
    kept = _versions(transcript, index)[-_MOST_VERSIONS:]
    return (*transcript[:index], *_shown((*kept, (message,)), len(kept)))


def turned(transcript: Transcript, index: int, step: int) -> Transcript:
    """The transcript with the version of a message that is so many steps further."""
    known = _versions(transcript, index)
    place = (transcript[index].place + step) % len(known)
    return (*transcript[:index], *_shown(known, place))


def without_last(transcript: Transcript) -> tuple[Transcript, str]:
    """The transcript before the last answer and what that answered; and the latter's text.

    Where there are other versions of the answer, or else of the message, one of them comes back.
    """
    last = len(transcript) - 1
    is_answer = transcript[last].role == "assistant"
    if is_answer and transcript[last].others:
        return _without_version(transcript, last), ""
    asked = last - 1 if is_answer and last > 0 and transcript[last - 1].role == "user" else last
    message = transcript[asked]
    text = message.text if message.role == "user" else ""
    return _without_version(transcript, asked), text


def _without_version(transcript: Transcript, index: int) -> Transcript:
    known, place = _versions(transcript, index), transcript[index].place
    left = known[:place] + known[place + 1 :]
    return (*transcript[:index], *(_shown(left, max(0, place - 1)) if left else ()))


def _versions(transcript: Transcript, index: int) -> tuple[Transcript, ...]:
    """All versions of a message, in order, each with what followed."""
    first, *rest = transcript[index:]
    own = (replace(first, others=(), place=0), *rest)
    return (*first.others[: first.place], own, *first.others[first.place :])


def _shown(versions: tuple[Transcript, ...], place: int) -> Transcript:
    """One of these versions, which keeps the others."""
    first, *rest = versions[place]
    others = versions[:place] + versions[place + 1 :]
    kept = tuple(_shallow(version, _DEEPEST) for version in others)
    return (replace(first, others=kept, place=place), *rest)


def _shallow(transcript: Transcript, depth: int) -> Transcript:
    """Without the versions that lie deeper in versions."""
    if depth == 0:
        return tuple(replace(message, others=(), place=0) for message in transcript)
    return tuple(
        replace(message, others=tuple(_shallow(other, depth - 1) for other in message.others))
        for message in transcript
    )


def chatbot_messages(transcript: Transcript) -> list[Any]:
    """The transcript as the value of a `gr.Chatbot` (render_markdown=False)."""
    values: list[Any] = []
    for message in transcript:
        texts = [text for text in (_above(message), _escaped(message)) if text]
        # Given as a plain string it would go through inspect.cleandoc and lose its indentation.
        content = [{"type": "text", "text": text} for text in texts]
        values.append({"role": message.role, "content": content})
    return values


def _above(message: Message) -> str:
    """What stands above a message or beside it: the speaker's name, seeds, versions, Edit."""
    above = ""
    if message.speaker:
        above += f'<b class="speaker">{html.escape(message.speaker)}</b>'
    if message.stretches:
        seeds = ", ".join(str(stretch.params.seed) for stretch in message.stretches)
        above += f'<small class="seed" title="{_SEED_HELP}"><span>seed </span>{seeds}</small>'
    elif message.role == "user":
        above += _button("edit", "Edit")
    if message.others:
        place = f"{message.place + 1} of {len(message.others) + 1}"
        earlier = _button("earlier", "Earlier version")
        later = _button("later", "Later version")
        above += f'<small class="versions">{earlier}{place}{later}</small>'
    return above and f'<span class="above">{above}</span>'


def _button(kind: str, name: str) -> str:
    # Gradio's page leaves a button no more than this. conversations.js knows it by its class, and
    # page.css gives it a sign.
    return f'<button type="button" class="{kind}" title="{name}"></button>'


def _escaped(message: Message) -> str:
    seen = message.text.replace("\ufeff", "")
    is_visible = bool(seen) and not seen.isspace()
    is_reply = message.role == "assistant" and (message.speaker or message.is_whole)
    if is_reply and not is_visible:
        return f'<i class="silence">{"says nothing" if message.is_whole else "..."}</i>'
    # A carriage return written as it is would be read as a line feed by the HTML parser.
    escaped = html.escape(message.text).replace("\r", "&#13;")
    return escaped if is_visible else _DRAW + escaped
