"""python -m model on a real terminal: lines that are whole, and nothing that commands it."""

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
