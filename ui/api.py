"""`/chat` for programs: continues a text, at full speed and without a page.

It keeps nothing between calls: for a conversation, send the text so far. Only the page uses the
chat template; a program that wants a dialogue writes it as the corpus does ("ROMEO:\\n").
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr
from gradio.events import api

from model.generator import Generator
from model.sampling import SamplingError, SamplingParams
from ui.chat.streaming import stream_updates

LONGEST_ANSWER = 20_000
"""Characters of one call: a few seconds of one core."""

LONGEST_TEXT = 200_000
"""Characters of message or context: far more than the model reads."""

_DESCRIPTION = """Continue a text. Streams the continuation so far, until it is complete.

Only the message is required. `context` is the text before it, for a conversation; temperature,
min_p, top_p, top_k and length are as on the page; the same seed and text give the same answer."""


def add_chat_endpoint(generator: Generator) -> None:
    """Add `/chat` to the `gr.Blocks` that is being built."""

    async def chat(
        message: str,
        context: str = "",
        temperature: float = SamplingParams.temperature,
        top_p: float = SamplingParams.top_p,
        length: int = SamplingParams.length,
        seed: int | None = None,
        top_k: int = SamplingParams.top_k,
        min_p: float = SamplingParams.min_p,
    ) -> AsyncGenerator[str]:
        try:
            _check_text(message, context)
            params = SamplingParams(
                length=_whole(length),
                temperature=temperature,
                top_k=_whole(top_k),
                top_p=top_p,
                min_p=min_p,
                seed=None if seed is None else _whole(seed),
            )
            if params.length > LONGEST_ANSWER:
                raise SamplingError(f"length must be at most {LONGEST_ANSWER:,} here")
        except SamplingError as error:
            raise gr.Error(str(error), print_exception=False) from error
        answer, pieces = "", generator.stream(context + message, params)
        async with aclosing(stream_updates(pieces)) as updates:
            async for text in updates:
                answer += text
                yield answer
        if not answer:
            yield ""

    api(
        chat,
        api_name="chat",
        api_description=_DESCRIPTION,
        # Programs share half of the cores: the rest is for visitors.
        concurrency_limit=max(1, (os.cpu_count() or 1) // 2),
        concurrency_id="programs",
    )


def _check_text(message: object, context: object) -> None:
    for name, text in (("message", message), ("context", context)):
        if not isinstance(text, str):
            raise SamplingError(f"{name} must be a text, not {type(text).__name__}")
        if len(text) > LONGEST_TEXT:
            raise SamplingError(
                f"{name} has {len(text):,} characters; send the last {LONGEST_TEXT:,}"
            )


def _whole(number: Any) -> Any:
    """500.0 is a whole number, too; SamplingParams refuses what isn't one."""
    return int(number) if isinstance(number, float) and number.is_integer() else number
