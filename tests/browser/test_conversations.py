"""A visitor's browser keeps what was written: over a reload and a restart, and for nobody else."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import Visit, visits
from tests.browser.test_chat import (
    open_settings,
    parts,
    stop,
    visit_slowly,
    wait_until,
    wait_until_idle,
    wait_until_it_grows,
    write,
)
from tests.running_app import run_app, small_model_folder
from ui.chat.conversations import UNKEPT

ODD = (
    "<img src=x onerror=alert(1)> &amp; *x* `y`\t$z$",
    "שלום עולם",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "long " * 2_000,
)
REFUSE = "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); };"


def titles(page: Page) -> list[str]:
    return page.locator("#conversations .open bdi").all_text_contents()


def row(page: Page, title: str) -> Locator:
    return page.locator("#conversations li", has_text=title)


def act(page: Page, verb: str, title: str) -> None:
    page.get_by_role("button", name=f"{verb} {title}").click()


def begin_anew(page: Page) -> None:
    page.get_by_role("button", name="New", exact=True).click()
    wait_until(lambda: parts(page) == [])


def write_and_wait(page: Page, text: str) -> list[str]:
    """Write something, wait until it is answered and kept, and return what stands there then."""
    before = len(parts(page))
    if not page.get_by_label("at once").is_visible():
        open_settings(page)
    page.get_by_label("at once").check()
    write(page, text)
    wait_until(lambda: len(parts(page)) == before + 2)
    wait_until_idle(page)
    kept = "id => Object.values(localStorage).some(text => text.includes(JSON.stringify(id)))"
    wait_until(lambda: page.evaluate(kept, text))
    return parts(page)


def test_conversations_outlive_a_reload_and_a_restart_and_are_listed_renamed_and_deleted(
    browser: Browser, household: BrowserContext, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = small_model_folder(tmp_path / "model")
    with run_app(tmp_path, "--model", str(model), port=port) as app:
        with visits(browser, household, app) as visit:
            page = visit(own_browser=True)
            first = write_and_wait(page, "The first")
            first = write_and_wait(page, "and more")
            begin_anew(page)
            second = write_and_wait(page, "The second")
            assert titles(page) == ["The second", "The first"]
            page.reload()
            wait_until(lambda: parts(page) == second)
            row(page, "The first").locator(".open").click()
            wait_until(lambda: parts(page) == first)
            expect(row(page, "The first").locator(".open")).to_have_attribute(
                "aria-current", "true"
            )
            assert titles(page) == ["The second", "The first"]  # to look isn't to change
            page.reload()
            wait_until(lambda: parts(page) == first)

            act(page, "Rename", "The second")
            page.get_by_role("textbox", name="Title").fill(ODD[0])
            page.keyboard.press("Enter")
            assert titles(page) == [ODD[0], "The first"]
            expect(page.get_by_role("button", name="Rename <img")).to_be_focused()
            context, stored = page.context, page.context.storage_state()
            assert stored["origins"]
        assert context.pages == []
        page = context.new_page()
        page.goto(app.url)  # a new tab, later
        wait_until(lambda: parts(page) == second)
    with run_app(tmp_path, "--model", str(model), port=port):
        page.reload()
        wait_until(lambda: parts(page) == second)
        act(page, "Delete", "The first")
        act(page, "Delete", "<img")  # the open one
        wait_until(lambda: parts(page) == [] and titles(page) == [])
        page.locator("#conversations .deleted button").click()  # Undo
        wait_until(lambda: parts(page) == second and titles(page) == [ODD[0]])
        act(page, "Delete", "<img")
        wait_until(lambda: parts(page) == [])
        page.reload()
        expect(page.get_by_role("button", name="Once upon a time")).to_be_visible()
        assert titles(page) == []
    context.close()


def test_any_text_is_a_title_and_a_phone_shows_the_list_over_the_chat(visit: Visit) -> None:
    page = visit(own_browser=True, width=390)
    expect(page.locator("#sidebar .sidebar-content")).to_be_hidden()
    written = []
    for text in ODD:
        written.append(write_and_wait(page, text))
        page.get_by_role("button", name="Toggle Sidebar").click()
        assert titles(page)[0].split() == re.sub(r"\s+", " ", text).strip()[:100].split()
        begin_anew(page)
        expect(page.locator("#sidebar .sidebar-content")).to_be_hidden()
    page.get_by_role("button", name="Toggle Sidebar").click()
    for button in page.locator("#sidebar button:visible").all():
        box = button.bounding_box()
        assert box
        assert 0 <= box["x"] <= 390 - box["width"]
    assert page.locator("#conversations :is(img, b, em, code)").count() == 0
    act(page, "Rename", "שלום")
    page.get_by_role("textbox", name="Title").fill("Peace")
    page.keyboard.press("Enter")
    act(page, "Delete", "Peace")
    wait_until(lambda: len(titles(page)) == 3)
    page.locator("#undelete").click()
    wait_until(lambda: "Peace" in titles(page))
    page.locator("#conversations .open").last.focus()
    page.keyboard.press("Enter")
    wait_until(lambda: parts(page) == written[0])
    expect(page.locator("#sidebar .sidebar-content")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_tabs_keep_both_and_another_visitor_sees_neither(visit: Visit) -> None:
    one = visit(own_browser=True)
    begun = write_and_wait(one, "Begun")
    other = visit(beside=one)
    wait_until(lambda: parts(other) == begun)
    in_one, in_other = write_and_wait(one, "in one tab"), write_and_wait(other, "in the other")
    for page in (one, other):
        wait_until(lambda page=page: titles(page) == ["Begun", "Begun"])  # type: ignore[misc]
        page.reload()
    wait_until(lambda: parts(one) == in_one)
    wait_until(lambda: parts(other) == in_other)
    assert write_and_wait(other, "again")[:4] == in_other
    wait_until(lambda: len(titles(one)) == 2)

    stranger = visit(own_browser=True)
    expect(stranger.get_by_role("button", name="Once upon a time")).to_be_visible()
    stranger.wait_for_timeout(500)
    assert parts(stranger) == titles(stranger) == []


def test_a_conversation_that_is_left_while_it_is_written_is_kept_as_far_as_it_came(
    visit: Visit,
) -> None:
    page = visit_slowly(visit, own_browser=True)
    write(page, "Long")
    wait_until_it_grows(page)
    begin_anew(page)
    wait_until_idle(page)
    assert parts(page) == []
    expect(page.locator("#message textarea")).to_have_value("")
    row(page, "Long").locator(".open").click()
    wait_until(lambda: len(parts(page)) == 2)
    assert len(parts(page)[1]) > 5
    write(page, "Longer")
    is_kept = "Object.values(localStorage).some(t => /Longer.*assistant/s.test(t))"
    wait_until(lambda: bool(page.evaluate(is_kept)))  # and some of its answer
    page.reload()  # in the middle of an answer
    wait_until(lambda: len(parts(page)) == 4)
    assert parts(page)[0] == "Long"
    act(page, "Rename", "Long")
    page.get_by_role("textbox", name="Title").fill("Named")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Clear").click()
    wait_until(lambda: parts(page) == titles(page) == [])
    page.get_by_role("button", name="Undo").click()
    wait_until(lambda: len(parts(page)) == 4 and titles(page) == ["Named"])
    begin_anew(page)
    write(page, "Just sent")
    wait_until(lambda: "Just sent" in titles(page), seconds=3)  # before any answer is kept


def test_where_storage_is_refused_it_is_said_and_the_page_keeps_all_until_it_is_closed(
    visit: Visit,
) -> None:
    page = visit_slowly(visit, own_browser=True, script=REFUSE)
    assert page.get_by_text(UNKEPT).count() == 0
    write(page, "Unkept")
    stop(page)
    for place in ("#sidebar", ".toast-wrap"):  # a phone's sidebar is closed
        expect(page.locator(place).get_by_text(UNKEPT)).to_be_visible()
    unkept = parts(page)
    begin_anew(page)
    row(page, "Unkept").locator(".open").click()
    wait_until(lambda: parts(page) == unkept)
    page.reload()
    expect(page.get_by_role("button", name="Once upon a time")).to_be_visible()
    assert titles(page) == []
