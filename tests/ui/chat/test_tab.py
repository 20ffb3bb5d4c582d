"""Conversations name the model that answers, and keep none in memory."""

from __future__ import annotations

import asyncio
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import gradio as gr

from jobs.generators import Generators
from model.generator import Generator
from tests.finished_run import finished_run
from tests.random_model import random_model
from ui.chat.conversations import Conversation
from ui.chat.speakers import Speakers
from ui.chat.tab import ChatTab, Session


async def _tab() -> ChatTab:
    """Made in an event loop of its own: else Gradio makes one, and never closes it."""
    with gr.Blocks():
        return ChatTab(Generator(random_model()), gr.HTML())


def test_fifty_sessions_share_a_generator_and_none_keeps_it(tmp_path: Path) -> None:
    run, generators = finished_run(tmp_path / "run"), Generators()
    with ThreadPoolExecutor(1) as thread:  # this one may have a browser's loop
        tab = thread.submit(lambda: asyncio.run(_tab())).result()
    sessions = [Session(Conversation("page", Speakers.of(None))) for _ in range(50)]
    for session in sessions:
        tab.use(session, partial(generators.find, run), "My Novel")
    found = {id(session.own.find()) for session in sessions if session.own}
    generator = weakref.ref(generators.find(run))
    assert found == {id(generator())}
    shutil.rmtree(run)
    generators.forget()
    assert generator() is None
