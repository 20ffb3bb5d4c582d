"""The real app as a child process on 127.0.0.1: started with a model, looked at, stopped.

The small model has random weights, so it writes every character that it knows equally often: angle
brackets, ampersands, tabs and line breaks among them.
"""

from __future__ import annotations

import os
import socket
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model.chat.dialogue import ChatTemplate
from model.folder import Model, save_model
from tests.random_model import random_model

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "recorded_app.py"
PATIENCE_S = 90
"""For the app to answer: it takes 5 to 8 seconds, longer where others keep the cores busy."""


def small_model(template: ChatTemplate | None = None) -> Model:
    """A model that knows printable ASCII, tab and line break, and has learned nothing."""
    return random_model(
        characters=set(string.printable) - set("\r\v\f"),
        hidden_size=32,
        template=template,
        training={"corpus": "noise.txt", "val_loss": 4.5, "starters": ["Once upon a time"]},
        spread=0.1,
        seed=1,
    )


def small_model_folder(folder: Path, template: ChatTemplate | None = None) -> Path:
    """The small model, saved."""
    save_model(folder, small_model(template))
    return folder


@dataclass(frozen=True)
class RunningApp:
    """A child that runs app.py and answers."""

    url: str
    pid: int
    _log: Path
    _record: Path

    def log(self) -> str:
        """What it printed so far."""
        return self._log.read_text(encoding="utf-8")

    def record(self, kind: str) -> list[str]:
        """What tests/recorded_app.py wrote down: `contact`, `began` or `ended`."""
        lines = self._record.read_text(encoding="utf-8").splitlines()
        return [line.removeprefix(f"{kind} ") for line in lines if line.startswith(f"{kind} ")]


@contextmanager
def run_app(
    scratch: Path,
    *arguments: str,
    port: int | None = None,
    largest_file: int | None = None,
    script: str | Path = "app.py",
    environment: Mapping[str, str] = {},
    folder: Path = ROOT,
    python: str | Path = sys.executable,
) -> Iterator[RunningApp]:
    """`python app.py ARGUMENTS`, stopped at the end.

    Args:
        scratch: an empty folder for its log.
        arguments: of the command line; the port is added.
        port: to listen on; None takes a free one.
        largest_file: bytes beyond which the system refuses to write, as if the disk were full.
        script: that runs app.py otherwise, such as RECORDED.
        environment: variables to add; "{port}" in them becomes the app's own.
        folder: where app.py lies.
        python: the interpreter that runs it.
    """
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    told = {name: value.replace("{port}", str(port)) for name, value in environment.items()}
    log, record = scratch / "log.txt", scratch / "record.txt"
    record.touch()
    with open(log, "w", encoding="utf-8") as output:
        child = subprocess.Popen(
            [python, script, *arguments, "--port", str(port)],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=None if largest_file is None else partial(_limit_files, largest_file),
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "RECORD": str(record), **told},
        )
    app = RunningApp(f"http://127.0.0.1:{port}", child.pid, log, record)
    try:
        _wait_until_it_answers(app, child)
        yield app
    finally:
        child.terminate()
        try:
            child.wait(30)  # it gives a run in training ten seconds
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _limit_files(most: int) -> None:
    import resource  # which Windows hasn't

    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _wait_until_it_answers(app: RunningApp, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(app.url, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"the app doesn't answer; it printed:\n{app.log()}")
