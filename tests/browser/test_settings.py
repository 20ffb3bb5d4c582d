"""A visitor in a real browser chooses how boldly the model writes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from model.generator import Generator
from model.sampling import SamplingParams
from tests.browser.conftest import Visit
from tests.browser.test_chat import WIDTHS, choose, open_settings, parts, wait_until_idle, write
from tests.running_app import small_model

SLIDERS = {"temperature": "Temperature", "min_p": "Min-p", "top_p": "Top-p", "top_k": "Top-k"}


def shown(page: Page, name: str) -> float:
    return float(page.get_by_label(f"number input for {SLIDERS[name]}").input_value())


def asked(page: Page) -> SamplingParams:
    """What the sliders say."""
    temperature, min_p, top_p = (shown(page, name) for name in ("temperature", "min_p", "top_p"))
    top_k = int(shown(page, "top_k"))
    return SamplingParams(temperature=temperature, min_p=min_p, top_p=top_p, top_k=top_k, seed=5)


def drag(page: Page, name: str, value: float) -> None:
    """Move a slider by hand."""
    field = page.get_by_label(f"number input for {SLIDERS[name]}")
    field.fill(str(value))
    field.press("Tab")


def answer(page: Page, text: str) -> str:
    write(page, text)
    wait_until_idle(page)
    return parts(page)[-1]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_preset_sets_the_sliders_and_one_that_is_moved_belongs_to_no_preset(
    visit: Visit, width: int
) -> None:
    page, generator = visit(width), Generator(small_model())
    open_settings(page)
    page.get_by_label("at once").check()
    choose(page, "Seed", "5")
    expect(page.get_by_label("Balanced")).to_be_checked()
    page.get_by_label("Wild").check()  # while Min-p and the others are out of sight
    first = answer(page, "A")
    page.get_by_role("button", name="Min-p, top-p and top-k").click()
    wild = asked(page)
    assert first == generator.generate("A", wild)
    page.get_by_label("Careful").check()
    expect(page.get_by_label("number input for Temperature")).not_to_have_value(
        f"{wild.temperature:g}"
    )
    page.wait_for_timeout(300)
    expect(page.get_by_label("Careful")).to_be_checked()
    careful = asked(page)
    assert careful.temperature < SamplingParams.temperature < wild.temperature

    drag(page, "temperature", 0.2)
    expect(page.get_by_role("radio", name="Careful")).not_to_be_checked()
    drag(page, "min_p", 0.5)
    drag(page, "top_k", 7)
    own = asked(page)
    assert (own.temperature, own.min_p, own.top_k) == (0.2, 0.5, 7)
    last = answer(page, "B")
    assert last == generator.generate(f"A{first}B", own)
    assert len(set(last)) < len(set(first))

    for reset in page.get_by_role("button", name="Reset to default value").all():
        reset.click()
    expect(page.get_by_label("Balanced")).to_be_checked()
    assert asked(page) == SamplingParams(seed=5)
