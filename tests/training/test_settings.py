"""Settings: each option is described once, and the command line is made from that."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from training.__main__ import build_parser, shown_command
from training.settings import Settings, TrainingError

ROOT = Path(__file__).parents[2]
FLAGS = [entry.name for entry in fields(Settings) if entry.name not in ("corpus", "command")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"minutes": float("nan")}, "minutes must be from 0.01 to 100,000, not nan"),
        ({"steps": 0}, "steps must be from 1 to 1,000,000,000, not 0"),
        ({"held_out": 0.6}, "held_out must be from 0 to 0.5, not 0.6"),
        ({"hidden_size": 9_000}, "hidden_size must be from 1 to 8,192, not 9,000"),
        ({"errors": "ignore"}, "errors must be strict or replace, not 'ignore'"),
        ({"corpus": ()}, "name at least one text to learn"),
    ],
)
def test_a_bad_value_is_told_with_its_limits(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError) as refused:
        Settings(**{"corpus": ("a",), **wrong})  # type: ignore[arg-type]
    assert str(refused.value) == message


def test_the_help_lists_every_flag_once_and_explains_it() -> None:
    described = build_parser().format_help().split("\noptions:\n")[1]
    for name in FLAGS:
        lines = re.findall(rf"^  --{name}\b(.*)\n( {{20,}}\S.*)?", described, re.MULTILINE)
        assert len(lines) == 1, name
        assert re.search(r"[a-z]{2,}", "".join(lines[0]).replace(name.upper(), "")), name
    assert all(action.help for action in build_parser()._actions)


def test_the_card_shows_the_command_without_paths_or_tokens() -> None:
    arguments = ["/home/ann/secret/novel.txt", "--minutes", "3", "--output", "/home/ann/x"]
    arguments += ["--push_to_hub", "--hub_model_id", "ann/novel", "--hub_token", "hf_secret"]
    assert shown_command(arguments) == "python -m training novel.txt --minutes 3.0"
    assert shown_command([".", "-"]) == f"python -m training {Path.cwd().name} -"
    for start, shown in ((str(ROOT / "model" / "pretrained"), "pretrained"), ("ann/x", "ann/x")):
        assert shown_command(["a.txt", "--init_from", start]).endswith(f"a.txt --init_from {shown}")
