"""The controls of sampling, length and speed, and what their values mean.

Knows nothing about models or texts.
"""

from __future__ import annotations

import html
import json
import math
import random
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from model.sampling import SamplingError, SamplingParams
from ui import QUIET
from ui.chat.streaming import CHARACTERS_PER_SECOND

Setting = float | str | None

_SEEDS = 1_000_000  # few enough digits to be read aloud
_SPEEDS: list[tuple[str, float]] = [
    ("40", 40),
    (f"{CHARACTERS_PER_SECOND}", CHARACTERS_PER_SECOND),
    ("at once", 0),
]
_BALANCED = "Balanced"  # what is sampled by where nobody asks for anything else
_PRESETS = {
    "Careful": SamplingParams(temperature=0.7),
    _BALANCED: SamplingParams(),
    "Wild": SamplingParams(temperature=1.2),
}
"""Chosen by what docs/sampling.md measured."""


class SettingsPanel:
    """The controls; made inside a `gr.Blocks`."""

    def __init__(self) -> None:
        usual = _PRESETS[_BALANCED]
        with gr.Accordion("Settings", elem_classes="panel") as self.panel:
            # fmt: off
            preset = gr.Radio(
                list(_PRESETS), value=_BALANCED, label="How it writes",
                info="fewer made-up words, or more surprises",
            )
            temperature = gr.Slider(
                0, 1.5, usual.temperature, step=0.05, label="Temperature",
                info="low: predictable, high: wild",
            )
            length = gr.Slider(50, 2000, 500, step=50, label="Length", info="characters, at most")
            speed = gr.Radio(
                _SPEEDS, value=CHARACTERS_PER_SECOND, label="Speed", info="characters per second"
            )
            seed = gr.Textbox(
                label="Seed", placeholder="a new one each time", max_lines=1,
                info="the same seed repeats an answer",
            )
        with gr.Accordion("Min-p, top-p and top-k", open=False, elem_classes="panel"):
            min_p = gr.Slider(
                0,
                0.5,
                usual.min_p,
                step=0.01,
                label="Min-p",
                info="drops the far less likely; 0 allows all",
            )
            top_p = gr.Slider(
                0.05,
                1,
                usual.top_p,
                step=0.05,
                label="Top-p",
                info="the likeliest up to a share; 1 allows all",
            )
            top_k = gr.Slider(
                0,
                100,
                usual.top_k,
                step=1,
                label="Top-k",
                info="so many of the likeliest; 0 allows all",
            )
            # fmt: on
        sampling = [temperature, min_p, top_p, top_k]
        self.components: list[Component] = [*sampling, length, seed, speed]
        """Inputs to `read`, in order."""
        # Both in the browser: a message that is sent at once has the new values.
        presets = json.dumps(
            {name: [p.temperature, p.min_p, p.top_p, p.top_k] for name, p in _PRESETS.items()}
        )
        preset.input(None, preset, sampling, js=f"name => ({presets})[name]", **QUIET)
        matching = (
            f"Object.entries({presets}).find(([, preset]) => `${{preset}}` === `${{values}}`)"
        )
        moved = [slider.change for slider in sampling]
        gr.on(moved, None, sampling, preset, js=f"(...values) => {matching}?.[0] ?? null", **QUIET)

    def read(self, values: Sequence[Any]) -> tuple[SamplingParams, float]:
        """What the values of `components` mean, and the speed in characters per second.

        Raises:
            gr.Error: if a value is out of range.
        """
        temperature, min_p, top_p, top_k, length, seed, speed = values
        try:
            params = SamplingParams(
                length=length,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                min_p=min_p,
                seed=_seed(seed),
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
