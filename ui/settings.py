"""The controls of sampling, length and speed, and what their values mean.

Knows nothing about models or texts.
"""

from __future__ import annotations

import html
import math
import random
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from model.sampling import SamplingError, SamplingParams
from ui.streaming import CHARACTERS_PER_SECOND

Setting = float | str | None

_SEEDS = 1_000_000  # few enough digits to be read aloud
_SPEEDS: list[tuple[str, float]] = [
    ("40", 40),
    (f"{CHARACTERS_PER_SECOND}", CHARACTERS_PER_SECOND),
    ("at once", 0),
]


class SettingsPanel:
    """The controls; made inside a `gr.Blocks`."""

    def __init__(self) -> None:
        with gr.Accordion("Settings", open=True, elem_classes="panel"):
            temperature = gr.Slider(
                0, 1.5, 0.8, step=0.05, label="Temperature", info="low: predictable, high: wild"
            )
            length = gr.Slider(50, 2000, 500, step=50, label="Length", info="characters, at most")
            speed = gr.Radio(
                _SPEEDS, value=CHARACTERS_PER_SECOND, label="Speed", info="characters per second"
            )
            seed = gr.Textbox(
                label="Seed",
                info="the same seed repeats an answer",
                placeholder="a new one each time",
                max_lines=1,
            )
        with gr.Accordion("Top-p and top-k", open=False, elem_classes="panel"):
            top_p = gr.Slider(0.05, 1, 1, step=0.05, label="Top-p", info="1 allows all characters")
            top_k = gr.Slider(0, 100, 0, step=1, label="Top-k", info="0 allows all characters")
        self.components: list[Component] = [temperature, top_p, top_k, length, seed, speed]
        """Inputs to `read`, in order."""

    def read(self, values: Sequence[Any], stop: tuple[str, ...]) -> tuple[SamplingParams, float]:
        """What the components' values mean, and the speed in characters per second.

        Args:
            values: of `components`.
            stop: strings that end an answer.

        Raises:
            gr.Error: if a value is out of range.
        """
        temperature, top_p, top_k, length, seed, speed = values
        try:
            params = SamplingParams(
                length=length,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                seed=_seed(seed),
                stop=stop,
            )
        except SamplingError as error:
            # Gradio shows the text of an error as HTML.
            raise gr.Error(html.escape(str(error), quote=False), print_exception=False) from error
        return params, speed or math.inf


def _seed(typed: str | None) -> int:
    # A page that has just opened sends None for a box that nobody has touched.
    if typed is None or not typed.strip():
        return random.randrange(_SEEDS)
    try:
        return int(typed)
    except ValueError:
        raise SamplingError(f"seed must be a whole number, not {typed[:20]!r}") from None
