"""tmp"""

from __future__ import annotations
from typing import Any
from model.generator import Generator
from model.sampling import SamplingParams

TEMPERATURES = (0.5, 0.8, 1.0)
SAMPLE_LENGTH = 400


def samples(generator: Generator, length: int) -> list[dict[str, Any]]:
    """Text of `length` characters that the model writes from nothing, at each temperature.

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
