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

    Args:
        template: of the model; None makes no controls at all.
    """

    def __init__(self, template: ChatTemplate | None) -> None:
        self._template = template
        self.mode: gr.Radio | None = None
        self.speakers: list[gr.Dropdown] = []
        if template is None:
            return
        with gr.Accordion("Who speaks", open=True, elem_id="cast", elem_classes="panel"):
            self.mode = gr.Radio(
                [DIALOGUE, ONE_TEXT],
                value=DIALOGUE,
                label="Form",
                info="one text: exactly what you write, gone on with",
            )
            if template.is_castable:
                names = list(template.speakers)
                with gr.Row():
                    self.speakers = [
                        gr.Dropdown(names, value=value, label=label, min_width=100)
                        for label, value in (
                            ("You are", template.user_speaker),
                            ("Answers as", template.reply_speaker),
                        )
                    ]

    @property
    def components(self) -> list[Component]:
        """Those whose values `read` wants."""
        return [] if self.mode is None else [self.mode, *self.speakers]

    def read(self, values: Sequence[Any]) -> Cast:
        """What the components' values mean."""
        if self._template is None or values[0] == ONE_TEXT:
            return Cast()
        visitor, model = values[1:] or (
            self._template.user_speaker,
            self._template.reply_speaker,
        )
        return Cast(self._template, visitor, model)

    @property
    def first(self) -> Cast:
        """How a page begins."""
        return self.read([component.value for component in self.components])
