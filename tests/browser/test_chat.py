"""A visitor in a real browser writes with the real app."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.running_app import RunningApp

WIDTHS = (1280, 390)
ODD = (
    "\t <b>&amp;*x*$y$ `#_-\n\n  * two  spaces \n> \\( \\) <script>1</script> $$z$$"
    " &#65; é € 👩‍👩‍👧‍👦 שלום"
)


def parts(page: Page, kind: str = "textContent") -> list[str]:
    """The stretches of text that the page shows.

    They are as they are in the document; with `innerText`, white space counts if it can be seen.
    """
    places = "#text :is(.user-row, .bot-row) .md:not(:has(.above))"
    texts: list[str] = page.eval_on_selector_all(places, f"all => all.map(e => e.{kind})")
    return texts


def seeds(page: Page) -> list[str]:
    return [re.sub(r"\D", "", text) for text in page.locator("#text .seed").all_inner_texts()]


def copied(page: Page) -> str:
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy").click()
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") != "")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def write(page: Page, text: str) -> None:
    """Type a message and press Enter; wait until it is shown."""
    before = len(parts(page))
    page.fill("#message textarea", text)
    page.press("#message textarea", "Enter")
    wait_until(lambda: len(parts(page)) > before)


def stop(page: Page) -> None:
    page.click("#message .stop-button")
    wait_until_idle(page)


def choose(page: Page, label: str, value: str) -> None:
    """Set a setting that has a text box."""
    field = page.get_by_role("textbox", name=label)
    field.fill(value)
    field.press("Tab")


def open_settings(page: Page) -> None:
    """On a phone they are closed at first."""
    if page.viewport_size and page.viewport_size["width"] < 640:
        expect(page.get_by_label("at once")).to_be_hidden()
        page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("at once")).to_be_visible()


def visit_slowly(visit: Visit, **how: Any) -> Page:
    """A page that writes for 50 seconds, so that there is time to watch and to stop it."""
    page = visit(**how)
    open_settings(page)
    page.get_by_label("40").check()
    length = page.get_by_label("number input for Length")
    length.fill("2000")
    length.press("Tab")
    return page


def visit_at_once(visit: Visit, **how: Any) -> Page:
    """A page that shows an answer as soon as it is written."""
    page = visit(**how)
    open_settings(page)
    page.get_by_label("at once").check()
    return page


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def wait_until_idle(page: Page) -> None:
    expect(page.locator("#message .submit-button")).to_be_visible()
    expect(page.locator("#tools").get_by_role("button", name="Undo")).to_be_enabled()


def wait_until_it_grows(page: Page) -> None:
    before = len("".join(parts(page)))
    wait_until(lambda: len("".join(parts(page))) > before)


def wait_until_written(page: Page) -> None:
    """Until the first answer is whole, and the page waits for the visitor."""
    wait_until(lambda: len(parts(page)) == 2 and len(parts(page)[1]) >= 440)
    wait_until_idle(page)
    assert len(parts(page)[1]) == 500 or parts(page)[1][-1] in " \n"  # no word is cut


@pytest.mark.parametrize("width", WIDTHS)
def test_a_message_is_continued_stopped_continued_again_and_taken_back(
    visit: Visit, width: int
) -> None:
    page, box = visit_slowly(visit, width=width), "#message textarea"
    write(page, "ROMEO:")
    for _ in range(3):
        wait_until_it_grows(page)
    for name in ("Let it write", "Retry", "Undo", "Clear"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    stop(page)
    stopped = parts(page)
    page.wait_for_timeout(400)
    assert parts(page) == stopped
    assert stopped[0] == "ROMEO:"
    assert page.input_value(box) == ""
    page.press(box, "Enter")
    wait_until(lambda: len(parts(page)) == 3 and len(parts(page)[2]) > 20)
    stop(page)
    assert parts(page)[:2] == stopped
    continued = parts(page)
    write(page, " \n\t\n ")  # a part of nothing but white space is shown, too
    stop(page)
    assert parts(page)[:4] == [*continued, " \n\t\n "]
    page.get_by_role("button", name="Undo").click()
    wait_until(lambda: parts(page) == continued)
    expect(page.locator(box)).to_have_value(" \n\t\n ")
    page.get_by_role("button", name="Clear").click()
    wait_until(lambda: parts(page) == [])
    expect(page.locator(box)).to_have_value("")
    page.get_by_role("button", name="Undo").click()  # of Clear
    wait_until(lambda: parts(page) == continued)
    page.fill(box, "kept")
    page.get_by_role("button", name="Continue").click()  # before anything was written: Let it write
    wait_until(lambda: len(parts(page)) == 4)
    stop(page)
    assert parts(page)[:3] == continued
    expect(page.locator(box)).to_have_value("kept")


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_typed_and_generated_is_shown_copied_and_downloaded_to_the_character(
    visit: Visit, tmp_path: Path, width: int
) -> None:
    page = visit_at_once(visit, width=width)
    choose(page, "Seed", "12")
    write(page, ODD)
    wait_until_written(page)
    typed, answer = parts(page)
    whole = typed + answer
    assert typed == ODD
    assert {"<", ">", "&", "\t", "\n"} <= set(answer)
    assert "".join(parts(page, "innerText")) == whole
    assert seeds(page) == ["12"]
    assert copied(page) == whole
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    download.value.save_as(tmp_path / "text.txt")
    assert (tmp_path / "text.txt").read_bytes().decode("utf-8") == whole


def test_an_answer_follows_its_beginning_with_nothing_painted_between(visit: Visit) -> None:
    page = visit_slowly(visit)
    write(page, "A")
    wait_until_it_grows(page)
    wait_until_it_grows(page)
    typed, answer = page.evaluate(
        """() => {
            const all = '#text :is(.user-row, .bot-row) .md:not(:has(.above))';
            const parts = document.querySelectorAll(all);
            const typed = [...parts[0].getClientRects()].at(-1);
            const answer = parts[parts.length - 1].getClientRects()[0];
            return [[typed.right, typed.top], [answer.left, answer.top]];
        }"""
    )
    assert answer == pytest.approx(typed, abs=1)
    stop(page)


def test_the_same_seed_gives_the_same_answer_and_a_new_one_another(visit: Visit) -> None:
    page = visit_at_once(visit)
    write(page, "JULIET:")
    wait_until_written(page)
    first, (seed,) = parts(page), seeds(page)
    page.get_by_role("button", name="Retry").click()
    wait_until(lambda: seeds(page) != [seed])
    wait_until_written(page)
    assert parts(page)[0] == "JULIET:"
    assert parts(page)[1] != first[1]
    choose(page, "Seed", seed)
    page.get_by_role("button", name="Retry").click()
    wait_until(lambda: seeds(page) == [seed])
    wait_until_written(page)
    assert parts(page) == first


@pytest.mark.parametrize("width", WIDTHS)
def test_an_example_starts_the_text(visit: Visit, width: int) -> None:
    page = visit_slowly(visit, width=width)
    page.get_by_role("button", name=re.compile("Once upon a time")).click()
    wait_until(lambda: len(parts(page)) == 2 and len(parts(page)[1]) > 20)
    assert parts(page)[0] == "Once upon a time"
    stop(page)
    page.get_by_role("button", name="Clear").click()
    wait_until(lambda: parts(page) == [])
    page.get_by_role("button", name="Let it write").click()
    wait_until(lambda: len(parts(page)) == 1)
    stop(page)


def test_what_the_page_cannot_read_is_said_in_plain_words_and_it_goes_on(visit: Visit) -> None:
    page = visit_slowly(visit)
    write(page, "Köln <b> €")
    expect(page.locator("#note")).to_contain_text("“ö” read as “o”; “€” left out")
    stop(page)
    choose(page, "Seed", "<i>many</i>")
    page.fill("#message textarea", "Rome")
    page.press("#message textarea", "Enter")
    expect(page.get_by_text("seed must be a whole number, not '<i>many</i>'")).to_be_visible()
    wait_until_idle(page)
    expect(page.locator("#message textarea")).to_have_value("Rome")
    choose(page, "Seed", "5")
    write(page, "Rome")
    expect(page.locator("#note")).to_be_hidden()
    stop(page)


def test_two_write_at_once_each_their_own_and_a_closed_tab_stops_the_work(
    visit: Visit, app: RunningApp
) -> None:
    def at_work() -> int:
        return len(app.record("began")) - len(app.record("ended"))

    ann, bob = (visit_slowly(visit, own_browser=True) for _ in range(2))
    wait_until(lambda: at_work() == 0)
    write(ann, "I am Ann. ")
    write(bob, "I am Bob. ")
    for page in (ann, bob, ann, bob):
        wait_until_it_grows(page)
    assert parts(ann)[0] == "I am Ann. "
    assert parts(bob)[0] == "I am Bob. "
    assert parts(ann)[1] != parts(bob)[1]
    assert at_work() == 2
    ann.close()
    wait_until(lambda: at_work() == 1, seconds=5)
    wait_until_it_grows(bob)
    stop(bob)


def test_the_text_is_kept_at_a_pace_one_can_read(visit: Visit) -> None:
    page = visit()
    write(page, "A")
    wait_until_it_grows(page)
    began, before = time.monotonic(), len(parts(page)[1])
    page.wait_for_timeout(1_500)
    after, seconds = len(parts(page)[1]), time.monotonic() - began
    assert after - before <= 160 * seconds + 15
    stop(page)


def test_a_phone_shows_it_all_without_scrolling_sideways(visit: Visit) -> None:
    page = visit_slowly(visit, width=390)
    write(page, "A" * 200)
    stop(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Continue", "Retry", "Undo", "Clear", "Copy", "as JSON", "Send"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box
        assert 0 <= box["x"] <= 390 - box["width"]


def test_the_page_can_be_used_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit_slowly(visit)
    page.focus("#message textarea")
    page.keyboard.type("ROMEO:")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("I")
    page.keyboard.press("Enter")
    wait_until(lambda: len(parts(page)) == 2)
    page.keyboard.press("Tab")
    expect(page.locator("#message .stop-button")).to_be_focused()
    page.keyboard.press("Enter")
    wait_until_idle(page)
    assert parts(page)[0] == "ROMEO:\nI"
