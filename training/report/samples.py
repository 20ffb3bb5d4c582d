"""Samples: what a model writes from nothing, for its card and for the examination."""

from __future__ import annotations

from typing import Any

from model.generator import Generator
from model.sampling import SamplingParams

TEMPERATURES = (0.5, 0.8, 1.0)
"""Of the samples, coldest first."""

SAMPLE_LENGTH = 400
"""Characters of a sample in the config."""


def samples(generator: Generator, length: int = SAMPLE_LENGTH) -> list[dict[str, Any]]:
    """Text of `length` characters without a prompt, at each temperature, as the config keeps it.

    Seeded: a shorter sample is the beginning of a longer one.
    """
    return [
        {
            "temperature": temperature,
            "prompt": "",
            "text": generator.generate(
                "", SamplingParams(length=length, temperature=temperature, seed=1)
            ),
        }
        for temperature in TEMPERATURES
    ]
