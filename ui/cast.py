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


@dataclass(frozen=True)
class Cast:
    """How the parts of a text are joined, and as whom visitor and model speak from now on.

    Args:
        template: of a dialogue; None for one text.
        visitor: the visitor's name; "" for none.
        model: the model's.
    """

    template: ChatTemplate | None = None
    visitor: str = ""
    model: str = ""

    @property
    def invitation(self) -> str:
        """What a page says on which nothing has been written yet. Gradio reads it as Markdown."""
        if self.template is None:
            return "Write something and the model goes on. Write nothing and it goes on, too."
        return "Say something and the model answers. Say nothing and it begins."

    @property
    def hint(self) -> str:
        """What stands in the box that one writes into."""
        if self.template is None:
            return "Your text, or nothing"
        return f"Speak as {self.visitor}" if self.visitor else "Speak"


class CastPanel:
    """A choice between dialogue and one text, and of the speakers; made inside a `gr.Blocks`.

    A model without a template shows none of it. What a model's template is, whoever calls says, for
    a visitor may chat with another model than the page began with.

    Args:
        template: of the model that the page begins with.
    """

    def __init__(self, template: ChatTemplate | None) -> None:
        with gr.Accordion(
            "Who speaks",
            open=True,
            elem_id="cast",
            elem_classes="panel",
            visible=template is not None,
        ) as self.panel:
            self.mode = gr.Radio(
                [DIALOGUE, ONE_TEXT],
                value=DIALOGUE,
                label="Form",
                info="One text: the model simply continues what you write",
            )
            self.speakers = [
                gr.Dropdown(label=label, **_choice(template, is_visitor))
                for label, is_visitor in (("You are", True), ("Answers as", False))
            ]

    @property
    def components(self) -> list[Component]:
        """Those whose values `read` wants."""
        return [self.mode, *self.speakers]

    def read(self, template: ChatTemplate | None, values: Sequence[Any]) -> Cast:
        """What the components' values mean for a model with this template."""
        mode, *names = values
        if template is None or mode == ONE_TEXT:
            return Cast()
        if not template.is_castable:
            names = [template.user_speaker, template.reply_speaker]
        return Cast(template, *names)

    def fitted(self, template: ChatTemplate | None) -> dict[Any, Any]:
        """New values by component, for a model with this template."""
        return {
            self.panel: gr.Accordion(visible=template is not None),
            self.mode: gr.Radio(value=DIALOGUE),
            **{
                choice: gr.Dropdown(**_choice(template, is_visitor))
                for choice, is_visitor in zip(self.speakers, (True, False), strict=True)
            },
        }


def first_cast(template: ChatTemplate | None) -> Cast:
    """How a page begins with a model that has this template."""
    if template is None:
        return Cast()
    return Cast(template, template.user_speaker, template.reply_speaker)


def _choice(template: ChatTemplate | None, is_visitor: bool) -> dict[str, Any]:
    if template is None or not template.is_castable:
        return {"choices": [], "value": None, "visible": False}
    value = template.user_speaker if is_visitor else template.reply_speaker
    return {"choices": list(template.speakers), "value": value, "visible": True}
