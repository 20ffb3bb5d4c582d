"""Mutations: good JSON and good bytes with something hostile in them, drawn by a seed."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_RAW = "@raw"  # begins a string that stands for what json.dumps wouldn't write

LITERALS = (
    "1e999", "-1e999", "NaN", "Infinity", "9" * 5_000, "1" + "0" * 400, "1e-999",
    "[" * 3_000 + "]" * 3_000, '"\\ud800"', '"a\\udfff"', '{"a":' * 500 + "1" + "}" * 500,
)  # fmt: skip
"""JSON that a program may not survive."""

TEXTS = (
    "", " ", "\0", "\x1b[2J\x1b]0;owned\x07", "\u202egpj.exe", "<img src=x onerror=alert(1)>",
    "```\n# heading", "](javascript:alert(1))", "a" * 5_000, "\n" * 5_000,
    "e" + "\u0301\u0323" * 5_000, "../../etc/passwd", "/dev/zero",
    "{0.__class__}", "%s%n", "\ufffd", "\U0010ffff", "=cmd|'/c'!A1",
)  # fmt: skip
"""Texts that a terminal, a page, Markdown or a format string may take for something else."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 0.0, -0.5, 1e308, 1e15, [], {}, [[]],
    [None], {"": None}, [1] * 2_000,
)  # fmt: skip


def hostile(rng: random.Random) -> Any:
    """A JSON value that nobody would expect."""
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(TEXTS)
    if kind < 0.5:
        return f"{_RAW}{rng.randrange(len(LITERALS))}"
    return copy.deepcopy(rng.choice(VALUES))


def to_json(data: Any) -> str:
    """Its JSON, with the literals in it."""
    text = json.dumps(data, ensure_ascii=False)
    for number, literal in enumerate(LITERALS):
        text = text.replace(f'"{_RAW}{number}"', literal)
    return text


def mutated_json(rng: random.Random, data: Any, most: int = 3) -> Any:
    """A copy of JSON data with one to `most` values replaced, removed, moved or repeated."""
    changed = {"": copy.deepcopy(data)}
    for _ in range(rng.randint(1, most)):
        places = list(_places(changed))
        # Places near the root are rare among thousands of characters, and matter the most.
        depth = rng.randint(1, max(len(path) for path, _ in places))
        holder, key = _holder(changed, rng.choice([p for p, _ in places if len(p) <= depth]))
        action = rng.random()
        if action < 0.6:
            holder[key] = hostile(rng)
        elif action < 0.75 and key != "":
            del holder[key]
        elif action < 0.9:
            holder[key] = copy.deepcopy(rng.choice(places)[1])
        elif isinstance(holder, dict):
            holder[rng.choice(TEXTS)] = hostile(rng)
        else:
            holder.extend(copy.deepcopy(holder[:2_000]))
    return changed.get("")


def _places(data: Any, path: tuple[Any, ...] = ()) -> Any:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key), value
        if isinstance(value, dict | list):
            yield from _places(value, (*path, key))


def _holder(data: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for key in path[:-1]:
        data = data[key]
    return data, path[-1]


def mutated_bytes(rng: random.Random, data: bytes) -> bytes:
    """Bytes of which some are changed, most often near the beginning, cut off or repeated."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        size = len(changed)
        at = rng.randrange(min(size, rng.choice((8, 64, 1_024, size))) or 1)
        action = rng.random()
        if action < 0.5 and size:
            changed[at] = rng.randrange(256)
        elif action < 0.6:
            changed[at : at + 8] = rng.choice((0, 1, 2**31, 2**63, 2**64 - 1)).to_bytes(8, "little")
        elif action < 0.75:
            del changed[at:]
        elif action < 0.9:
            del changed[at : at + rng.randint(1, 50)]
        else:
            changed[at:at] = rng.randbytes(rng.randint(1, 50))
    return bytes(changed)
