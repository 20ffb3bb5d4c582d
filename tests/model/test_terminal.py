"""python -m model on a real terminal: what a stranger's model writes can't command it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.random_model import saved_model
from tests.running_app import ROOT

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m"


def written(folder: Path, output: int) -> None:
    """Have the model write a few hundred of its characters, escapes most of them."""
    command = [sys.executable, "-m", "model", "generate", str(folder), "--prompt", ESCAPES]
    subprocess.run([*command, "--length", "300"], cwd=ROOT, stdout=output, check=True)


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
