"""What a visitor has replaced is kept beside it; a file of it all is written again."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_chat import (
    WIDTHS,
    choose,
    copied,
    parts,
    seeds,
    stop,
    visit_at_once,
    visit_slowly,
    wait_until,
    wait_until_idle,
    write,
)
from tests.browser.test_conversations import write_and_wait
from tests.running_app import ROOT


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def retry(page: Page) -> list[str]:
    before = seeds(page)
    press(page, "Retry")
    wait_until(lambda: seeds(page) != before)
    wait_until_idle(page)
    return parts(page)


def turn(page: Page, name: str) -> None:
    page.locator("#text .versions").get_by_role("button", name=f"{name} version").click()


def wait_until_idle_after_stop(page: Page) -> None:
    """Let something come, and stop it."""
    expect(page.locator("#message .stop-button")).to_be_visible()
    stop(page)


def places(page: Page) -> list[str]:
    """Of all messages that have versions, which of them are shown."""
    return page.locator("#text .versions").all_text_contents()


@pytest.mark.parametrize("width", WIDTHS)
def test_retry_keeps_what_it_replaces_and_one_goes_on_from_the_one_shown(
    visit: Visit, width: int
) -> None:
    page = visit_at_once(visit, width=width, own_browser=True)
    first = write_and_wait(page, "Hi")
    second = retry(page)
    third = retry(page)
    assert len({first[1], second[1], third[1]}) == 3
    assert places(page) == ["3 of 3"]
    turn(page, "Earlier")
    wait_until(lambda: parts(page) == second)
    assert places(page) == ["2 of 3"]
    longer = write_and_wait(page, "and so on")
    assert longer[:2] == second
    turn(page, "Later")
    wait_until(lambda: parts(page) == third)
    turn(page, "Later")  # after the last comes the first
    wait_until(lambda: parts(page) == first)
    turn(page, "Later")
    wait_until(lambda: parts(page) == longer)
    page.reload()
    wait_until(lambda: parts(page) == longer and places(page) == ["2 of 3"])
    turn(page, "Earlier")
    wait_until(lambda: parts(page) == first)
    turn(page, "Earlier")
    wait_until(lambda: parts(page) == third)
    press(page, "Undo")  # of the last Retry
    wait_until(lambda: parts(page) == longer and places(page) == ["2 of 2"])


@pytest.mark.parametrize("width", WIDTHS)
def test_an_earlier_message_is_edited_and_the_old_one_stays_beside_it(
    visit: Visit, width: int
) -> None:
    page, box = visit_at_once(visit, width=width), "#message textarea"
    write(page, "<b>One</b>")
    wait_until_idle(page)
    write(page, "Two")
    wait_until_idle(page)
    old = parts(page)
    page.get_by_role("button", name="Edit").first.click()
    expect(page.locator(box)).to_have_value("<b>One</b>")
    expect(page.locator(box)).to_be_focused()
    expect(page.locator("#note")).to_contain_text("You are changing an earlier message")
    press(page, "Undo")
    expect(page.locator(box)).to_have_value("")
    expect(page.locator("#note")).to_be_hidden()
    assert parts(page) == old
    page.fill(box, "a draft")
    page.get_by_role("button", name="Edit").first.click()
    expect(page.locator(box)).to_have_value("<b>One</b>")
    press(page, "Undo")
    expect(page.locator(box)).to_have_value("a draft")
    page.get_by_role("button", name="Edit").first.click()
    expect(page.locator(box)).to_have_value("<b>One</b>")
    page.fill(box, "Other")
    page.press(box, "Enter")
    wait_until(lambda: len(parts(page)) == 2 and parts(page)[0] == "Other")
    wait_until_idle(page)
    expect(page.locator(box)).to_have_value("")
    new = parts(page)
    assert places(page) == ["2 of 2"]
    expect(page.locator("#note")).to_be_hidden()
    page.get_by_role("button", name="Edit").first.click()
    expect(page.locator(box)).to_have_value("Other")
    turn(page, "Earlier")  # leaves what was being edited, too
    wait_until(lambda: parts(page) == old)
    expect(page.locator(box)).to_have_value("")
    expect(page.locator("#note")).to_be_hidden()
    turn(page, "Later")
    wait_until(lambda: parts(page) == new)
    press(page, "Undo")
    wait_until(lambda: parts(page) == old)
    expect(page.locator(box)).to_have_value("Other")
    page.get_by_role("button", name="Edit").first.click()
    expect(page.locator("#note")).to_be_visible()
    page.press(box, "Enter")  # as it was
    wait_until(lambda: places(page) == ["2 of 2"])
    expect(page.locator("#note")).to_be_hidden()


def test_a_version_that_is_asked_for_ends_the_answer_that_is_being_written(visit: Visit) -> None:
    page = visit_at_once(visit)
    write(page, "Hi")
    wait_until_idle(page)
    first = parts(page)
    second = retry(page)
    page.get_by_role("radio", name="40").check()
    for _ in range(3):
        press(page, "Continue")
        wait_until(lambda: len(parts(page)) == 3 and len(parts(page)[2]) > 20)
        turn(page, "Earlier")
        wait_until_idle(page)
        wait_until(lambda: parts(page) == first)
        assert copied(page) == "".join(first)
        turn(page, "Later")
        wait_until(lambda: len(parts(page)) == 3)
        assert copied(page) == "".join(parts(page))
        press(page, "Undo")
        wait_until(lambda: parts(page) == second)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_marks_of_short_parts_lie_below_one_another_and_beside_the_text(
    visit: Visit, width: int
) -> None:
    page = visit_slowly(visit, width=width)
    for text in ("ab", "cd"):
        write(page, text)
        stop(page)
        press(page, "Retry")
        wait_until_idle_after_stop(page)
    marks = [mark.bounding_box() for mark in page.locator("#text .above").all()]
    assert len(marks) == 4
    texts = [part.bounding_box() for part in page.locator("#text .md:not(:has(.above))").all()]
    right = max(box["x"] + box["width"] for box in texts if box)
    for mark, below in itertools.pairwise([*marks, None]):
        assert mark
        assert right <= mark["x"] + 1
        assert mark["x"] + mark["width"] <= width
        assert below is None or mark["y"] + mark["height"] <= below["y"] + 1
    for name in ("Earlier", "Later"):
        for button in page.get_by_role("button", name=f"{name} version").all():
            button.click(trial=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_of_a_conversation_is_written_again_to_the_character(
    visit: Visit, tmp_path: Path, width: int
) -> None:
    page = visit_slowly(visit, width=width)
    choose(page, "Seed", "7")
    write(page, "Once & <b>")
    wait_until(lambda: len("".join(parts(page))) > 30)
    stop(page)  # somewhere
    page.get_by_label("at once").check()
    page.get_by_label("Wild").check()
    press(page, "Continue")
    wait_until(lambda: len(parts(page)) == 3)
    wait_until_idle(page)
    write(page, " or\t")
    wait_until_idle(page)
    with page.expect_download() as download:
        press(page, "as JSON")
    file = tmp_path / "conversation.json"
    download.value.save_as(file)
    command = [sys.executable, "-m", "model", "generate", "--from", str(file)]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert again.stdout.decode("utf-8") == copied(page) + "\n"
    assert again.stderr == b""


@pytest.mark.parametrize("width", WIDTHS)
def test_another_model_is_picked_and_what_was_written_with_each_is_kept(
    visit: Visit, width: int
) -> None:
    page = visit_at_once(visit, width=width, own_browser=True)
    picker, heading = page.get_by_label("Model", exact=True), page.locator("#heading")
    noise = write_and_wait(page, "Noise")
    picker.click()
    page.get_by_role("option", name="The bundled model").click()
    expect(heading).to_contain_text("trained on Shakespeare")
    wait_until(lambda: parts(page) == [])
    assert page.locator("#conversations li").count() == 0  # of this model
    expect(page.get_by_label("Dialogue")).to_be_visible()

    picker.click()
    page.get_by_role("option", name="noise").click()
    expect(heading).to_contain_text("trained on noise")
    picker.click()
    page.get_by_role("option", name="The bundled model").click()
    expect(heading).to_contain_text("trained on Shakespeare")
    write(page, "Kept")
    wait_until_idle(page)
    kept = parts(page)
    picker.click()
    page.get_by_role("option", name="The bundled model").click()  # again: nothing comes of it
    page.wait_for_timeout(500)
    assert parts(page) == kept
    picker.fill("a" * 300)
    picker.press("Enter")
    expect(page.get_by_text("can't be a Hub name").first).to_be_visible()
    picker.fill("nobody/<b>nothing</b>")
    picker.press("Enter")
    expect(page.get_by_text("nobody/<b>nothing</b> can't be used:")).to_be_visible(timeout=60_000)
    expect(picker).to_have_value("The bundled model")

    picker.click()
    page.get_by_role("option", name="noise").click()
    expect(heading).to_contain_text("trained on noise")
    if width < 640:
        page.get_by_role("button", name="Toggle Sidebar").click()
    page.locator("#conversations .open").click()
    wait_until(lambda: parts(page) == noise)
