"""Who speaks: the controls of a model with a chat template, and what they mean for the text.

A model without one has no such controls: what is written with it is one text. Knows nothing about
generating, or about how a text is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from model.dialogue import ChatTemplate

DIALOGUE = "Dialogue"
ONE_TEXT = "One text"

_LABELS = ("You speak as", "The model speaks as")


@dataclass(frozen=True)
class Speakers:
    """Dialogue or one text, and as whom visitor and model speak from now on.

    Args:
        template: of a dialogue; None for one text.
        visitor: the visitor's name; "" for none.
        model: the model's.
    """

    template: ChatTemplate | None = None
    visitor: str = ""
    model: str = ""

    @classmethod
    def of(cls, template: ChatTemplate | None) -> Speakers:
        """How a page begins with a model that has this template."""
        return cls(template, template.user_speaker, template.reply_speaker) if template else cls()

    @property
    def invitation(self) -> str:
        """What the page says before anything is written. Gradio reads it as Markdown."""
        if self.template is None:
            return "Write something and the model continues it, or send nothing and it begins."
        return "Say something and the model replies, or send nothing and it speaks first."

    @property
    def hint(self) -> str:
        """The message box's placeholder."""
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
        with gr.Accordion(
            "Speakers",
            open=True,
            elem_id="speakers",
            elem_classes="panel",
            visible=template is not None,
        ) as self.panel:
            self.mode = gr.Radio(
                [DIALOGUE, ONE_TEXT],
                value=DIALOGUE,
                label="Mode",
                info="One text: the model continues what you write",
            )
            self.names = [
                gr.Dropdown(label=label, **choice)
                for label, choice in zip(_LABELS, _choices(template), strict=True)
            ]

    @property
    def components(self) -> list[Component]:
        """Inputs to `read`, in order."""
        return [self.mode, *self.names]

    def read(self, template: ChatTemplate | None, values: Sequence[Any]) -> Speakers:
        """What the components' values mean for a model with this template."""
        mode, *names = values
        if template is None or mode == ONE_TEXT:
            return Speakers()
        return Speakers(template, *names) if _has_choice(template) else Speakers.of(template)

    def updates(self, template: ChatTemplate | None) -> dict[Any, Any]:
        """New values by component, for a model with this template."""
        choices = zip(self.names, _choices(template), strict=True)
        return {
            self.panel: gr.Accordion(visible=template is not None),
            self.mode: gr.Radio(value=DIALOGUE),
            **{name: gr.Dropdown(**choice) for name, choice in choices},
        }

    def shown(self, speakers: Speakers) -> dict[Any, Any]:
        """The names are chosen in a dialogue only."""
        return {name: gr.Dropdown(visible=_has_choice(speakers.template)) for name in self.names}


def _has_choice(template: ChatTemplate | None) -> bool:
    return template is not None and template.has_choice_of_speakers


def _choices(template: ChatTemplate | None) -> list[dict[str, Any]]:
    """Properties of the visitor's and the model's dropdown."""
    if template is None or not template.has_choice_of_speakers:
        return [{"choices": [], "value": None, "visible": False}] * 2
    own = (template.user_speaker, template.reply_speaker)
    return [{"choices": list(template.speakers), "value": name, "visible": True} for name in own]
