"""The Chat tab: the visitor's text is continued, streamed, and stays one text.

The path of a message: `respond` appends it to the transcript, `ui.streaming` generates at the
page's pace, every update is shown and kept. Knows nothing about where the model came from; nothing
that is written here is logged.
"""

from __future__ import annotations

import html
import math
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from model.generator import Generator
from model.sampling import SamplingError, SamplingParams
from ui.about import describe_model, example_prompts
from ui.streaming import CHARACTERS_PER_SECOND, stream_updates
from ui.transcript import (
    MAX_MESSAGE,
    Part,
    Transcript,
    clean_message,
    messages,
    whole_text,
    without_last_answer,
    without_last_exchange,
)

Updates = dict[Any, Any]
"""New values by component."""

Setting = float | str | None

_SEEDS = 1_000_000  # few enough digits to be read aloud
_PACES: list[tuple[str, float]] = [
    ("40", 40),
    (f"{CHARACTERS_PER_SECOND}", CHARACTERS_PER_SECOND),
    ("at once", 0),
]
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Any number of visitors at once: they share the worker threads of ui.streaming.
_ANSWERING: dict[str, Any] = {**_QUIET, "concurrency_limit": None, "concurrency_id": "page"}


@dataclass
class Session:
    """What one visitor's events tell each other while they run; Gradio keeps one for each."""

    stop_requested: bool = False


