"""Runs of training that tests kill, stop and compare.

Knows nothing about what a run should come to.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from training.run import RECIPE_FILE, request_stop
from training.settings import Settings

ROOT = Path(__file__).parents[1]


def weights_digest(run: Path) -> str:
    """The sha256 of the weights that a run has ended in."""
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def planned_as(other: Path, run: Path) -> Path:
    """A run's folder with another's plan: what is faster is timed, and may differ by chance."""
    run.mkdir()
    shutil.copy(other / RECIPE_FILE, run)
    return run


def start_training(asked: Settings, run: Path) -> subprocess.Popen[bytes]:
    """Train in another process, which may be killed."""
    program = (
        "import pickle, sys; from pathlib import Path; from training.train import train; "
        "train(pickle.load(sys.stdin.buffer), Path(sys.argv[1]))"
    )
    child = subprocess.Popen([sys.executable, "-c", program, run], cwd=ROOT, stdin=subprocess.PIPE)
    assert child.stdin is not None
    pickle.dump(asked, child.stdin)
    child.stdin.close()
    return child


@contextmanager
def writing(run: Path, phase: str = "training") -> Iterator[subprocess.Popen[bytes]]:
    """Another process has a run's folder, in this phase, and does nothing; killed at the end."""
    program = (
        "import sys, time; from pathlib import Path; from training.run import Run, read_settings\n"
        "folder = Path(sys.argv[1])\n"
        "with Run(folder, read_settings(folder)) as run:\n"
        "    run.state(sys.argv[2]); print(flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(run), phase]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # it has the folder now
        yield child
        child.kill()


@contextmanager
def stopped_when(is_time: Callable[[], object], run: Path) -> Iterator[None]:
    """Ask a run that is trained inside to stop, as soon as it is time."""

    def stop_soon() -> None:
        while not is_time():
            time.sleep(0.005)
        request_stop(run)

    watcher = threading.Thread(target=stop_soon, daemon=True)
    watcher.start()
    yield
    watcher.join()
