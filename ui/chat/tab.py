"""The Chat tab: the visitor's text is continued, streamed, and stays one text.

The path of a message: `_answer` appends it to the transcript, `ui.chat.answer` writes on at the
page's pace, every update is shown; the visitor's browser keeps what has come of it. Knows nothing
about where the model came from; nothing that is written here is logged.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr

from jobs import JobError
from jobs.models import PAGE_MODEL, Models
from model.chat.conversation import Conversation, Speakers, read_conversation
from model.config import ModelConfig
from model.generator import Generator
from ui import QUIET, Updates, note
from ui.about import describe_model, examples, heading
from ui.chat.answer import write_answer
from ui.chat.conversations import UNKEPT, ConversationsPanel
from ui.chat.session import Session
from ui.chat.settings import Setting, SettingsPanel
from ui.chat.speakers import CONTINUE, SpeakersPanel, alone_word, hint, invitation
from ui.chat.transcript import MAX_MESSAGE, chatbot_messages, clean_message

_ENCODED = 20_000  # characters of a message that are looked at for unknown ones: the last
_EDITING = "You are changing an earlier message: Undo leaves it as it was"
_BEGUN_S = 0.3  # after which a message is in its conversation, and can be kept
_KEEP_S = 5  # between two times that a long answer is kept, while it is written
_SCRIPTS = "window.charlstm."  # page.js
# Any number of visitors at once: they share the worker threads of ui.chat.streaming.
_ANSWERING: dict[str, Any] = {**QUIET, "concurrency_limit": None, "concurrency_id": "page"}


class ChatTab:
    """The tab's components and what happens between them; made inside a `gr.Blocks`.

    Args:
        models: that one can chat with.
        conversations: the sidebar, which is there on all tabs.
        page: that it is made in.
        tab: of the page.
        title: above the page; it names what the model was trained on.
        secret: from `browser_state`: the visitor's, by which they find their own models.
    """

    def __init__(
        self,
        models: Models,
        conversations: ConversationsPanel,
        page: gr.Blocks,
        tab: gr.Tab,
        title: gr.HTML,
        secret: gr.BrowserState,
    ) -> None:
        self._models, self._conversations = models, conversations
        self._title = title
        config = models.page.config
        session = Session.of(models.page)
        first = session.conversation
        self.session = gr.State(session)
        """Input to `use`."""
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._build_text(config, first)
            with gr.Column(scale=2, min_width=280):
                known = models.choices("")
                self._picker = gr.Dropdown(
                    known,
                    value=PAGE_MODEL,
                    label="Model",
                    info=None if models.is_shared else "or type a Hub id, such as user/novel",
                    allow_custom_value=not models.is_shared,
                    visible=not models.is_shared,
                    elem_id="model",
                )
                self._speakers = SpeakersPanel(config.chat_template)
                self._settings = SettingsPanel()
                with gr.Accordion("About this model", open=False, elem_classes="panel"):
                    about = describe_model(config, models.page.hub_id)
                    self._about = gr.HTML(about, elem_id="about")
        self._form = [
            self._conversations.list, self._view, self._box, self._note, self._alone,
            *self._speakers.shown,
        ]  # fmt: skip
        self.changed_by_model = [
            self.session, self._about, self._title, self._picker, *self._form
        ]  # fmt: skip
        """Outputs of `use`."""
        self._wire([page.load, tab.select], secret)

    def _build_text(self, config: ModelConfig, first: Conversation) -> None:
        self._view = gr.Chatbot(
            elem_id="text",
            **_look(config, first.speakers),
            show_label=False,
            height="max(18rem, 100dvh - 22rem)",
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
            placeholder=hint(first.speakers),
            lines=1,
            max_lines=8,
            autofocus=True,
            submit_btn="Send",
        )
        with gr.Row(elem_id="tools"):
            self._alone, self._retry, self._undo, self._clear = (
                gr.Button(label, size="sm", min_width=60)
                for label in (alone_word(first), "Retry", "Undo", "Clear")
            )
            self._copy, self._text, self._json = (
                gr.Button(label, size="sm", min_width=60)
                for label in ("Copy", "Download", "as JSON")
            )
        self._note = gr.HTML(elem_id="note", visible=False)  # last: nothing moves when it appears
        self._timer = gr.Timer(_KEEP_S, active=False)
        self._sent = gr.Textbox(visible="hidden")
        self._how = gr.Textbox(visible=False)
        self._kept = gr.Textbox(visible=False)

    def _wire(self, seen: list[Any], secret: gr.BrowserState) -> None:
        """What starts an answer, what ends one, and what changes the transcript between.

        page.js does what needs no server. The only component among an answer's outputs is the text:
        for each further one Gradio makes a new component at every update, even if it is skipped,
        and that took most of a core with 20 visitors.
        """
        speaking, typed = self._speakers.choices, [self._box, self._view]
        sent, kept = [self._sent, self._how], self._conversations.list
        shown = [self._box, self._timer]
        chosen = self._view.example_select(_example_text, None, self._box, **QUIET)
        for start, inputs, script in (
            (self._box.submit, typed, "begin"),
            (chosen.then, typed, "begin"),
            (self._alone.click, None, "beginOther.bind(null, 'alone')"),
            (self._retry.click, None, "beginOther.bind(null, 'retry')"),
        ):
            begun = start(None, inputs, [*sent, *shown], js=_SCRIPTS + script, **QUIET)
            answer = begun.then(
                self._answer,
                [*sent, self.session, *self._settings.components],
                [self._view, self.session],
                **_ANSWERING,
            )
            for ended in (answer.then, answer.failure):  # `then` is for all but failures
                known = [self._sent, self._view]
                ended(None, known, shown, js=_SCRIPTS + "end", **QUIET).then(
                    self._keep, self.session, [kept, self._alone], **QUIET
                )
        # Not one more step after `start`: the first text would come 20 ms later.
        noted = [self._note, kept]
        self._sent.change(
            self._note_on, [self._sent, self.session], noted, concurrency_limit=None, **QUIET
        )
        # Gradio's own way to stop (`cancels`) may lose the last update, or cover the text with
        # "Error" when the two sides of it cross.
        self._box.stop(_stop, self.session, None, **QUIET)

        self._timer.tick(self._keep, self.session, [kept, self._alone], **QUIET)
        self._undo.click(self._undo_last, [self._box, self.session], self._form, **QUIET)
        for dropped in (self._clear.click, kept.drop):
            dropped(self._clear_all, self.session, self._form, **QUIET)
        self._conversations.new.click(self._start_anew, self.session, self._form, **QUIET)
        kept.refused(lambda: gr.Warning(UNKEPT), **QUIET)
        kept.open(self._open, self.session, [self.session, *self._form], **QUIET)
        kept.turn(self._turn, self.session, self._form, **QUIET)
        edited = [self._sent, *self._form]
        kept.edit(self._edit, [self._box, self.session], edited, **QUIET)
        for button, content, script in (
            (self._copy, _kept_text, "copyText"),
            (self._text, _kept_text, "downloadText"),
            (self._json, Session.to_file, "downloadJson"),
        ):
            button.click(content, self.session, self._kept, **QUIET).then(
                None, self._kept, None, js=_SCRIPTS + script, **QUIET
            )
        for choice in speaking:
            asked = [self.session, *speaking]
            choice.input(self._change_speakers, asked, self._form, **QUIET)
        gr.on(seen, self._list_models, [secret, self.session], self._picker, **QUIET)
        gr.on(None, None, None, self._settings.panel, js=_SCRIPTS + "fold", **QUIET)
        picked = [self.session, secret, self._picker]
        self._picker.input(
            self._pick, picked, self.changed_by_model, concurrency_limit=None, **QUIET
        )

    async def _answer(
        self, message: str | None, how: str | None, session: Session, *settings: Setting
    ) -> AsyncGenerator[Updates]:
        """Write the answer to a message; or ("retry") another one in place of the last.

        Or ("alone") what follows by itself: in a dialogue both speakers in turn, until Stop.
        """
        params, pace = self._settings.read(settings)
        generator = await self._generator_of(session)
        now, speakers = session.conversation, session.conversation.speakers
        talks = how == "alone" and alone_word(now) != CONTINUE and speakers.can_talk
        this, begun = session.begin_answer(message, how), now.transcript
        # Gradio forgets a closed page's state only if an event has returned it.
        yield {**self._show(session), self.session: session}

        writing = write_answer(now.transcript, speakers, generator, params, pace, talks)
        async with aclosing(writing) as written:
            async for longer in written:
                if session.answer is not this:
                    break
                now.transcript = longer
                yield self._show(session)
        if session.answer is not this:
            yield self._show(session)  # Gradio sends the last update once more
        elif not speakers.template and now.transcript is begun:
            gr.Info("The model has nothing to add here. Write something for it to continue.")

    async def _generator_of(self, session: Session) -> Generator:
        """The model that a visitor chats with; to load it may take a while. Raises gr.Error."""
        try:
            return await asyncio.to_thread(session.chosen.find)
        except JobError as error:
            told = html.escape(f"{error} Choose another model to chat on.", quote=False)
            raise gr.Error(told, print_exception=False) from error

    async def _note_on(self, message: str | None, session: Session) -> tuple[gr.HTML, str]:
        """What the visitor should know about how the model reads a message, which is kept."""
        await asyncio.sleep(_BEGUN_S)
        kept, template = clean_message(message), session.conversation.speakers.template
        notes = [] if session.edited is None else [_EDITING]
        if len(kept) < len(message or ""):
            notes.append(f"Only the last {MAX_MESSAGE:,} characters of your text were kept")
        if template and template.fitted(kept) != kept.strip():
            notes.append("Line breaks that would have ended your turn were removed")
        if changes := session.chosen.config.vocabulary.encode(kept[-_ENCODED:]).describe():
            notes.append(f"Characters that this model doesn't know: {changes}")
        now = session.conversation
        return note(". ".join(notes)), self._conversations.record(now, now)

    async def use(self, session: Session, secret: str | None, key: str) -> Updates:
        """Chat with another model from now on.

        Args:
            session: the visitor's.
            secret: the visitor's.
            key: of the model, as `Models` has it.

        Raises:
            JobError: if there is no such model.
        """
        chosen = await asyncio.to_thread(self._models.find, secret, key)
        left = session.choose(chosen)
        return {
            **self._show_form(session, left),
            self.session: session,
            self._about: describe_model(chosen.config, chosen.hub_id),
            self._title: heading(chosen.config),
            self._picker: self._list_models(secret, session),
        }

    async def _pick(self, session: Session, secret: str | None, key: str | None) -> Updates:
        key = (key or "").strip()
        if key and key != session.chosen.key:
            if key not in [known for _, known in self._models.choices(secret)]:
                gr.Info(html.escape(f"Looking for {key}. You can chat on meanwhile.", quote=False))
            try:
                return await self.use(session, secret, key)
            except JobError as error:
                gr.Warning(html.escape(str(error), quote=False))
        return {self._picker: self._list_models(secret, session)}

    def _list_models(self, secret: str | None, session: Session) -> gr.Dropdown:
        choices, chosen = self._models.choices(secret), session.chosen
        if chosen.key not in [key for _, key in choices]:  # from the Hub, or a run that is gone
            choices.append((chosen.title, chosen.key))
        visible = not self._models.is_shared or len(choices) > 1
        return gr.Dropdown(choices, value=chosen.key, visible=visible)

    # These change a session: in a thread, an answer could be shown between two of their steps.

    async def _undo_last(self, typed: str, session: Session) -> Updates:
        was_editing, message = session.edited is not None, session.undo()
        text = message if was_editing else typed or message
        return self._show_form(session, session.conversation, text)

    async def _edit(self, typed: str, session: Session, event: gr.EventData) -> Updates:
        """Let the visitor change an earlier message of theirs."""
        message = session.edit(_message_of(event, session), typed)
        return {
            **self._show_form(session, session.conversation, message),
            self._note: note(_EDITING),
            self._sent: "",  # so that what is sent next is a change, whatever it is
        }

    async def _turn(self, session: Session, event: gr.EventData) -> Updates:
        """Show another version of a message, and what followed it."""
        index, typed = _message_of(event, session), session.end_edit()
        session.turn(index, 1 if event._data.get("later") else -1)
        return self._show_form(session, session.conversation, typed)

    async def _clear_all(self, session: Session) -> Updates:
        """Drop the conversation; Undo brings it back."""
        return self._show_form(session, session.clear(), "")

    async def _start_anew(self, session: Session) -> Updates:
        return self._show_form(session, session.leave(), "")

    async def _change_speakers(self, session: Session, *choices: str) -> Updates:
        """Who spoke so far stays: others begin a new conversation."""
        speakers = self._speakers.read(session.chosen.config.chat_template, *choices)
        return self._show_form(session, session.leave(speakers))

    async def _open(self, session: Session, event: gr.EventData) -> Updates:
        """Show a conversation that the browser has kept."""
        try:
            opened = read_conversation(event._data["conversation"], session.chosen.config)
        except (ValueError, TypeError, LookupError) as error:
            said = "This conversation can't be read: it was written with another model or page."
            raise gr.Error(said, print_exception=False) from error
        typed = session.end_edit()
        left, session.before = session.turn_to(opened), None
        return {**self._show_form(session, left, typed), self.session: session}

    def _keep(self, session: Session) -> tuple[str, str]:
        now = session.conversation
        return self._conversations.record(now, now), alone_word(now)

    def _show_form(
        self, session: Session, changed: Conversation, typed: str | None = None
    ) -> Updates:
        """Dialogue or one text, what was written in it, and who speaks.

        Args:
            session: the visitor's.
            changed: what the browser has to keep: the conversation that is shown, or was.
            typed: for the message box, where that changes.
        """
        now, config = session.conversation, session.chosen.config
        box: dict[str, Any] = {} if typed is None else {"value": typed}
        return {
            self._conversations.list: self._conversations.record(now, changed),
            self._view: gr.Chatbot(chatbot_messages(now.transcript), **_look(config, now.speakers)),
            self._box: gr.Textbox(placeholder=hint(now.speakers), **box),
            self._alone: alone_word(now),
            self._note: note(""),
            **self._speakers.show(config.chat_template, now.speakers),
        }

    def _show(self, session: Session) -> Updates:
        return {self._view: chatbot_messages(session.conversation.transcript)}


def _look(config: ModelConfig, speakers: Speakers) -> dict[str, Any]:
    """How the text is shown: as bubbles or as one text, and what stands there at first."""
    offered = [{"text": text} for text in examples(config, speakers.template)]
    return {
        "elem_classes": ["chat" if speakers.template or speakers.is_list else "one-text"],
        "placeholder": invitation(speakers) + (" Or begin with one of these:" if offered else ""),
        "examples": offered,
    }


async def _stop(session: Session) -> None:
    session.answer = None


def _kept_text(session: Session) -> str:
    return session.conversation.text


def _message_of(event: gr.EventData, session: Session) -> int:
    """The index of the message that an event is about."""
    index = event._data.get("message") if isinstance(event._data, dict) else None
    if type(index) is not int or not 0 <= index < len(session.conversation.transcript):
        raise gr.Error("This message isn't here any more.", print_exception=False)
    return index


def _example_text(event: gr.EventData) -> str:
    try:
        return str(event._data["value"]["text"])
    except (TypeError, LookupError):  # no page of ours has sent it
        return ""
