"""One generator a model, however many ask for it; what nobody asks for, or what is gone, goes."""

from __future__ import annotations

import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from jobs.generators import Generators
from model.folder import ModelFolderError
from model.generator import Generator
from model.sampling import SamplingParams
from tests.random_model import random_model, saved_model

SIZE = random_model().config.parameters * 4
"""Bytes of a small model."""


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Folders of runs that have a model each."""
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        saved_model(folder / "model")
    return folders


def is_alive(generator: weakref.ref[Generator]) -> bool:
    return generator() is not None


def test_fifty_who_ask_at_the_same_moment_get_one_generator(runs: list[Path]) -> None:
    generators, together = Generators(), Barrier(50)

    def find() -> Generator:
        together.wait()
        return generators.find(runs[0])

    with ThreadPoolExecutor(50) as visitors:
        found = [future.result() for future in [visitors.submit(find) for _ in range(50)]]
    assert len(set(map(id, found))) == 1
    assert len(found[0].generate("The ", SamplingParams(length=20))) == 20


def test_what_was_asked_for_least_recently_goes_when_they_take_too_much(runs: list[Path]) -> None:
    generators = Generators(most_bytes=2 * SIZE)
    first, second = (weakref.ref(generators.find(run)) for run in runs[:2])
    assert is_alive(first)
    assert is_alive(second)
    generators.find(runs[0])
    generators.find(runs[2])
    assert is_alive(first)
    assert not is_alive(second)
    assert generators.find(runs[0]) is first()


def test_one_that_is_too_large_alone_is_used_until_the_next(runs: list[Path]) -> None:
    generators = Generators(most_bytes=1)
    large = weakref.ref(generators.find(runs[0]))
    assert generators.find(runs[0]) is large()
    generators.find(runs[1])
    assert not is_alive(large)


def test_a_model_that_is_replaced_is_loaded_again_and_a_deleted_one_is_let_go(
    runs: list[Path],
) -> None:
    generators, run = Generators(), runs[0]
    old = weakref.ref(generators.find(run))
    saved_model(run / "model", seed=1, hidden_size=32)
    new = weakref.ref(generators.find(run))
    assert not is_alive(old)
    assert generators.find(run).config.hidden_size == 32
    shutil.rmtree(run)
    generators.forget()
    assert not is_alive(new)
    with pytest.raises(ModelFolderError):
        generators.find(run)


def test_a_model_that_is_damaged_is_tried_again(runs: list[Path]) -> None:
    generators, config = Generators(), runs[0] / "model" / "config.json"
    whole = config.read_text(encoding="utf-8")
    config.write_text("{", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ModelFolderError):
            generators.find(runs[0])
    config.write_text(whole, encoding="utf-8")
    assert generators.find(runs[0]).config.hidden_size == 24
