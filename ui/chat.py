"""The Chat tab: the visitor's text is continued, streamed, and stays one text.

The path of a message: `respond` appends it to the transcript, `ui.streaming` generates at the
page's pace, every update is shown and kept. Knows nothing about where the model came from; nothing
that is written here is logged.
"""

from __future__ import annotations

import html
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from model.config import ModelConfig
from model.generator import Generator
from model.sampling import SamplingParams
from ui.about import describe_model, example_lines, example_prompts, heading
from ui.cast import Cast, CastPanel, first_cast
from ui.settings import Setting, SettingsPanel
from ui.streaming import stream_updates
from ui.transcript import (
    MAX_MESSAGE,
    Part,
    Transcript,
    clean_message,
    kept_text,
    messages,
    whole_text,
    without_last_answer,
    without_last_exchange,
)

Updates = dict[Any, Any]
"""New values by component."""

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Any number of visitors at once: they share the worker threads of ui.streaming.
_ANSWERING: dict[str, Any] = {**_QUIET, "concurrency_limit": None, "concurrency_id": "page"}


@dataclass
class Session:
    """What one visitor's events tell each other; Gradio keeps one for each open page.

    Args:
        stop_requested: the answer that is being written is to end.
        generator: the visitor's own model; None for the page's.
    """

    stop_requested: bool = False
    generator: Generator | None = None


