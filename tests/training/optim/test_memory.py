"""Freed memory is kept: a step's tensors don't have to be paged in again, as the system counts."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_STEPS = """
import resource, sys
import numpy as np
from training.optim.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    raise SystemExit("can't be set here")
from model.vocabulary import Vocabulary
from training import recipe
from training.optim.learner import Learner
from training.settings import Settings

settings = Settings(("text",), steps=20, hidden_size=448)
vocabulary = Vocabulary(tuple("abcdefgh"))
made, _ = recipe.choose(settings, 50_000, vocabulary, lambda _: 1.0, "float32")
indices = np.random.default_rng(1).integers(8, size=50_000).astype(np.uint8)
learner = Learner(made, made.config(vocabulary), indices, seed=1)
for step in range(2):
    learner.step(step / 100)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for step in range(2, 6):
    learner.step(step / 100)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 4)
"""


def faults_a_step(how: str) -> float:
    """Page faults of a step, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _STEPS, how], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt's settings are glibc's")
def test_a_step_pages_next_to_nothing_in() -> None:
    left_alone, kept = faults_a_step("leave"), faults_a_step("keep")
    assert kept < 0.2 * left_alone
