"""An answer: what the model adds to a transcript, as it grows.

Knows nothing about components, events or sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from collections.abc import Generator as Pieces
from contextlib import aclosing
from dataclasses import replace

from model.dialogue import conversation_text
from model.generator import Generator
from model.sampling import SamplingParams
from ui.chat.speakers import Speakers
from ui.chat.streaming import stream_updates
from ui.chat.transcript import Message, Transcript, bounded

_ITEMS = 10  # of a list, in an answer
_TURNS = 100  # that two speakers take by themselves: a page may have been left open
_TO_WORD_END, _TO_LINE_END = 12, 60  # characters that an answer may be shorter, to end well


async def write_answer(
    transcript: Transcript,
    speakers: Speakers,
    generator: Generator,
    params: SamplingParams,
    pace: float,
    talks: bool,
) -> AsyncGenerator[Transcript]:
    """The transcript with more and more of an answer; the last one may be the same again.

    Args:
        transcript: so far; its last reply is continued if it was cut.
        speakers: as whom the model answers.
        generator: that writes.
        params: of the answer; its seed is that of the first turn.
        pace: characters a second.
        talks: both speakers take turns, many of them, until this is closed.
    """
    talks = talks and speakers.can_talk
    for turn in range(_TURNS if talks else 1):
        now = replace(params, seed=(params.seed or 0) + turn)
        async with aclosing(_turn(transcript, speakers, generator, now, pace, talks)) as updates:
            async for transcript in updates:
                yield transcript
        transcript = bounded(transcript)


async def _turn(
    transcript: Transcript,
    speakers: Speakers,
    generator: Generator,
    params: SamplingParams,
    pace: float,
    talks: bool,
) -> AsyncGenerator[Transcript]:
    template, before = speakers.template, transcript
    reply = Message("assistant", "", speakers.model)
    if template and template.is_unfinished(transcript, speakers.model):
        before, reply = transcript[:-1], transcript[-1]
    elif talks and (not before or before[-1].role == "assistant"):
        reply = Message("user", "", speakers.visitor)
    begun, answer = reply.text, ""
    reply = replace(reply, seeds=(*reply.seeds, params.seed or 0))
    # In a thread: a template whose stop strings a long message is full of takes its time.
    prompt = await asyncio.to_thread(conversation_text, transcript, template, reply.speaker)
    pieces = generator.stream(prompt, params)
    if speakers.is_list:
        begun = before[-1].text if before and before[-1].role == "user" else ""
        pieces = (f"{item}\n" for item in generator.lines(_ITEMS, params, begun))
    elif template is None:
        pieces = _ending_well(pieces, params.length)
    async with aclosing(stream_updates(pieces, pace)) as updates:
        async for text in updates:
            answer += text
            shown = template.trimmed(begun + answer) if template else answer
            reply = replace(reply, text=shown)
            yield (*before, reply)
    was_ended = len(answer) < params.length  # by the model itself
    if speakers.is_list or (template and was_ended):
        yield (*before, replace(reply, is_whole=True))


def _ending_well(pieces: Pieces[str], length: int) -> Pieces[str]:
    """Pieces of a text up to a line's end or a word's, shortly before so many characters."""
    written = 0
    for piece in pieces:
        yield piece
        written += len(piece)
        left = length - written
        if (left <= _TO_LINE_END and piece == "\n") or (left <= _TO_WORD_END and piece == " "):
            return