class ChatTab:
    """The tab's components and what happens between them; made inside a `gr.Blocks`.

    Args:
        generator: the page's.
        title: above the page; it names what the model has read.
        hub_id: the repo that the generator came from.
    """

    def __init__(self, generator: Generator, title: gr.HTML, hub_id: str | None = None) -> None:
        self._generator = generator
        self._title = title
        self._session = gr.State(Session())
        self._transcript = gr.State(())
        self._aside = gr.State(())  # the transcript of the form that isn't shown now
        with gr.Row(equal_height=False):
            text = gr.Column(scale=5, min_width=320)
            with gr.Column(scale=2, min_width=280):
                self._cast = CastPanel(generator.config.chat_template)
                self._whose = gr.HTML(elem_id="whose", visible=False)
                self._return = gr.Button("Back to this page's model", size="sm", visible=False)
                self._settings = SettingsPanel()
                with gr.Accordion("About this model", open=False, elem_classes="panel"):
                    about = describe_model(generator.config, hub_id)
                    self._about = gr.HTML(about, elem_id="about")
        self._hub_id = hub_id
        with text:
            self._build_text(generator, first_cast(generator.config.chat_template))
        self._wire()

    def _build_text(self, generator: Generator, cast: Cast) -> None:
        self._view = gr.Chatbot(
            elem_id="text",
            **_look(generator.config, cast),
            show_label=False,
            height="max(18rem, 100dvh - 20rem)",
            render_markdown=False,
            latex_delimiters=[],
            allow_tags=False,
            buttons=[],
            group_consecutive_messages=False,
        )
        self._box = gr.Textbox(
            elem_id="message",
            label="Your text",
            show_label=False,
            placeholder=cast.hint,
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

    @property
    def _changing(self) -> list[Component]:
        """What changes the transcript or its form: not while an answer is being written."""
        return [self._undo, self._again, self._clear, *self._cast.components]

    def _wire(self) -> None:
        """What starts an answer, what ends one, and what changes the transcript between.

        What can be done without the server is done by page.js. An answer has two outputs, those
        that change with every update: for each further one Gradio makes a new component at every
        update, even if it is skipped, and that took most of a core with 20 visitors.
        """
        controls = [self._box, *self._changing]
        written = [self._view, self._transcript]
        cast = self._cast.components
        context = [self._session, self._transcript, *cast, *self._settings.components]
        others = len(self._changing)
        chosen = self._view.example_select(_example_text, None, self._box, **_QUIET)
        answers = []
        for start in (self._box.submit, chosen.then):
            typed = [self._box, self._view]
            begun = start(
                None, typed, [self._sent, *controls], js=_script("begin", others), **_QUIET
            )
            answers.append(begun.then(self._respond, [self._sent, *context], written, **_ANSWERING))
        begun = self._again.click(None, None, controls, js=_script("beginAgain", others), **_QUIET)
        answers.append(begun.then(self._answer_again, context, written, **_ANSWERING))
        for answer in answers:
            for ended in (answer.then, answer.failure):  # `then` is for all but failures
                known = [self._sent, self._view]
                ended(None, known, controls, js=_script("end", others), **_QUIET)
        # Gradio's own way to stop (`cancels`) may lose the last update, or cover the text with
        # "Error" when the two sides of it cross.
        self._box.stop(_stop, self._session, None, **_QUIET)
        self._sent.change(self._note_on, [self._sent, self._session, *cast], self._note, **_QUIET)

        shown = [*written, self._box, self._note]
        self._undo.click(self._undo_last, [self._box, self._transcript], shown, **_QUIET)
        self._clear.click(self._start_anew, None, shown, **_QUIET)
        for button, script in ((self._copy, "copyText"), (self._download, "downloadText")):
            kept = [self._session, self._transcript, *cast]
            button.click(self._kept_text, kept, self._shelf, **_QUIET).then(
                None, self._shelf, None, js=_script(script), **_QUIET
            )
        both = [self._transcript, self._aside]
        changed = [self._view, self._box, self._note, *both, *self._cast.speakers]
        self._cast.mode.input(self._change_form, [self._session, *both, *cast], changed, **_QUIET)
        for speaker in self._cast.speakers:
            speaker.input(self._hint, [self._session, *cast], self._box, **_QUIET)
        self._return.click(self._use_the_pages, self._session, self.changed_by_model, **_QUIET)

    async def _respond(
        self, message: str | None, session: Session, transcript: Transcript, *values: Setting
    ) -> AsyncGenerator[Updates]:
        cast, _ = self._read_cast(session, values)
        kept = clean_message(message or "")
        if kept and (cast.template is None or cast.template.fitted(kept).strip()):
            transcript = (*transcript, Part(kept, speaker=cast.visitor))
        async with aclosing(self._answer(session, transcript, *values)) as updates:
            async for update in updates:
                yield update

    async def _answer_again(
        self, session: Session, transcript: Transcript, *values: Setting
    ) -> AsyncGenerator[Updates]:
        shorter = without_last_answer(transcript)
        async with aclosing(self._answer(session, shorter, *values)) as updates:
            async for update in updates:
                yield update

    async def _answer(
        self, session: Session, transcript: Transcript, *values: Setting
    ) -> AsyncGenerator[Updates]:
        cast, settings = self._read_cast(session, values)
        stop = cast.template.stop if cast.template else ()
        params, pace = self._settings.read(settings, stop)
        session.stop_requested = False
        generator = self._generator_of(session)
        yield self._show(transcript)
        prompt = whole_text(transcript, cast.template, cast.model)
        answer = ""
        has_ended = False
        async with aclosing(stream_updates(generator, prompt, params, pace)) as updates:
            async for text in updates:
                answer += text
                yield self._show((*transcript, self._part(cast, answer, params)))
                if session.stop_requested:
                    break
            else:
                has_ended = len(answer) < params.length
        if cast.template is None:
            if not answer:
                gr.Info("The model ends its text here: write something for it to go on.")
        elif has_ended:
            yield self._show((*transcript, self._part(cast, answer, params, is_whole=True)))

    def _part(
        self, cast: Cast, answer: str, params: SamplingParams, *, is_whole: bool = False
    ) -> Part:
        shown = answer if cast.template is None else cast.template.trimmed(answer)
        return Part(shown, params.seed, cast.model, is_whole)

    def _generator_of(self, session: Session) -> Generator:
        return session.generator or self._generator

    def _read_cast(
        self, session: Session, values: Sequence[Setting]
    ) -> tuple[Cast, Sequence[Setting]]:
        """Who speaks, and the values that are left: the settings."""
        count = len(self._cast.components)
        template = self._generator_of(session).config.chat_template
        return self._cast.read(template, values[:count]), values[count:]

    async def _note_on(self, message: str | None, session: Session, *values: Setting) -> gr.HTML:
        """What the visitor should know about how the model reads a message."""
        cast, _ = self._read_cast(session, values)
        kept = clean_message(message or "")
        notes = []
        if len(kept) < len(message or ""):
            notes.append(f"Only the last {MAX_MESSAGE:,} characters of your text were kept")
        if cast.template and cast.template.fitted(kept) != kept.strip():
            notes.append("Line breaks that would end what you say were taken out of it")
        if changes := self._generator_of(session).vocabulary.encode(kept).describe():
            notes.append(f"Not in this model's alphabet: {changes}")
        return _note(". ".join(notes))

    @property
    def session(self) -> gr.State:
        """Whose value `use` wants."""
        return self._session

    @property
    def changed_by_model(self) -> list[Component]:
        """What `use` gives new values to."""
        return [
            self._view, self._box, self._note, self._transcript, self._aside, self._about,
            self._title, self._whose, self._return, self._cast.panel, *self._cast.components,
        ]  # fmt: skip

    def use(self, session: Session, generator: Generator | None, title: str = "") -> Updates:
        """Chat with a model of the visitor's own from now on, or with the page's (None)."""
        session.stop_requested = True
        session.generator = generator
        config = self._generator_of(session).config
        cast = first_cast(config.chat_template)
        hub_id = None if generator else self._hub_id
        own = html.escape(title, quote=False)
        return {
            self._view: gr.Chatbot([], **_look(config, cast)),
            self._box: gr.Textbox(value="", placeholder=cast.hint),
            self._note: _note(""),
            self._transcript: (),
            self._aside: (),
            self._about: describe_model(config, hub_id),
            self._title: heading(config),
            self._whose: gr.HTML(f"Your model: {own}", visible=generator is not None),
            self._return: gr.Button(visible=generator is not None),
            **self._cast.fitted(config.chat_template),
        }

    def _use_the_pages(self, session: Session) -> Updates:
        return self.use(session, None)

    def _undo_last(self, typed: str, transcript: Transcript) -> Updates:
        """Take back the last answer and what it answered, which may be edited and sent again."""
        shorter, message = without_last_exchange(transcript)
        return {**self._show(shorter), self._box: typed or message, self._note: _note("")}

    def _start_anew(self) -> Updates:
        return {**self._show(()), self._box: "", self._note: _note("")}

    def _change_form(
        self, session: Session, transcript: Transcript, aside: Transcript, *values: Setting
    ) -> Updates:
        """Dialogue and one text are kept apart, each with what was written in it."""
        cast, _ = self._read_cast(session, values)
        config = self._generator_of(session).config
        has_choice = cast.template is not None and cast.template.is_castable
        return {
            self._view: gr.Chatbot(messages(aside), **_look(config, cast)),
            self._box: gr.Textbox(placeholder=cast.hint),
            self._note: _note(""),
            self._transcript: aside,
            self._aside: transcript,
            **{choice: gr.Dropdown(visible=has_choice) for choice in self._cast.speakers},
        }

    def _hint(self, session: Session, *values: Setting) -> gr.Textbox:
        cast, _ = self._read_cast(session, values)
        return gr.Textbox(placeholder=cast.hint)

    def _show(self, transcript: Transcript) -> Updates:
        return {self._view: messages(transcript), self._transcript: transcript}

    def _kept_text(self, session: Session, transcript: Transcript, *values: Setting) -> str:
        cast, _ = self._read_cast(session, values)
        return kept_text(transcript, cast.template)


def _look(config: ModelConfig, cast: Cast) -> dict[str, Any]:
    """How the text is shown: as bubbles or as one text, and what stands there at first."""
    if cast.template is None:
        examples, look = example_prompts(config), "one-text"
    else:
        examples, look = example_lines(config), "chat"
    return {
        "elem_classes": [look],
        "placeholder": cast.invitation,
        "examples": [{"text": text} for text in examples],
    }


def _stop(session: Session) -> None:
    session.stop_requested = True


def _script(function: str, *first: int) -> str:
    """A function of page.js as Gradio wants it, called with these arguments first."""
    arguments = ", ".join([*map(str, first), "...values"])
    return f"(...values) => window.charlstm.{function}({arguments})"


def _note(text: str) -> gr.HTML:
    return gr.HTML(html.escape(text, quote=False), visible=bool(text))


def _example_text(event: gr.SelectData) -> str:
    text: str = event.value["text"]
    return text
