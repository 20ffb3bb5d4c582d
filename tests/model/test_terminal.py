"""python -m model on a real terminal: lines that are whole, and nothing that commands it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from model.chat.conversation import (
    Conversation,
    Message,
    Speakers,
    Stretch,
    continuation,
    model_key,
)
from model.generator import Generator
from model.sampling import SamplingParams
from tests.random_model import saved_model
from tests.running_app import ROOT

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m"


def written(folder: Path, output: int) -> None:
    """Have the model write a few hundred of its characters, escapes most of them."""
    command = [sys.executable, "-m", "model", "generate", str(folder), "--prompt", ESCAPES]
    subprocess.run([*command, "--length", "300"], cwd=ROOT, stdout=output, check=True)


def test_lines_are_written_one_a_line(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "model", is_list=True)
    command = [sys.executable, "-m", "model", "generate", str(folder), "--lines", "7"]
    told = subprocess.check_output([*command, "--prompt", "An", "--seed", "1"], cwd=ROOT, text=True)
    lines = told.splitlines()
    assert len(set(lines)) == len(lines) == 7
    assert all(line.startswith("An") for line in lines)
    described = [sys.executable, "-m", "model", "info", str(folder)]
    assert "a list" in subprocess.check_output(described, cwd=ROOT, text=True)


def test_escapes_arrive_in_a_file_and_not_on_a_terminal(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "model", characters=set(ESCAPES))
    leader, terminal = pty.openpty()
    written(folder, terminal)
    seen = os.read(leader, 100_000).decode("utf-8")
    for descriptor in (leader, terminal):
        os.close(descriptor)
    assert len(seen) > 300
    assert all(character.isprintable() or character in "\r\n\t" for character in seen)
    with open(tmp_path / "written.txt", "wb") as file:
        written(folder, file.fileno())
    assert (tmp_path / "written.txt").read_text("utf-8").startswith(ESCAPES)


def conversation_of(folder: Path, name: str | None) -> dict[str, object]:
    """What the page makes of a message, an answer to it, and a model."""
    generator = Generator.from_pretrained(folder)
    params = SamplingParams(length=50, seed=4)
    asked = Message("user", "<\x1b> ")
    text = "".join(continuation(generator, (asked,), Speakers(), "", params))
    answer = Message("assistant", text, stretches=(Stretch(len(text), params),))
    key = model_key(generator.config)
    data = Conversation(key, Speakers(), (asked, answer), "abc").to_json()
    return {"source": {"name": name, "revision": None}, **data}


def again(tmp_path: Path, data: object, *more: str) -> tuple[int, str, str]:
    """What `generate --from` makes of JSON data: status, output and errors."""
    file = tmp_path / "conversation.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    command = [sys.executable, "-m", "model", "generate", "--from", str(file), *more]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def test_a_conversation_is_written_again_or_it_is_said_why_it_cannot_be(tmp_path: Path) -> None:
    folder = str(saved_model(tmp_path / "model"))
    other = str(saved_model(tmp_path / "other", hidden_size=25))
    data = conversation_of(Path(folder), folder)
    whole = "".join(message["text"] for message in data["messages"])  # type: ignore[attr-defined]
    assert again(tmp_path, data) == (0, f"{whole}\n", "")
    changed = json.loads(json.dumps(data).replace('"seed": 4', '"seed": 5'))
    status, text, note = again(tmp_path, changed)
    assert status == 0
    assert text.startswith("<\x1b> ")
    assert "the file has another text" in note
    nameless = conversation_of(Path(folder), None)
    assert again(tmp_path, nameless, folder) == (0, f"{whole}\n", "")
    of_the_hub = {**data, "source": {"name": "ann/novel", "revision": "a" * 40}}
    assert again(tmp_path, of_the_hub, folder) == (0, f"{whole}\n", "")  # a copy of it, here
    for bad, more, words in (
        (nameless, [], "it names no model that can be found from here: give one"),
        (data, [other], "written with another model"),
        (data, ["--prompt", "a"], "not allowed with"),
        (data, ["--length", "9"], "with its own settings"),
        (data, ["--lines", "9"], "with its own settings"),
        ({**data, "source": {"name": "//elsewhere/share"}}, [], "names no model"),
        ({}, [], "no conversation that the page saved"),
        (5, [], "no conversation that the page saved"),
        ({"source": {"name": "nowhere/", "revision": None}}, [], "nowhere/"),
    ):
        status, _, error = again(tmp_path, bad, *more)
        assert status != 0
        assert words in error
        assert "Traceback" not in error
    missing = [sys.executable, "-m", "model", "generate", "--from", str(tmp_path / "none.json")]
    ended = subprocess.run(missing, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "No such file" in ended.stderr.splitlines()[-1]
