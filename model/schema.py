"""What config.json may hold, whoever wrote it: strict JSON, and facts about training.

What has passed here is finite, not deep, and of the type that its readers expect, so that they
check nothing again. Knows nothing about models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 2 * 2**20
"""Of a config.json: the largest vocabulary takes half of it."""

_DEEPEST = 20
_LONGEST = 10_000  # characters of a text
_MOST_ITEMS = 100  # of a list


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text; NaN and Infinity, which are none, become None.

    Raises:
        ValueError: if it is too large or too deep, isn't UTF-8, holds half a surrogate pair or a
            number that no float can hold, or isn't JSON.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    numbers: Any = {"parse_int": _finite, "parse_float": _finite, "parse_constant": lambda _: None}
    try:
        value = json.loads(text if isinstance(text, str) else text.decode("utf-8-sig"), **numbers)
        _check(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error
    return value


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise ValueError(f"no number can be {digits[:20]}... ({len(digits):,} characters)")
    return int(digits) if digits.lstrip("-").isdigit() else value


def _check(value: Any, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list | dict):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(item, depth + 1)


def one_line(words: str) -> str:
    """`words` in one line, without what can't be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 1e15 else None  # false for NaN, too


def _text(value: Any) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) else None


def _line(value: Any) -> str | None:
    return one_line(value[:_LONGEST]) if isinstance(value, str) else None


TRAINING: Mapping[str, Any] = {
    **dict.fromkeys(("corpus", "corpus_sha256", "credit", "license", "language", "date"), _line),
    **dict.fromkeys(("command", "title"), _line),
    "init_from": {"name": _line, "sha256": _line},
    **dict.fromkeys(("corpus_characters", "held_out_characters", "steps", "seconds"), _number),
    **dict.fromkeys(("val_loss", "val_loss_reset_256"), _number),
    "baselines": dict.fromkeys(("five_gram", "xz", "unigram", "uniform"), _number),
    "judgement": [_line],
    "longest_copy": {"passage": _text},
    "items": dict.fromkeys(("listed", "written", "new"), _number),
    "starters": [_text],
    "samples": [{"temperature": _number, "prompt": _text, "text": _text}],
}
"""What is read of `ModelConfig.training`, and as what; nobody reads the rest, which is kept."""


def fitted(value: Any, shape: Any = TRAINING) -> Any:
    """`value` as far as it has this shape, with None in place of what hasn't.

    Args:
        value: JSON data.
        shape: a dict of shapes by their keys, a list of one shape, or a function of the value.
    """
    if callable(shape):
        return shape(value)
    if not isinstance(value, type(shape)):
        return None
    if isinstance(shape, dict):
        return {k: fitted(v, shape[k]) if k in shape else v for k, v in value.items()}
    return [item for item in (fitted(item, shape[0]) for item in value[:_MOST_ITEMS]) if item]
