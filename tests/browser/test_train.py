"""A visitor trains on a text of their own, in a real browser, and chats with the model."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from jobs.store import TEXT_FOLDER
from tests.browser.test_chat import WIDTHS
from tests.finished_run import finished_run
from tests.random_model import saved_model
from tests.reference import TEXT
from tests.running_app import RunningApp, run_app, small_model_folder
from tests.training_run import corpus_in
from training.run import read_run

MOMENT_MS = 60_000


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where visitors' runs are kept."""
    return tmp_path_factory.mktemp("kept") / "runs"


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> Iterator[RunningApp]:
    """The app as a Space's owner has it who allows training: visitors are strangers."""
    scratch = tmp_path_factory.mktemp("shared")
    model = small_model_folder(scratch / "model")
    environment = {
        "SPACE_ID": "ann/novel",
        "TRAINING": "on",
        "TRAINING_FOLDER": str(runs),
        "TRAINING_MEGABYTES": "2",
    }
    with run_app(scratch, "--model", str(model), environment=environment) as running:
        yield running


def train_tab(browser: Browser, app: RunningApp, width: int = 1280) -> Page:
    """A visitor of their own, who looks at the Train tab."""
    page = browser.new_context(viewport={"width": width, "height": 860}).new_page()
    page.set_default_timeout(MOMENT_MS)
    page.goto(app.url)
    page.get_by_role("tab", name="Train").click()
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def told(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.locator("#run")).to_contain_text(words, timeout=MOMENT_MS)


def delete(page: Page) -> None:
    """What asks before it is done."""
    press(page, "Delete")
    press(page, "Delete it")
    expect(page.locator("#drop")).to_be_visible(timeout=MOMENT_MS)


def test_from_a_dropped_file_to_a_chat_and_a_zip(
    browser: Browser, shared_app: RunningApp, tmp_path: Path
) -> None:
    page = train_tab(browser, shared_app)
    novel = tmp_path / "my novel.txt"
    novel.write_text(TEXT[:400_000], encoding="utf-8")  # more than is learnt before Stop
    page.set_input_files("#drop input[type=file]", novel)
    expect(page.locator("#summary")).to_contain_text("400,000 characters", timeout=MOMENT_MS)
    page.get_by_label("4 min", exact=True).check()
    page.get_by_label("Start from the model in the chat").check()
    press(page, "Start")
    told(page, re.compile("step [1-9]"))
    told(page, "Starts from noise: ")

    page.reload()  # training continues, and is found again
    expect(page.locator("#run")).to_be_visible(timeout=MOMENT_MS)
    told(page, "my novel")
    expect(page.locator("#sample pre")).to_contain_text(re.compile(r"\w"), timeout=MOMENT_MS)

    stranger = train_tab(browser, shared_app)
    expect(stranger.locator("#drop")).to_be_visible()
    expect(stranger.get_by_text("my novel")).to_have_count(0)
    stranger.context.close()

    press(page, "Stop")
    told(page, "Stopped")
    expect(page.get_by_role("button", name="Continue", exact=True)).to_be_visible()
    expect(page.locator("#result .beside")).to_contain_text("a 5-gram, which only counts")
    expect(page.locator("#result .judgement")).to_contain_text(re.compile(r"\w"))
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).last.click()
    download.value.save_as(tmp_path / "model.zip")
    assert "my novel/model.safetensors" in zipfile.ZipFile(tmp_path / "model.zip").namelist()

    press(page, "Chat with it")
    expect(page.get_by_label("Model", exact=True)).to_have_value("my novel")
    page.fill("#message textarea", "The ")
    page.press("#message textarea", "Enter")
    answer = page.locator("#text .bot-row").last.locator(".md:not(:has(.above))")
    expect(answer).to_contain_text(re.compile(r"\w{2}"), timeout=MOMENT_MS)

    page.get_by_role("tab", name="Train").click()
    press(page, "Delete")
    press(page, "Keep it")
    expect(page.get_by_role("button", name="Delete it")).to_be_hidden()
    told(page, "my novel: Stopped")
    delete(page)

    page.get_by_role("tab", name="Chat").click()  # where what was begun is still being written
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    page.fill("#message textarea", "And then ")
    page.press("#message textarea", "Enter")
    gone = "This run isn't here any more. Choose another model to chat on."
    expect(page.get_by_text(gone)).to_be_visible()
    expect(page.locator("#message textarea")).to_have_value("And then ")
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="noise").click()
    expect(page.locator("#heading")).to_contain_text("trained on noise")
    page.fill("#message textarea", "And then ")
    page.press("#message textarea", "Enter")
    expect(answer).to_contain_text(re.compile(r"\w{2}"), timeout=MOMENT_MS)
    assert "Traceback" not in shared_app.log()
    page.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_no_text_is_said_and_the_page_lives(
    browser: Browser, shared_app: RunningApp, runs: Path, tmp_path: Path, width: int
) -> None:
    page = train_tab(browser, shared_app, width)
    problem = page.locator("#train-problem")
    for name, data, words in (
        ("empty.txt", b"", "empty"),
        ("photo.jpg", bytes(range(256)) * 9, "binary"),
        ("long.txt", b"novel " * 340_000, "2.0 MB; here it may have 2 MB"),
    ):
        (tmp_path / name).write_bytes(data)
        page.set_input_files("#drop input[type=file]", tmp_path / name)
        expect(problem).to_contain_text(words, timeout=MOMENT_MS)
    (tmp_path / "longer.txt").write_bytes(b"novel " * 400_000)
    page.set_input_files("#drop input[type=file]", tmp_path / "longer.txt")
    too_large = page.get_by_text(re.compile(r"exceed the maximum allowed size of 2(\.0)? Mb"))
    expect(too_large).to_be_visible()
    named: FilePayload = {"name": "../../x", "mimeType": "text/plain", "buffer": b"a novel. " * 500}
    page.set_input_files("#drop input[type=file]", [named])
    expect(page.locator("#summary")).to_contain_text("4,500 characters", timeout=MOMENT_MS)
    assert [path.name for path in runs.rglob("x*")] == ["x.txt"]
    assert not list(runs.parent.glob("x*"))
    press(page, "Another text")
    expect(page.locator("#drop")).to_be_visible()
    assert [path for path in runs.rglob("*") if path.is_file()] == []
    page.get_by_label("Or paste a text").fill(TEXT[:4_000])
    press(page, "Use this text")
    expect(page.locator("#summary")).to_contain_text("4,000 characters")
    page.get_by_label("Start from the model in the chat").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    press(page, "Another text")
    press(page, "Try it with Python's language reference")
    expect(page.locator("#summary")).to_contain_text(f"{len(TEXT):,} characters")
    press(page, "Another text")
    page.context.close()


