"""An answer: what the model adds to a transcript, as it grows.

Knows nothing about components, events or sessions.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from collections.abc import Generator as Pieces
from contextlib import aclosing
from dataclasses import replace

from model.chat.conversation import Message, Speakers, Stretch, Transcript, continuation
from model.generator import Generator
from model.sampling import SamplingParams
from ui.chat.streaming import stream_updates
from ui.chat.transcript import bounded

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
        transcript: so far; a last reply is continued if it was cut, and filled if it is empty.
        speakers: as whom the model answers.
        generator: that writes.
        params: of the answer; its seed is that of the first turn.
        pace: characters a second.
        talks: both speakers take turns, many of them, until this is closed.
    """
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
    last = transcript[-1] if transcript else Message("assistant", "")
    reply = Message("assistant", "", speakers.model)
    is_empty = bool(last.others) and not last.stretches and not last.text
    if is_empty or (template and template.is_unfinished(transcript, speakers.model)):
        before, reply = transcript[:-1], last
    elif talks and last.role == "assistant":
        reply = Message("user", "", speakers.visitor)
    begun, answer = reply.text, ""
    heard = (*before, reply) if begun else before
    pieces = continuation(generator, heard, speakers, reply.speaker, params)
    if template is None and not speakers.is_list:
        pieces = _ending_well(pieces, params.length)
    written = _longer(reply, begun, params)
    async with aclosing(stream_updates(pieces, pace)) as updates:
        async for text in updates:
            answer += text
            shown = template.trimmed(begun + answer) if template else answer
            written = _longer(reply, shown, params)
            yield (*before, written)
    was_ended = len(answer) < params.length  # by the model itself
    if speakers.is_list or (template and was_ended):
        yield (*before, replace(written, is_whole=True))


def _longer(reply: Message, text: str, params: SamplingParams) -> Message:
    """A reply as far as it has come, and what has written the rest of it."""
    stretch = Stretch(max(0, len(text) - len(reply.text)), params)
    return replace(reply, text=text, stretches=(*reply.stretches, stretch))


def _ending_well(pieces: Pieces[str], length: int) -> Pieces[str]:
    """Pieces of a text up to a line's end or a word's, shortly before so many characters."""
    written = 0
    for piece in pieces:
        yield piece
        written += len(piece)
        left = length - written
        if (left <= _TO_LINE_END and piece == "\n") or (left <= _TO_WORD_END and piece == " "):
            return
