"""Runs of training that tests start, stop, kill and compare.

Knows nothing about what a run should come to.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.reference import TEXT
from training.run import read_run, request_stop
from training.settings import Settings

ROOT = Path(__file__).parents[1]

TINY: dict[str, Any] = {
    "hidden_size": 32,
    "batch_size": 8,
    "sequence_length": 32,
    "threads": 1,
    "precision": "float32",  # "auto" takes what is faster at the moment, and bits follow from that
    "dialogue": "off",
}
"""Settings of a network that takes a millisecond for a step."""

FLAGS = [word for name, value in TINY.items() for word in (f"--{name}", str(value))]
"""The same on the command line."""


CHECKPOINTS_OFTEN = "import training.loop; training.loop._CHECKPOINT_EVERY_S = 0.02"
"""To be run `before`: a process that is killed soon has left a checkpoint."""


def corpus_in(folder: Path, characters: int = 30_000, name: str = "my novel.txt") -> Path:
    """A file of real text."""
    path = folder / name
    path.write_text(TEXT[:characters], encoding="utf-8")
    return path


def settings(corpus: Path, **asked: Any) -> Settings:
    """Settings of a tiny run."""
    return Settings((str(corpus),), **{**TINY, **asked})


def weights_digest(run: Path) -> str:
    """The sha256 of the weights that a run has ended in."""
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def logged(run: Path, key: str) -> list[tuple[int, float]]:
    """(step, value) of each line of a run's metrics that has a value of that name."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [(line["step"], line[key]) for line in map(json.loads, lines) if key in line]


def wait_until(is_so: Callable[[], object], child: subprocess.Popen[str] | None = None) -> None:
    """Wait for something to become true, while a process that is to do it is alive."""
    deadline = time.monotonic() + 120
    while not is_so():
        assert child is None or child.poll() is None, f"it ended: {child.communicate()}"
        assert time.monotonic() < deadline, "it didn't happen in two minutes"
        time.sleep(0.005)


def wait_for_checkpoint(run: Path, child: subprocess.Popen[str]) -> None:
    """Wait until a process, just started, has written another checkpoint of a run."""
    known = set((run / "checkpoints").glob("*.safetensors"))
    wait_until(lambda: set((run / "checkpoints").glob("*.safetensors")) - known, child)


def in_phase(run: Path, *phases: str) -> Callable[[], bool]:
    """Whether a run is in one of these phases."""
    return lambda: read_run(run).phase in phases


def start(
    *words: object, folder: Path = ROOT, before: str = "", launcher: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start `python -m training` with these words, after a program in the same process."""
    program = f"{before}\nimport runpy; runpy.run_module('training', run_name='__main__')"
    command = ["-c", program] if before else ["-m", "training"]
    return subprocess.Popen(
        [sys.executable, *launcher, *command, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status of a process, and all that it said; never a traceback."""
    out, errors = child.communicate(timeout=240)
    assert "Traceback" not in errors, errors
    return child.returncode, out + errors


@contextmanager
def writing(run: Path, phase: str = "training") -> Iterator[subprocess.Popen[bytes]]:
    """Another process has a run's folder, in this phase, and does nothing; killed at the end."""
    program = (
        "import sys, time; from pathlib import Path; from training.run import Run\n"
        "from training.settings import Settings\n"
        "with Run(Path(sys.argv[1]), Settings(('text',))) as run:\n"
        "    run.state(sys.argv[2]); print(flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(run), phase]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            child.stdout.readline()  # it has the folder now
            yield child
        finally:
            child.kill()


@contextmanager
def when(is_time: Callable[[], object], act: Callable[[], None]) -> Iterator[None]:
    """Do something from another thread, as soon as it is time, to what goes on inside."""

    is_over = threading.Event()

    def act_soon() -> None:
        while not is_over.is_set():
            if is_time():
                act()
                return
            time.sleep(0.002)

    watcher = threading.Thread(target=act_soon, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def stopped_when(is_time: Callable[[], object], run: Path) -> AbstractContextManager[None]:
    """Ask a run that is trained inside to stop, as soon as it is time."""
    return when(is_time, lambda: request_stop(run))
