"""A visitor in a real browser asks a model that has read a list for items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from model.folder import Model, save_model
from model.generator import Generator
from model.sampling import SamplingParams
from tests.browser.conftest import Visit
from tests.browser.test_chat import (
    WIDTHS,
    choose,
    copied,
    parts,
    visit_at_once,
    wait_until_idle,
    write,
)
from tests.running_app import RunningApp, run_app, small_model


def list_model() -> Model:
    model = small_model()
    return replace(model, config=replace(model.config, is_list=True))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The small model's page, as of one that has read a list."""
    scratch = tmp_path_factory.mktemp("list")
    save_model(scratch / "model", list_model())
    with run_app(scratch, "--model", str(scratch / "model")) as running:
        yield running


@pytest.mark.parametrize("width", WIDTHS)
def test_an_answer_has_ten_items_that_begin_as_the_visitor_says(visit: Visit, width: int) -> None:
    page = visit_at_once(visit, width=width)
    choose(page, "Seed", "7")
    expect(page.locator("#message textarea")).to_have_attribute(
        "placeholder", "How an item begins (may be empty)"
    )
    items = Generator(list_model())
    answers = []
    for begun in ("An", "", "<b"):
        write(page, begun)
        wait_until_idle(page)
        written = list(items.lines(10, SamplingParams(length=500, seed=7), begun))
        assert len(written) == 10
        assert all(item.startswith(begun) for item in written)
        answers.append("".join(f"{item}\n" for item in written))
        assert parts(page)[-1] == answers[-1]
    assert parts(page) == ["An", answers[0], answers[1], "<b", answers[2]]
    assert copied(page) == "".join(answers)
    page.get_by_role("button", name="Retry").click()
    wait_until_idle(page)
    assert parts(page)[-2:] == ["<b", answers[2]]  # the same seed
