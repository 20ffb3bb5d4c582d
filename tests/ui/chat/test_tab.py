"""Conversations name the model that answers, and keep none in memory."""

from __future__ import annotations

import asyncio
import copy
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest

from jobs import JobError
from jobs.models import Models, page_model
from model.chat.conversation import Conversation, Speakers
from model.generator import Generator
from tests.finished_run import finished_run
from tests.random_model import random_model
from ui.chat.conversations import ConversationsPanel
from ui.chat.session import Session, first_conversation
from ui.chat.tab import ChatTab


async def _tab(models: Models) -> ChatTab:
    """Made in an event loop of its own: else Gradio makes one, and never closes it."""
    with gr.Blocks() as page, gr.Tab() as tab:
        conversations = ConversationsPanel(first_conversation(models.page.config))
        return ChatTab(models, conversations, page, tab, gr.HTML(), gr.BrowserState())


def test_fifty_sessions_share_a_generator_and_none_keeps_it(tmp_path: Path) -> None:
    run, page = finished_run(tmp_path / "run"), page_model(Generator(random_model()))
    models = Models(page, is_shared=False)
    with ThreadPoolExecutor(1) as thread:  # this one may have a browser's loop
        tab = thread.submit(lambda: asyncio.run(_tab(models))).result()
        first = Session(Conversation("page", Speakers()), page)
        sessions = [copy.deepcopy(first) for _ in range(50)]  # as Gradio does
        assert all(session.chosen is page for session in sessions)
        for session in sessions:
            thread.submit(asyncio.run, tab.use(session, "", str(run))).result()
    (found,) = {session.chosen.find() for session in sessions}
    assert found is not page.find()
    generator = weakref.ref(found)
    del found
    shutil.rmtree(run)
    with pytest.raises(JobError, match="holds no model"):
        sessions[0].chosen.find()
    models.find("", str(finished_run(tmp_path / "another")))
    assert generator() is None