def test_a_list_is_trained_longer_and_one_looks_back_at_what_it_wrote(
    browser: Browser, tmp_path: Path
) -> None:
    run = finished_run(tmp_path / "runs" / ("0" * 32), "town names")
    corpus_in(run / TEXT_FOLDER, 400_000, "town names.txt")  # more than a minute's
    found = {"listed": 10_033, "written": 200, "new": 124}
    told_of = {"corpus": "town names.txt", "items": found, "advice": {"minutes": 1.0}}
    saved_model(run / "model", training=told_of)
    model = small_model_folder(tmp_path / "model")
    environment = {"TRAINING_FOLDER": str(tmp_path / "runs"), "TRAINING_MINUTES": "1"}
    with run_app(tmp_path, "--model", str(model), environment=environment) as app:
        page = train_tab(browser, app)
        page.set_viewport_size({"width": 390, "height": 844})
        result, sample = page.locator("#result"), page.locator("#sample p")
        expect(result).to_contain_text("10,033 names, 62% of what it writes is new.")
        press(page, "Train longer: 1 min")
        told(page, re.compile(r"town names \(2\): (Reading|Timing|Training)"))
        page.reload()
        slider = page.locator("#samples input[type=range]")
        expect(slider).to_be_visible(timeout=MOMENT_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        newest = sample.inner_text()
        expect(sample).not_to_have_text(newest, timeout=MOMENT_MS)  # the next one, by itself
        [longer] = {*(tmp_path / "runs").iterdir()} - {run}

        def wrote(position: int) -> str:
            return f"After step {read_run(longer).samples[position][0]:,} it wrote:"

        slider.press("Home")
        expect(sample).to_have_text(wrote(0), timeout=MOMENT_MS)
        most = slider.get_attribute("max") or ""
        expect(slider).not_to_have_attribute("max", most, timeout=MOMENT_MS)
        expect(sample).to_have_text(wrote(0))  # as the visitor has chosen
        expect(slider).to_have_value("1")
        press(page, "Stop")
        told(page, "Stopped")
        expect(sample).to_have_text(wrote(-1))
        slider.press("ArrowLeft")
        expect(sample).to_have_text(wrote(-2))
        press(page, "Another text")  # both are kept
        page.get_by_label("Your runs here").click()
        expect(page.get_by_role("option", name="town names")).to_have_count(2)
        page.context.close()
