"""A visitor signs in, publishes what they have trained and makes a Space of it, in a real browser.

The sign-in, the Hub and its Spaces are on 127.0.0.1; the app is the real one, in a process of its
own. What a run of training leaves is put there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from jobs.publishing import PUBLISHED_FILE
from tests.browser.test_train import MOMENT_MS, press, told, train_tab
from tests.finished_run import finish, finished_run
from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.oauth_server import OAuthServer
from tests.random_model import TEXT
from tests.running_app import RunningApp, run_app, small_model_folder
from tests.space_folder import space_folder

ANN, BOB, OWNER = "hf_ann_signed_in", "hf_bob_signed_in", "hf_token_of_the_owner"


@pytest.fixture
def space(hub: HubServer, tmp_path: Path) -> Iterator[RunningApp]:
    """The app in the checkout of a Space, whose owner has a secret that may write everywhere."""
    hub.accounts = {
        ANN: Account("ann", by_app=True),
        BOB: Account("bob", by_app=True),
        OWNER: Account("owner", orgs=("ann", "bob")),
    }
    checkout = tmp_path / "checkout"
    model = str(small_model_folder(tmp_path / "model"))
    space_folder(checkout)
    with OAuthServer({"ann": ANN, "bob": BOB}) as sign_in:
        environment = {
            "SPACE_ID": "owner/here",
            "SPACE_HOST": "127.0.0.1:{port}",
            "SYSTEM": "spaces",
            "HF_TOKEN": OWNER,
            "PYTHONPATH": "",
            "TRAINING": "on",
            "TRAINING_FOLDER": str(tmp_path / "runs"),
            **sign_in.environment,
        }
        with run_app(
            tmp_path, "--model", model, folder=checkout, environment=environment
        ) as running:
            yield running
        assert sign_in.asked_for == {"openid profile contribute-repos"}


def with_a_finished_run(page: Page, runs: Path) -> None:
    """The visitor hands in a text, and by the time that they look again it is learnt."""
    page.get_by_label("Or paste a text").fill(TEXT)
    press(page, "Use this text")
    says(page, "#summary", "characters")
    (taken,) = runs.glob("*/*")
    finish(taken)
    page.reload()
    page.get_by_role("tab", name="Train").click()
    told(page, "Done")


def sign_in_as(page: Page, name: str) -> None:
    """From the panel to the consent and back, where the panel is open again."""
    press(page, "Publish")
    page.get_by_role("button", name="Sign in with Hugging Face").click()
    page.get_by_role("link", name=f"Authorize as {name}").click()
    says(page, "#account", f"into the account {name}")


def publish(page: Page, name: str) -> None:
    page.locator("#repo").get_by_role("textbox").fill(name)
    press(page, "Publish it")


def says(page: Page, where: str, words: str) -> None:
    expect(page.locator(where)).to_contain_text(words, timeout=MOMENT_MS)


def test_a_model_and_its_space_are_published_in_the_account_of_who_signs_in_and_no_other(
    browser: Browser, space: RunningApp, hub: HubServer, tmp_path: Path
) -> None:
    page = train_tab(browser, space)
    with_a_finished_run(page, tmp_path / "runs")
    sign_in_as(page, "ann")
    says(page, "#to-publish", "Only you can see")
    page.get_by_label("anybody").check()
    says(page, "#to-publish", "How it was trained: sizes, losses, times and settings")
    page.get_by_label("Whose text is it?").fill("Guido")
    publish(page, "ann/lambda")
    link = page.locator("#published").get_by_role("link", name="ann/lambda", exact=True)
    expect(link).to_have_attribute("href", f"{hub.url}/ann/lambda", timeout=MOMENT_MS)
    assert b"Text by: Guido" in hub.repo("ann/lambda").head().files["README.md"]
    assert set(hub.repos) == {("models", "ann/lambda")}

    page.get_by_label("And a Space of it").check()
    says(page, "#to-publish", "creates the Space ann/lambda-chat")
    press(page, "Publish it")
    says(page, "#published", "Its Space: ann/lambda-chat")
    made = hub.repo("ann/lambda-chat", "spaces").head().files
    assert {"app.py", "jobs/queue.py", "ui/train.py"} <= set(made)
    page.reload()
    page.get_by_role("tab", name="Train").click()
    says(page, "#published", "Its Space: ann/lambda-chat")
    assert hub.tokens <= {ANN, ""}

    stolen = page.evaluate("JSON.stringify(localStorage)")
    other = train_tab(browser, space)
    expect(other.locator("#drop")).to_be_visible()  # from now on they have a secret of their own
    other.evaluate("all => Object.assign(localStorage, JSON.parse(all))", stolen)
    other.reload()  # even who finds another's run
    other.get_by_role("tab", name="Train").click()
    press(other, "Publish")
    says(other, "#account", "Sign in to publish")
    expect(other.get_by_role("button", name="Publish it")).to_have_count(0)
    sign_in_as(other, "bob")
    publish(other, "ann/bobs")
    says(other, "#publish-failure", "has no right to write to ann/bobs")
    publish(other, "bob/bobs")
    says(other, "#published", "Published: bob/bobs, only you can see it")
    assert set(hub.repos) == {
        ("models", "ann/lambda"), ("spaces", "ann/lambda-chat"), ("models", "bob/bobs"),
    }  # fmt: skip
    assert hub.tokens == {ANN, BOB, ""}
    assert ANN not in space.log()
    press(page, "Publish")
    page.get_by_role("button", name="Sign out (ann)").click()
    says(page, "#account", "Sign in to publish")
    for visitor in (page, other):
        visitor.context.close()


def test_ones_own_computer_publishes_with_the_saved_login_and_goes_on_without_its_page(
    browser: Browser, hub: HubServer, tmp_path: Path
) -> None:
    finished_run(tmp_path / "runs" / ("1" * 32))
    environment = {
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "",
        "TRAINING_FOLDER": str(tmp_path / "runs"),
    }
    model = str(small_model_folder(tmp_path / "model"))
    with run_app(tmp_path, "--model", model, environment=environment) as app:
        page = train_tab(browser, app)
        press(page, "Publish")
        says(page, "#account", "log in with `hf auth login`")
        (tmp_path / "hf").mkdir(exist_ok=True)
        (tmp_path / "hf" / "token").write_text("hf_ann", encoding="utf-8")  # as that command does
        press(page, "Publish")
        says(page, "#account", "into the account ann")
        publish(page, "ann/my novel")
        says(page, "#publish-failure", "Publishing failed: 'ann/my novel' can't be a Hub name")
        assert hub.repos == {}
        hub.answers.clear()
        page.locator("#repo").get_by_role("textbox").fill("ann/my-novel")
        page.get_by_role("button", name="Publish it").dblclick()  # the second one changes nothing
        says(page, "#publish-failure", "Asking the Hub")
        page.reload()  # it continues when its page is gone
        hub.answers.set()
        kept = tmp_path / "runs" / ("1" * 32) / PUBLISHED_FILE
        deadline = time.monotonic() + MOMENT_MS / 1_000
        while not kept.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        page.reload()
        page.get_by_role("tab", name="Train").click()
        says(page, "#published", "Published: ann/my-novel, only you can see it")
        assert hub.requests.count("POST /api/repos/create") == 1
        assert len(hub.repo("ann/my-novel").commits) == 2  # the Hub's first one, and ours
        assert hub.repo("ann/my-novel").private
        page.context.close()
