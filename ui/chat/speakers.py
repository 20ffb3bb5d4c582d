"""Who speaks: the controls of a model with a chat template, and what they mean for the text.

A model without one has no such controls: what is written with it is one text. Knows nothing about
generating, or about how a text is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from model.dialogue import ChatTemplate

_DIALOGUE, _ONE_TEXT = "Dialogue", "One text"


@dataclass(frozen=True)
class Speakers:
    """Dialogue or one text, and as whom visitor and model speak from now on."""

    template: ChatTemplate | None = None  # of a dialogue; None for one text
    visitor: str = ""
    model: str = ""
    is_list: bool = False  # neither: the model writes items, which begin as the visitor says

    @classmethod
    def of(cls, template: ChatTemplate | None, is_list: bool = False) -> Speakers:
        """How a page begins with a model that has this template, or has read a list."""
        if template is None:
            return cls(is_list=is_list)
        return cls(template, template.user_speaker, template.reply_speaker)

    @property
    def can_talk(self) -> bool:
        """Whether the model can speak for both."""
        return self.template is not None and self.template.has_choice_of_speakers

    @property
    def alone(self) -> str:
        """The button's word for what the model does without the visitor."""
        if self.can_talk:
            return "Let them talk"
        return "Let it speak" if self.template else "Let it write"

    @property
    def invitation(self) -> str:
        """What the page says before anything is written. Gradio reads it as Markdown."""
        if self.is_list:
            return "Write how an item begins and get ten of them."
        if self.template is None:
            return "Write something and the model goes on."
        return "Say something and the model replies."

    @property
    def hint(self) -> str:
        """The message box's placeholder."""
        if self.is_list:
            return "How an item begins (may be empty)"
        if self.template is None:
            return "Your text (may be empty)"
        return f"Speak as {self.visitor}" if self.visitor else "Your message (may be empty)"


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