class ChatTab:
    """The tab's components and what happens between them; made inside a `gr.Blocks`."""

    def __init__(self, generator: Generator, hub_id: str | None = None) -> None:
        self._generator = generator
        self._session = gr.State(Session())
        self._transcript = gr.State(())
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._build_text()
            with gr.Column(scale=2, min_width=280):
                self._build_settings()
                with gr.Accordion("About this model", open=False, elem_classes="panel"):
                    gr.HTML(describe_model(generator.config, hub_id), elem_id="about")
        self._wire()

    def _build_text(self) -> None:
        self._view = gr.Chatbot(
            elem_id="text",
            elem_classes=["one-text" if self._generator.config.chat_template is None else "chat"],
            show_label=False,
            height="max(18rem, 100dvh - 17rem)",
            render_markdown=False,
            latex_delimiters=[],
            allow_tags=False,
            buttons=[],
            group_consecutive_messages=False,
            placeholder="Write something and the model goes on. Write nothing and it goes on, too.",
            examples=[{"text": text} for text in example_prompts(self._generator.config)],
        )
        self._box = gr.Textbox(
            elem_id="message",
            label="Your text",
            show_label=False,
            placeholder="Your text, or nothing",
            lines=1,
            max_lines=8,
            autofocus=True,
            submit_btn="Continue",
        )
        self._note = gr.HTML(elem_id="note", visible=False)
        with gr.Row(elem_id="tools"):
            self._undo = gr.Button("Undo", size="sm", min_width=60)
            self._again = gr.Button("Another", size="sm", min_width=60)
            self._clear = gr.Button("Clear", size="sm", min_width=60)
            self._copy = gr.Button("Copy", size="sm", min_width=60)
            self._download = gr.Button("Download", size="sm", min_width=60)
        self._sent = gr.Textbox(visible="hidden")
        self._shelf = gr.Textbox(visible=False)

    def _build_settings(self) -> None:
        with gr.Accordion("How it writes", open=True, elem_classes="panel"):
            temperature = gr.Slider(
                0, 1.5, 0.8, step=0.05, label="Temperature", info="low: safe, high: wild"
            )
            length = gr.Slider(50, 2000, 500, step=50, label="Length", info="characters")
            pace = gr.Radio(
                _PACES, value=CHARACTERS_PER_SECOND, label="Pace", info="characters a second"
            )
            seed = gr.Textbox(
                label="Seed",
                info="same seed, text and settings: same answer",
                placeholder="a new one each time",
                max_lines=1,
            )
        with gr.Accordion("Leave out what is unlikely", open=False, elem_classes="panel"):
            top_p = gr.Slider(0.05, 1, 1, step=0.05, label="Top-p", info="1: nothing left out")
            top_k = gr.Slider(0, 100, 0, step=1, label="Top-k", info="0: nothing left out")
        self._settings = [temperature, top_p, top_k, length, seed, pace]

    @property
    def _changing(self) -> list[gr.Button]:
        """The buttons that change the transcript: not while an answer is being written."""
        return [self._undo, self._again, self._clear]

    def _wire(self) -> None:
        """What starts an answer, what ends one, and what changes the transcript between.

        What can be done without the server is done by page.js. An answer has two outputs, those
        that change with every update: for each further one Gradio makes a new component at every
        update, even if it is skipped, and that took most of a core with 20 visitors.
        """
        controls = [self._box, *self._changing]
        written = [self._view, self._transcript]
        context = [self._session, self._transcript, *self._settings]
        chosen = self._view.example_select(_example_text, None, self._box, **_QUIET)
        answers = []
        for start in (self._box.submit, chosen.then):
            typed = [self._box, self._view]
            begun = start(None, typed, [self._sent, *controls], js=_script("begin"), **_QUIET)
            answers.append(begun.then(self._respond, [self._sent, *context], written, **_ANSWERING))
        begun = self._again.click(None, None, controls, js=_script("beginAgain"), **_QUIET)
        answers.append(begun.then(self._answer_again, context, written, **_ANSWERING))
        for answer in answers:
            for ended in (answer.then, answer.failure):  # `then` is for all but failures
                known = [self._sent, self._view]
                ended(None, known, controls, js=_script("end"), **_QUIET)
        # Gradio's own way to stop (`cancels`) may lose the last update, or cover the text with
        # "Error" when the two sides of it cross.
        self._box.stop(_stop, self._session, None, **_QUIET)
        self._sent.change(self._note_on, self._sent, self._note, **_QUIET)

        shown = [*written, self._box, self._note]
        self._undo.click(self._undo_last, [self._box, self._transcript], shown, **_QUIET)
        self._clear.click(self._start_anew, None, shown, **_QUIET)
        for button, script in ((self._copy, "copyText"), (self._download, "downloadText")):
            button.click(self._whole_text, self._transcript, self._shelf, **_QUIET).then(
                None, self._shelf, None, js=_script(script), **_QUIET
            )

    async def _respond(
        self, message: str | None, session: Session, transcript: Transcript, *settings: Setting
    ) -> AsyncGenerator[Updates]:
        if kept := clean_message(message or ""):
            transcript = (*transcript, Part(kept))
        async with aclosing(self._answer(session, transcript, *settings)) as updates:
            async for update in updates:
                yield update

    async def _answer_again(
        self, session: Session, transcript: Transcript, *settings: Setting
    ) -> AsyncGenerator[Updates]:
        shorter = without_last_answer(transcript)
        async with aclosing(self._answer(session, shorter, *settings)) as updates:
            async for update in updates:
                yield update

    async def _answer(
        self, session: Session, transcript: Transcript, *settings: Setting
    ) -> AsyncGenerator[Updates]:
        params, pace = self._read_settings(*settings)
        session.stop_requested = False
        yield self._show(transcript)
        prompt = whole_text(transcript, self._generator.config.chat_template)
        answer = ""
        async with aclosing(stream_updates(self._generator, prompt, params, pace)) as updates:
            async for text in updates:
                answer += text
                yield self._show((*transcript, Part(answer, params.seed)))
                if session.stop_requested:
                    break
        if not answer:
            gr.Info("The model ends its text here: write something for it to go on.")

    def _read_settings(
        self, temperature: Any, top_p: Any, top_k: Any, length: Any, seed: Any, pace: Any
    ) -> tuple[SamplingParams, float]:
        template = self._generator.config.chat_template
        try:
            params = SamplingParams(
                length=length,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                seed=_seed(seed),
                stop=template.stop if template else (),
            )
        except SamplingError as error:
            # Gradio shows the text of an error as HTML.
            raise gr.Error(html.escape(str(error), quote=False), print_exception=False) from error
        return params, pace or math.inf

    async def _note_on(self, message: str | None) -> gr.HTML:
        """What the visitor should know about how the model reads a message."""
        kept = clean_message(message or "")
        notes = []
        if len(kept) < len(message or ""):
            notes.append(f"Only the last {MAX_MESSAGE:,} characters of your text were kept")
        if changes := self._generator.vocabulary.encode(kept).describe():
            notes.append(f"Not in this model's alphabet: {changes}")
        return _note(". ".join(notes))

    def _undo_last(self, typed: str, transcript: Transcript) -> Updates:
        """Take back the last answer and what it answered, which may be edited and sent again."""
        shorter, message = without_last_exchange(transcript)
        return {**self._show(shorter), self._box: typed or message, self._note: _note("")}

    def _start_anew(self) -> Updates:
        return {**self._show(()), self._box: "", self._note: _note("")}

    def _show(self, transcript: Transcript) -> Updates:
        return {self._view: messages(transcript), self._transcript: transcript}

    def _whole_text(self, transcript: Transcript) -> str:
        return whole_text(transcript, self._generator.config.chat_template)


def _stop(session: Session) -> None:
    session.stop_requested = True


def _script(function: str) -> str:
    """A function of page.js as Gradio wants it."""
    return f"(...values) => window.charlstm.{function}(...values)"


def _note(text: str) -> gr.HTML:
    return gr.HTML(html.escape(text, quote=False), visible=bool(text))


def _seed(typed: str | None) -> int:
    # A page that has just opened sends None for a box that nobody has touched.
    if typed is None or not typed.strip():
        return random.randrange(_SEEDS)
    try:
        return int(typed)
    except ValueError:
        raise SamplingError(f"seed must be a whole number, not {typed!r}") from None


def _example_text(event: gr.SelectData) -> str:
    text: str = event.value["text"]
    return text
