"""The Chat tab: the visitor's text is continued, streamed, and stays one text.

The path of a message: `_answer` appends it to the transcript, `ui.chat.answer` writes on at the
page's pace, every update is shown; the visitor's browser keeps what has come of it. Knows nothing
about where the model came from; nothing that is written here is logged.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from jobs import JobError
from model.config import ModelConfig
from model.dialogue import written_text
from model.generator import Generator
from ui import QUIET, Updates, note
from ui.about import describe_model, examples, heading
from ui.chat.answer import write_answer
from ui.chat.conversations import (
    UNKEPT,
    Conversation,
    ConversationsPanel,
    model_key,
    read_conversation,
)
from ui.chat.settings import Setting, SettingsPanel
from ui.chat.speakers import Speakers, SpeakersPanel
from ui.chat.transcript import (
    MAX_MESSAGE,
    Message,
    bounded,
    chatbot_messages,
    clean_message,
    without_last_answer,
    without_last_exchange,
)

_ENCODED = 20_000  # characters of a message that are looked at for unknown ones: the last
_KEEP_S = 5  # between two times that a long answer is kept, while it is written
_SCRIPTS = "window.charlstm."  # page.js
# Any number of visitors at once: they share the worker threads of ui.chat.streaming.
_ANSWERING: dict[str, Any] = {**QUIET, "concurrency_limit": None, "concurrency_id": "page"}


@dataclass(frozen=True)
class OwnModel:
    """A visitor's own model: not itself, which would stay in memory with the session."""

    find: Callable[[], Generator]  # raises JobError when it is gone
    config: ModelConfig


@dataclass
class Session:
    """What an open page shows. Gradio keeps one for each; the page's events share it."""

    conversation: Conversation
    before: Conversation | None = None  # which Undo brings back
    own: OwnModel | None = None  # that answers; None for the page's
    answer: object = None  # the one that is being written; replace it to end that answer

    def turn_to(self, conversation: Conversation) -> Conversation:
        """Show another conversation from now on, and return the one that is left."""
        left, self.conversation, self.answer = self.conversation, conversation, None
        self.before = left if left.transcript else self.before
        return left


