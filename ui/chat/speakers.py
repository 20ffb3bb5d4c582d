"""Who speaks: the controls of a model with a chat template, and what they mean for the text.

A model without one has no such controls: what is written with it is one text. Knows nothing about
generating, or about how a text is shown.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from model.chat.conversation import Conversation, Speakers
from model.chat.dialogue import ChatTemplate

CONTINUE = "Continue"
_DIALOGUE, _ONE_TEXT = "Dialogue", "One text"


def alone_word(now: Conversation) -> str:
    """The button's word for what the model does without the visitor."""
    speakers = now.speakers
    template, is_begun = speakers.template, bool(now.transcript)
    if template and template.is_unfinished(now.transcript, speakers.model):
        return CONTINUE
    if speakers.can_talk:
        return "Let them talk"
    if template:
        return "Let it speak"
    return CONTINUE if is_begun and not speakers.is_list else "Let it write"


def invitation(speakers: Speakers) -> str:
    """What the page says before anything is written. Gradio reads it as Markdown."""
    if speakers.is_list:
        return "Write how an item begins and get ten of them."
    if speakers.template is None:
        return "Write something and the model goes on."
    return "Say something and the model replies."


def hint(speakers: Speakers) -> str:
    """The message box's placeholder."""
    if speakers.is_list:
        return "How an item begins (may be empty)"
    if speakers.template is None:
        return "Your text (may be empty)"
    return f"Speak as {speakers.visitor}" if speakers.visitor else "Your message (may be empty)"


class SpeakersPanel:
    """A choice between dialogue and one text, and of the speakers; made inside a `gr.Blocks`.

    A model without a template shows none of it.

    Args:
        template: of the model that the page begins with.
    """

    def __init__(self, template: ChatTemplate | None) -> None:
        self._panel = gr.Accordion(
            "Speakers", elem_id="speakers", elem_classes="panel", visible=template is not None
        )
        with self._panel:
            self._mode = gr.Radio(
                [_DIALOGUE, _ONE_TEXT],
                value=_DIALOGUE,
                label="Mode",
                info="One text: the model continues what you write",
            )
            visitor, model = _names(Speakers.of(template))
            self._visitor = gr.Dropdown(label="You speak as", **visitor)
            self._model = gr.Dropdown(label="The model speaks as", **model)
        self.choices: list[Any] = [self._mode, self._visitor, self._model]
        """Inputs to `read`, in order."""
        self.shown: list[Any] = [self._panel, *self.choices]
        """Outputs of `show`."""

    def read(self, template: ChatTemplate | None, mode: str, *names: str) -> Speakers:
        """What the choices mean for a model with this template."""
        if template is None or mode == _ONE_TEXT:
            return Speakers()
        if not template.has_choice_of_speakers:
            return Speakers.of(template)
        visitor, model = names
        return Speakers(template, visitor, model)

    def show(self, template: ChatTemplate | None, speakers: Speakers) -> dict[Any, Any]:
        """The choices as they are, by component, for a model with this template."""
        visitor, model = _names(speakers)
        return {
            self._panel: gr.Accordion(visible=template is not None),
            self._mode: gr.Radio(value=_DIALOGUE if speakers.template else _ONE_TEXT),
            self._visitor: gr.Dropdown(**visitor),
            self._model: gr.Dropdown(**model),
        }


def _names(speakers: Speakers) -> list[dict[str, Any]]:
    """Properties of the visitor's and the model's dropdown. In one text they rest, unseen."""
    template = speakers.template
    if template is None or not template.has_choice_of_speakers:
        return [{"visible": False}] * 2
    choices = {"choices": list(template.speakers), "visible": True}
    return [{**choices, "value": name} for name in (speakers.visitor, speakers.model)]
