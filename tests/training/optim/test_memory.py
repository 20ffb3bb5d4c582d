"""Freed memory is kept: a step's tensors don't have to be paged in again, as the system counts."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tests.training_run import ROOT

_STEPS = """
import resource
import numpy as np
from model.vocabulary import Vocabulary
from training import recipe
from training.optim.learner import Learner
from training.optim.memory import keep_freed_memory
from training.settings import Settings

vocabulary = Vocabulary(tuple("abcdefgh"))
settings = Settings(("text",), steps=40, hidden_size=448)
made, _ = recipe.choose(settings, 50_000, vocabulary, lambda _: 1.0, "float32")
indices = np.random.default_rng(1).integers(8, size=50_000).astype(np.uint8)
learner = Learner(made, made.config(vocabulary), indices, seed=1)
for keep in (False, True):
    assert not keep or keep_freed_memory()
    for step in range(8):  # until the heap has grown to what a step needs
        learner.step(0.1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for step in range(8):
        learner.step(0.1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt's settings are glibc's")
def test_a_step_pages_next_to_nothing_in() -> None:
    command = [sys.executable, "-c", _STEPS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    left_alone, kept = map(int, done.stdout.split())
    assert kept < 0.2 * left_alone