class ChatTab:
    """The tab's components and what happens between them; made inside a `gr.Blocks`.

    Args:
        generator: the page's.
        title: above the page; it names what the model was trained on.
        hub_id: the repo that the generator came from.
    """

    def __init__(self, generator: Generator, title: gr.HTML, hub_id: str | None = None) -> None:
        self._generator = generator
        self._title = title
        self._hub_id = hub_id
        first = _first(generator.config)
        self.session = gr.State(Session(first))
        """Input to `use`."""
        self._conversations = ConversationsPanel(first)
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._build_text(generator.config, first.speakers)
            with gr.Column(scale=2, min_width=280):
                self._speakers = SpeakersPanel(generator.config.chat_template)
                self._whose = gr.HTML(elem_id="whose", visible=False)
                self._return = gr.Button("Back to this page's own model", size="sm", visible=False)
                self._settings = SettingsPanel()
                with gr.Accordion("About this model", open=False, elem_classes="panel"):
                    about = describe_model(generator.config, hub_id)
                    self._about = gr.HTML(about, elem_id="about")
        self._form = [
            self._conversations.list, self._view, self._box, self._note, self._alone,
            *self._speakers.shown,
        ]  # fmt: skip
        self.changed_by_model = [
            self.session, self._about, self._title, self._whose, self._return, *self._form
        ]  # fmt: skip
        """Outputs of `use`."""
        self._wire()

    def _build_text(self, config: ModelConfig, speakers: Speakers) -> None:
        self._view = gr.Chatbot(
            elem_id="text",
            **_look(config, speakers),
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
            placeholder=speakers.hint,
            lines=1,
            max_lines=8,
            autofocus=True,
            submit_btn="Send",
        )
        self._note = gr.HTML(elem_id="note", visible=False)
        with gr.Row(elem_id="tools"):
            self._alone, self._retry, self._undo, self._clear, self._copy, self._download = (
                gr.Button(label, size="sm", min_width=60)
                for label in (speakers.alone, "Retry", "Undo", "Clear", "Copy", "Download")
            )
        self._timer = gr.Timer(_KEEP_S, active=False)
        self._sent = gr.Textbox(visible="hidden")
        self._how = gr.Textbox(visible=False)
        self._kept = gr.Textbox(visible=False)

    def _wire(self) -> None:
        """What starts an answer, what ends one, and what changes the transcript between.

        page.js does what needs no server. The only component among an answer's outputs is the text:
        for each further one Gradio makes a new component at every update, even if it is skipped,
        and that took most of a core with 20 visitors.
        """
        speaking, typed = self._speakers.choices, [self._box, self._view]
        # Not while an answer is being written: what changes the transcript or its form.
        resting = [self._alone, self._retry, self._undo, self._clear, *speaking]
        controls = [self._box, self._timer, *resting]
        sent, kept = [self._sent, self._how], self._conversations.list
        chosen = self._view.example_select(_example_text, None, self._box, **QUIET)
        for start, inputs, script in (
            (self._box.submit, typed, "begin"),
            (chosen.then, typed, "begin"),
            (self._alone.click, self._view, "beginAlone"),
            (self._retry.click, None, "beginAgain"),
        ):
            js = _SCRIPTS + script
            answer = start(None, inputs, [*sent, *controls], js=js, **QUIET).then(
                self._answer,
                [*sent, self.session, *self._settings.components],
                [self._view, self.session],
                **_ANSWERING,
            )
            for ended in (answer.then, answer.failure):  # `then` is for all but failures
                known = [self._sent, self._view]
                ended(None, known, controls, js=_SCRIPTS + "end", **QUIET).then(
                    self._keep, self.session, kept, **QUIET
                )
        # Gradio's own way to stop (`cancels`) may lose the last update, or cover the text with
        # "Error" when the two sides of it cross.
        self._box.stop(_stop, self.session, None, **QUIET)
        self._sent.change(self._note_on, [self._sent, self.session], self._note, **QUIET)

        self._timer.tick(self._keep, self.session, kept, **QUIET)
        self._undo.click(self._undo_last, [self._box, self.session], self._form, **QUIET)
        for dropped in (self._clear.click, kept.drop):
            dropped(self._clear_all, self.session, self._form, **QUIET)
        self._conversations.new.click(self._start_anew, self.session, self._form, **QUIET)
        kept.refused(lambda: gr.Warning(UNKEPT), **QUIET)
        kept.open(self._open, self.session, [self.session, *self._form], **QUIET)
        for button, script in ((self._copy, "copyText"), (self._download, "downloadText")):
            button.click(_kept_text, self.session, self._kept, **QUIET).then(
                None, self._kept, None, js=_SCRIPTS + script, **QUIET
            )
        for choice in speaking:
            asked = [self.session, *speaking]
            choice.input(self._change_speakers, asked, self._form, **QUIET)
        back = partial(self.use, find=None)
        self._return.click(back, self.session, self.changed_by_model, **QUIET)

    async def _answer(
        self, message: str | None, how: str | None, session: Session, *settings: Setting
    ) -> AsyncGenerator[Updates]:
        """Write the answer to a message; or ("retry") another one in place of the last.

        Or ("alone") what follows by itself: in a dialogue both speakers in turn, until Stop.
        """
        now = session.conversation
        speakers, template = now.speakers, now.speakers.template
        params, pace = self._settings.read(settings, template.stop if template else ())
        generator = await self._generator_of(session)
        transcript = now.transcript
        if how == "retry":
            transcript = without_last_answer(transcript)
        elif (said := clean_message(message)) and (template is None or said.strip()):
            transcript = (*transcript, Message("user", said, speakers.visitor))
        now.identify()
        now.transcript, session.answer = bounded(transcript), (this := object())
        # Gradio forgets a closed page's state only if an event has returned it.
        yield {**self._show(session), self.session: session}

        talks, begun = how == "alone", len(now.transcript)
        writing = write_answer(now.transcript, speakers, generator, params, pace, talks)
        async with aclosing(writing) as written:
            async for longer in written:
                if session.answer is not this:
                    break
                now.transcript = longer
                yield self._show(session)
        if session.conversation is not now:
            yield self._show(session)  # Gradio sends the last update once more
        elif template is None and len(now.transcript) == begun:
            gr.Info("The model has nothing to add here. Write something for it to continue.")

    def generator_of(self, session: Session) -> Generator:
        """The model that a visitor chats with. Raises JobError if it is gone."""
        return session.own.find() if session.own else self._generator

    async def _generator_of(self, session: Session) -> Generator:
        """The same. Raises gr.Error; finding it may take a while, for it may have to be loaded."""
        try:
            return await asyncio.to_thread(self.generator_of, session)
        except JobError as error:
            told = html.escape(f"{error} Go back to this page's own model to chat on.", quote=False)
            raise gr.Error(told, print_exception=False) from error

    def _config_of(self, session: Session) -> ModelConfig:
        return session.own.config if session.own else self._generator.config

    def _note_on(self, message: str | None, session: Session) -> gr.HTML:
        """What the visitor should know about how the model reads a message."""
        kept, template = clean_message(message), session.conversation.speakers.template
        notes = []
        if len(kept) < len(message or ""):
            notes.append(f"Only the last {MAX_MESSAGE:,} characters of your text were kept")
        if template and template.fitted(kept) != kept.strip():
            notes.append("Line breaks that would have ended your turn were removed")
        if changes := self._config_of(session).vocabulary.encode(kept[-_ENCODED:]).describe():
            notes.append(f"Characters that this model doesn't know: {changes}")
        return note(". ".join(notes))

    def use(
        self, session: Session, find: Callable[[], Generator] | None, title: str = ""
    ) -> Updates:
        """Chat with a model of the visitor's own from now on, or with the page's (None).

        Args:
            session: the visitor's.
            find: gives the model, at each answer; raises JobError when it is gone.
            title: of the model.
        """
        own = None if find is None else OwnModel(find, find().config)
        session.own = own
        config = self._config_of(session)
        left, session.before = session.turn_to(_first(config)), None
        return {
            **self._show_form(session, left),
            self.session: session,
            self._about: describe_model(config, None if own else self._hub_id),
            self._title: heading(config),
            self._whose: note(f"Your model: {title}" if own else ""),
            self._return: gr.Button(visible=own is not None),
        }

    def _undo_last(self, typed: str, session: Session) -> Updates:
        """Take back the last answer and what it answered, which may be edited and sent again.

        Where nothing is left, what was there before comes back.
        """
        now, message = session.conversation, ""
        if now.transcript:
            now.transcript, message = without_last_exchange(now.transcript)
        elif session.before:
            session.turn_to(session.before)
            session.before = None
        return self._show_form(session, session.conversation, typed or message)

    def _clear_all(self, session: Session) -> Updates:
        """Drop the conversation; Undo brings it back."""
        left = self._leave(session, session.conversation.speakers)
        return self._show_form(session, replace(left, transcript=()), "")

    def _start_anew(self, session: Session) -> Updates:
        return self._show_form(session, self._leave(session, session.conversation.speakers), "")

    def _change_speakers(self, session: Session, *choices: str) -> Updates:
        """Who spoke so far stays: others begin a new conversation."""
        speakers = self._speakers.read(self._config_of(session).chat_template, *choices)
        return self._show_form(session, self._leave(session, speakers))

    def _leave(self, session: Session, speakers: Speakers) -> Conversation:
        return session.turn_to(Conversation(session.conversation.model, speakers))

    def _open(self, session: Session, event: gr.EventData) -> Updates:
        """Show a conversation that the browser has kept."""
        try:
            model, config = session.conversation.model, self._config_of(session)
            opened = read_conversation(event._data["conversation"], model, config)
        except (ValueError, TypeError, LookupError) as error:
            said = "This conversation can't be read: it was written with another model or page."
            raise gr.Error(said, print_exception=False) from error
        left, session.before = session.turn_to(opened), None
        return {**self._show_form(session, left), self.session: session}

    def _keep(self, session: Session) -> str:
        return self._conversations.record(session.conversation, session.conversation)

    def _show_form(
        self, session: Session, changed: Conversation, typed: str | None = None
    ) -> Updates:
        """Dialogue or one text, what was written in it, and who speaks.

        Args:
            session: the visitor's.
            changed: what the browser has to keep: the conversation that is shown, or was.
            typed: for the message box, where that changes.
        """
        now, config = session.conversation, self._config_of(session)
        box: dict[str, Any] = {} if typed is None else {"value": typed}
        return {
            self._conversations.list: self._conversations.record(now, changed),
            self._view: gr.Chatbot(chatbot_messages(now.transcript), **_look(config, now.speakers)),
            self._box: gr.Textbox(placeholder=now.speakers.hint, **box),
            self._alone: now.speakers.alone,
            self._note: note(""),
            **self._speakers.show(config.chat_template, now.speakers),
        }

    def _show(self, session: Session) -> Updates:
        return {self._view: chatbot_messages(session.conversation.transcript)}


def _first(config: ModelConfig) -> Conversation:
    """What a page begins with, with a model."""
    return Conversation(model_key(config), Speakers.of(config.chat_template, config.is_list))


def _look(config: ModelConfig, speakers: Speakers) -> dict[str, Any]:
    """How the text is shown: as bubbles or as one text, and what stands there at first."""
    offered = [{"text": text} for text in examples(config, speakers.template)]
    return {
        "elem_classes": ["chat" if speakers.template or speakers.is_list else "one-text"],
        "placeholder": speakers.invitation + (" Or begin with one of these:" if offered else ""),
        "examples": offered,
    }


def _stop(session: Session) -> None:
    session.answer = None


def _kept_text(session: Session) -> str:
    transcript, speakers = session.conversation.transcript, session.conversation.speakers
    if speakers.is_list:  # how they should begin is no item
        transcript = tuple(message for message in transcript if message.role == "assistant")
    return written_text(transcript, speakers.template)


def _example_text(event: gr.EventData) -> str:
    try:
        return str(event._data["value"]["text"])
    except (TypeError, LookupError):  # no page of ours has sent it
        return ""
