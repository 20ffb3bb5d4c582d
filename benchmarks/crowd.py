"""Many visitors at once: when each one's first text comes, and how fast the rest.

    python -m benchmarks.crowd [--model MODEL] [--visitors 64] [--seconds 20] [--rounds 2]

All send a message at the same moment, and the next one when their answer is whole. Beside it a
plain chat with the same model, which shows each piece as it comes and stands in Gradio's queue as
that is by default; rounds alternate. An answer without a text when all leave counts as if it began
then. A page is one process, and its visitors are another, which takes its part of the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import os
import platform
import statistics
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np

from benchmarks.app import served
from model.folder import BUNDLED_MODEL

PLAIN_PAGE = """
import os, sys
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as app.py has it
import gradio as gr
from model.generator import Generator

generator = Generator.from_pretrained(sys.argv[1])

def _answer(message, history):
    history = [*history, {"role": "user", "content": message}]
    yield history
    answer = ""
    for piece in generator.stream(message):
        answer += piece
        yield [*history, {"role": "assistant", "content": answer}]

with gr.Blocks() as page:
    view, box = gr.Chatbot(), gr.Textbox()
    box.submit(_answer, [box, view], view)
page.launch(server_port=int(sys.argv[2]), quiet=True)
"""
LAST_S = 5
"""Before the end nobody sends another message."""

_QUEUE = "/gradio_api/queue"


@dataclass
class Visitor:
    """What one visitor saw."""

    name: str
    first_texts: list[float] = field(default_factory=list)  # seconds after sending
    characters: int = 0
    waited_s: float = 0.0  # from sending to the end of an answer
    errors: int = 0


class Crowd:
    """The visitors of a page.

    Args:
        url: of the page.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        config = httpx.get(f"{url}/config").json()
        values = {part["id"]: part["props"].get("value") for part in config["components"]}
        named = {event["api_name"]: event for event in config["dependencies"]}
        # What a browser asks for when a message is sent: the answer, and notes on the message.
        self._asked = [
            {"fn_index": event["id"], "data": [values[part] for part in event["inputs"]]}
            for event in map(named.get, ("_note_on", "_answer"))
            if event
        ]

    async def visit(self, visitors: int, seconds: float) -> list[Visitor]:
        """Chat, so many at once and so long."""
        crowd = [Visitor(f"visitor{number}") for number in range(visitors)]
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=self._url, timeout=None, limits=limits) as client:
            # Who sends a message has opened the page before.
            await asyncio.gather(*(client.get("/manifest.json") for _ in crowd))
            until = asyncio.get_running_loop().time() + seconds
            await asyncio.gather(*(self._chat(client, visitor, until) for visitor in crowd))
        return crowd

    async def _chat(self, client: httpx.AsyncClient, visitor: Visitor, until: float) -> None:
        now = asyncio.get_running_loop().time
        while (sent := now()) < until - LAST_S:
            first = None
            text = f"What says {visitor.name} after {visitor.characters} characters?"
            try:
                async with (
                    asyncio.timeout_at(until),
                    aclosing(self._answer(client, visitor.name, text)) as answer,
                ):
                    async for characters in answer:
                        first = first or now() - sent
                        visitor.characters += characters
            except TimeoutError:
                pass  # all leave
            except (httpx.HTTPError, RuntimeError):
                visitor.errors += 1
                await asyncio.sleep(1)
            visitor.waited_s += now() - sent
            visitor.first_texts.append(first or now() - sent)

    async def _answer(
        self, client: httpx.AsyncClient, session: str, text: str
    ) -> AsyncGenerator[int]:
        """Send a message; for each update of its answer the number of new characters."""
        for body in self._asked:
            data = [text, *body["data"][1:]]
            told = await client.post(
                f"{_QUEUE}/join", json={**body, "data": data, "session_hash": session}
            )
            told.raise_for_status()
        params = {"session_hash": session}
        async with client.stream("GET", f"{_QUEUE}/data", params=params) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data:") or "{}")
                if message.get("success") is False:
                    raise RuntimeError(message)
                if message.get("msg") != "process_generating":
                    continue
                if characters := _new_characters(message["output"]["data"][0]):
                    yield characters


def _new_characters(update: list[Any]) -> int:
    """What an update adds to the answer. An event's first one is the whole conversation so far."""
    changes = [change for change in update if isinstance(change, list)]
    added = [value for action, _, value in changes if action in ("add", "append")]
    texts = [v if isinstance(v, str) else v["content"][-1]["text"] for v in added]
    return len(html.unescape("".join(texts)))


def row(what: str, crowd: list[Visitor]) -> str:
    """A line of the table."""
    waits = [seconds for visitor in crowd for seconds in visitor.first_texts]
    median, most = np.percentile(waits, (50, 95))
    speeds = [visitor.characters / visitor.waited_s for visitor in crowd]
    errors = sum(visitor.errors for visitor in crowd)
    return (
        f"{what:<24}{median:10.2f}{most:10.2f}"
        f"{statistics.median(speeds):14.1f}{min(speeds):10.1f}{errors:8}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default=str(BUNDLED_MODEL))
    parser.add_argument("--visitors", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    pages: dict[str, tuple[list[str], list[Visitor]]] = {
        "app": (["app.py", "--model", options.model, "--port"], []),
        "Gradio's default queue": (["-c", PLAIN_PAGE, options.model], []),
    }
    for _ in range(options.rounds):
        for command, seen in pages.values():
            with served(command) as place:
                crowd = Crowd(place.url)
                asyncio.run(crowd.visit(1, LAST_S + 1))  # the first answer of a process takes long
                seen += asyncio.run(crowd.visit(options.visitors, options.seconds))
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, which "
        f"the visitors share with the page, load {os.getloadavg()[0]:.1f}; "
        f"{options.visitors} visitors for {options.seconds:.0f} s, {options.rounds} rounds"
    )
    print(f"{'':<24}{'first text, s':>20}{'characters/s of a visitor':>29}")
    print(f"{'':<24}{'median':>10}{'95%':>10}{'median':>14}{'least':>10}{'errors':>8}")
    for what, (_, seen) in pages.items():
        print(row(what, seen))


if __name__ == "__main__":
    main()
