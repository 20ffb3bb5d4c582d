"""A visitor in a real browser talks with a model that has read a dialogue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from model.chat.dialogue import ChatTemplate
from model.generator import Generator
from model.sampling import SamplingParams
from tests.browser.conftest import Visit
from tests.browser.test_chat import (
    WIDTHS,
    choose,
    copied,
    open_settings,
    parts,
    seeds,
    stop,
    visit_at_once,
    wait_until,
    wait_until_idle,
    write,
)
from tests.running_app import RunningApp, run_app, small_model, small_model_folder

TALK = ChatTemplate(
    user_prefix="Ann <a>: ",
    user_suffix="\n",
    reply_prefix="Bob: ",
    reply_suffix="\n",
    speakers=("Ann <a>", "Bob", "Cy"),
    stop=("\n",),
    user_speaker="Ann <a>",
    reply_speaker="Bob",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The small model's page, as of one that has read a dialogue."""
    scratch = tmp_path_factory.mktemp("talk")
    model = small_model_folder(scratch / "model", TALK)
    with run_app(scratch, "--model", str(model)) as running:
        yield running


def reply(prompt: str, seed: int) -> str:
    params = SamplingParams(length=500, seed=seed, stop=TALK.stop)
    return Generator(small_model(TALK)).generate(prompt, params)


def bubbles(page: Page) -> list[tuple[str, str]]:
    """Who says what, as the page shows it."""
    names = page.locator("#text .speaker").all_text_contents()
    says = page.locator("#text .md:not(:has(.above))").all_text_contents()
    return list(zip(names, says, strict=False))


def show_conversations(page: Page) -> None:
    """On a phone they are out of sight."""
    if not page.locator("#conversations").is_visible():
        page.get_by_role("button", name="Toggle Sidebar").click()


def say(page: Page, text: str) -> None:
    write(page, text)
    wait_until_idle(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_one_speaks_as_one_person_and_the_model_answers_as_another(
    visit: Visit, width: int
) -> None:
    page = visit_at_once(visit, width=width)
    choose(page, "Seed", "12")
    expect(page.locator("#message textarea")).to_have_attribute("placeholder", "Speak as Ann <a>")
    say(page, "Hi,\n\nBob")
    first = reply("Ann <a>: Hi, Bob\nBob: ", 12)
    assert bubbles(page) == [("Ann <a>", "Hi,\n\nBob"), ("Bob", first)]
    expect(page.locator("#note")).to_contain_text("Line breaks that would have ended your turn")

    page.get_by_label("The model speaks as").click()
    page.get_by_role("option", name="Cy").click()
    wait_until(lambda: bubbles(page) == [])  # another speaker begins another conversation
    say(page, "Hi")
    second = reply("Ann <a>: Hi\nCy: ", 12)
    assert bubbles(page) == [("Ann <a>", "Hi"), ("Cy", second)]
    assert copied(page) == f"Ann <a>: Hi\nCy: {second}"
    show_conversations(page)
    page.locator("#conversations .open").last.click()
    wait_until(lambda: bubbles(page) == [("Ann <a>", "Hi,\n\nBob"), ("Bob", first)])
    expect(page.get_by_label("The model speaks as")).to_have_value("Bob")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_reply_that_was_stopped_and_continued_is_one_that_grows(visit: Visit, width: int) -> None:
    prompt = "Ann <a>: Hi\nBob: "
    long = next(seed for seed in range(2_000) if len(reply(prompt, seed)) > 200)
    page = visit(width=width)
    open_settings(page)
    choose(page, "Seed", str(long))
    page.get_by_label("40").check()
    write(page, "Hi")
    wait_until(lambda: len("".join(parts(page))) > 20)
    stop(page)
    (_, (speaker, cut)) = bubbles(page)
    choose(page, "Seed", "5")
    page.get_by_label("at once").check()
    page.get_by_role("button", name="Continue").click()
    wait_until(lambda: seeds(page) == [f"{long}5"])  # "seed ..., 5", its digits
    wait_until_idle(page)
    whole = cut + reply(prompt + cut, 5)
    assert bubbles(page) == [("Ann <a>", "Hi"), (speaker, whole)]
    assert copied(page) == prompt + whole
    page.get_by_role("button", name="Retry").click()
    wait_until(lambda: seeds(page) == ["5"])
    wait_until_idle(page)
    assert bubbles(page)[1:] == [("Bob", reply(prompt, 5))]
    expect(page.get_by_role("button", name="Let them talk")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
def test_both_speakers_take_turns_by_themselves_until_they_are_stopped(
    visit: Visit, width: int
) -> None:
    page = visit(width=width)
    open_settings(page)
    choose(page, "Seed", "3")
    page.get_by_role("button", name="Let them talk").click()
    wait_until(lambda: len(bubbles(page)) > 4)
    stop(page)
    said, prompt = bubbles(page)[:4], ""
    assert [speaker for speaker, _ in said] == ["Ann <a>", "Bob", "Ann <a>", "Bob"]
    for seed, (speaker, text) in enumerate(said, start=3):
        prompt += f"{speaker}: "
        written = reply(prompt, seed)
        assert text in (written, "says nothing")
        prompt += f"{written}\n" if written.strip() else ""
    before = len(bubbles(page))
    page.get_by_role("button", name="Let them talk").click()
    wait_until(lambda: len(bubbles(page)) > before + 1)
    stop(page)


def test_what_is_written_from_right_to_left_runs_so(visit: Visit) -> None:
    page = visit_at_once(visit)
    for form in ("Dialogue", "One text"):
        page.get_by_label(form).check()
        wait_until(lambda: parts(page) == [])
        say(page, "שלום abc!")
        first, last = page.evaluate(
            """() => {
                const [{firstChild}] = document.querySelectorAll("#text .md:not(:has(.above))");
                const left = (index) => {
                    const range = document.createRange();
                    range.setStart(firstChild, index);
                    range.setEnd(firstChild, index + 1);
                    return range.getBoundingClientRect().left;
                };
                return [left(0), left(firstChild.length - 1)];
            }"""
        )
        assert last < first  # what ends the line stands on its left


def test_silence_leaves_no_trace_and_another_form_begins_another_conversation(visit: Visit) -> None:
    silent = next(seed for seed in range(2_000) if not reply("Ann <a>: Hi\nBob: ", seed).strip())
    page = visit_at_once(visit)
    choose(page, "Seed", str(silent))
    say(page, "Hi")
    dialogue = bubbles(page)
    assert dialogue == [("Ann <a>", "Hi"), ("Bob", "says nothing")]
    assert copied(page) == "Ann <a>: Hi"
    page.get_by_label("One text").check()
    wait_until(lambda: bubbles(page) == [])
    expect(page.get_by_label("The model speaks as")).to_be_hidden()
    write(page, "A\n")
    expect(page.locator("#text .bot-row .md").last).not_to_be_empty()
    wait_until_idle(page)
    params = SamplingParams(length=500, seed=silent)
    whole = "A\n" + Generator(small_model()).generate("A\n", params)
    assert len(copied(page)) >= 440
    assert whole.startswith(copied(page))
    wait_until(lambda: page.locator("#conversations li").count() == 2)
    page.locator("#conversations .open").last.click()
    wait_until(lambda: bubbles(page) == dialogue)
    expect(page.get_by_label("Dialogue")).to_be_checked()
    expect(page.get_by_label("The model speaks as")).to_be_visible()
    page.get_by_label("One text").check()
    wait_until(lambda: bubbles(page) == [])
    page.get_by_role("button", name="Undo").click()  # without the list
    wait_until(lambda: bubbles(page) == dialogue)
