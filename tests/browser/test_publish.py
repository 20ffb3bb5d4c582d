"""A visitor signs in, publishes what they have trained and makes a Space of it, in a real browser.

The sign-in, the Hub and its Spaces are on 127.0.0.1; the app is the real one, in a process of its
own. What a run of training leaves is put there, but for the one test that trains.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from publish.__main__ import main
from publish.space_files import project_files
from tests.finished_run import finish, finished_run
from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.oauth_server import OAuthServer
from tests.random_model import TEXT
from tests.running_app import RunningApp, run_app, small_model_folder

MOMENT_MS = 60_000
ONLY_THERE = "\n# Of this Space alone.\n"
ANN, BOB, OWNER = "hf_ann_signed_in", "hf_bob_signed_in", "hf_token_of_the_owner"


@pytest.fixture
def sign_in() -> Iterator[OAuthServer]:
    with OAuthServer({"ann": ANN, "bob": BOB}) as provider:
        yield provider


@pytest.fixture
def space(hub: HubServer, sign_in: OAuthServer, tmp_path: Path) -> Iterator[RunningApp]:
    """The app in the checkout of a Space, whose owner has a secret that may write everywhere."""
    hub.accounts = {
        ANN: Account("ann", by_app=True),
        BOB: Account("bob", by_app=True),
        OWNER: Account("owner", orgs=("ann", "bob")),
    }
    checkout = tmp_path / "checkout"
    model = str(small_model_folder(tmp_path / "model"))
    main(["space", model, "owner/here", "--dry_run", str(checkout)])
    with open(checkout / "ui" / "about.py", "a", encoding="utf-8") as file:
        file.write(ONLY_THERE)
    environment = {
        "SPACE_ID": "owner/here",
        "SPACE_HOST": "127.0.0.1:{port}",
        "SYSTEM": "spaces",
        "HF_TOKEN": OWNER,
        "PYTHONPATH": "",
        "TRAINING": "on",
        "TRAINING_FOLDER": str(tmp_path / "runs"),
        "TRAINING_MINUTES": "0.05",
        **sign_in.environment,
    }
    with run_app(tmp_path, "--model", model, folder=checkout, environment=environment) as running:
        yield running


@pytest.fixture
def own_computer(hub: HubServer, tmp_path: Path) -> Iterator[RunningApp]:
    """The app on one's own computer, where nobody has logged in yet, with a run that has ended."""
    finished_run(tmp_path / "runs" / ("1" * 32))
    environment = {
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "",
        "TRAINING_FOLDER": str(tmp_path / "runs"),
    }
    assert hub.repos == {}
    model = small_model_folder(tmp_path / "model")
    with run_app(tmp_path, "--model", str(model), environment=environment) as running:
        yield running


def train_tab(context: BrowserContext, app: RunningApp) -> Page:
    page = context.new_page()
    page.set_default_timeout(MOMENT_MS)
    page.goto(app.url)
    page.get_by_role("tab", name="Train").click()
    return page


def hand_in(page: Page) -> None:
    page.get_by_label("Or paste a text").fill(TEXT)
    page.get_by_role("button", name="Use this text").click()
    expect(page.locator("#understood")).to_contain_text("characters", timeout=MOMENT_MS)


def with_a_finished_run(page: Page, runs: Path) -> None:
    """The visitor hands in a text, and by the time that they look again it is learnt."""
    before = set(runs.glob("*/*"))
    hand_in(page)
    (taken,) = set(runs.glob("*/*")) - before
    finish(taken)
    page.reload()
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#run")).to_contain_text("Done", timeout=MOMENT_MS)


def open_panel(page: Page) -> None:
    page.get_by_role("button", name="Publish", exact=True).click()


def sign_in_as(page: Page, name: str) -> None:
    """From the panel to the consent and back, where the panel is open again."""
    open_panel(page)
    page.get_by_role("button", name="Sign in with Hugging Face").click()
    page.get_by_role("link", name=f"Authorize as {name}").click()
    account = page.locator("#account")
    expect(account).to_contain_text(f"signed in as {name}", timeout=MOMENT_MS)


def publish(page: Page, name: str) -> None:
    page.locator("#repo").get_by_role("textbox").fill(name)
    page.get_by_role("button", name="Publish it").click()


def says(page: Page, where: str, words: str, timeout_ms: int = MOMENT_MS) -> None:
    expect(page.locator(where)).to_contain_text(words, timeout=timeout_ms)


@pytest.mark.long
def test_from_a_text_to_a_space_in_the_visitors_own_account(
    browser: Browser, space: RunningApp, hub: HubServer, sign_in: OAuthServer
) -> None:
    context = browser.new_context()
    page = train_tab(context, space)
    hand_in(page)
    page.get_by_role("button", name="Start").click()
    says(page, "#run", "Done", 4 * MOMENT_MS)  # a run gives way to all else that a machine does
    sign_in_as(page, "ann")
    assert sign_in.asked_for == ["openid profile contribute-repos"]
    says(page, "#to-publish", "for you alone to see")
    says(page, "#to-publish", "give back pieces of the text")
    page.get_by_label("anybody").check()
    says(page, "#to-publish", "how it was trained: sizes, losses, times and settings")
    page.get_by_label("Whose text is it?").fill("Guido")
    publish(page, "ann/lambda")
    link = page.locator("#published").get_by_role("link", name="ann/lambda")
    expect(link).to_have_attribute("href", f"{hub.url}/ann/lambda", timeout=MOMENT_MS)
    assert b"credit: Guido" in hub.repo("ann/lambda").head().files["README.md"].data

    page.get_by_role("button", name="Make a Space of it").click()
    says(page, "#to-create", "This creates the Space ann/lambda-chat")
    assert ("spaces", "ann/lambda-chat") not in hub.repos
    hub.space_stages = ("BUILDING",)
    page.get_by_role("button", name="Create the Space").click()
    says(page, "#published", "building")
    page.close()
    hub.spaces["ann/lambda-chat"].stages = ["APP_STARTING", "RUNNING"]
    page = train_tab(context, space)
    says(page, "#published", "Its Space runs: ann/lambda-chat")
    made = hub.repo("ann/lambda-chat", "spaces").head().files
    assert set(project_files()) <= set(made)  # as the Space's own checkout has them:
    assert made["ui/about.py"].data.decode().endswith(ONLY_THERE)
    assert hub.spaces["ann/lambda-chat"].secrets == {}
    assert hub.tokens <= {ANN, ""}
    assert ANN not in space.log()
    context.close()


@pytest.mark.long
def test_nobody_acts_for_another_visitor_nor_for_the_owner(
    browser: Browser, space: RunningApp, hub: HubServer, tmp_path: Path
) -> None:
    ann, bob = browser.new_context(), browser.new_context()
    page = train_tab(ann, space)
    with_a_finished_run(page, tmp_path / "runs")
    sign_in_as(page, "ann")
    stolen = page.evaluate("JSON.stringify(localStorage)")

    other = train_tab(bob, space)
    other.evaluate("all => Object.assign(localStorage, JSON.parse(all))", stolen)
    other.reload()  # even who finds another's run
    other.get_by_role("tab", name="Train").click()
    open_panel(other)
    says(other, "#account", "Sign in to publish")
    expect(other.get_by_role("button", name="Publish it")).to_have_count(0)
    assert hub.requests == []

    sign_in_as(other, "bob")
    publish(other, "ann/bobs")
    says(other, "#published", "Not published: bob or the token can't create a repo of 'ann'")
    publish(other, "bob/bobs")
    says(other, "#published", "Published: bob/bobs, private")
    assert hub.tokens <= {BOB, ""}
    publish(page, "ann/anns")
    says(page, "#published", "Published: ann/anns, private")
    assert set(hub.repos) == {("models", "bob/bobs"), ("models", "ann/anns")}
    assert hub.tokens == {ANN, BOB, ""}

    page.get_by_role("button", name="Sign out (ann)").click()
    says(page, "#account", "Sign in to publish")
    bob.clear_cookies()  # as if his sign-in had expired
    open_panel(other)
    says(other, "#account", "Sign in to publish")
    expect(other.get_by_role("button", name="Sign in with Hugging Face")).to_be_visible()
    ann.close()
    bob.close()


def test_ones_own_computer_publishes_with_the_saved_login_and_tells_what_is_refused(
    browser: Browser, own_computer: RunningApp, hub: HubServer, tmp_path: Path
) -> None:
    context = browser.new_context()
    page = train_tab(context, own_computer)
    open_panel(page)
    says(page, "#account", "log in with `hf auth login`")
    (tmp_path / "hf").mkdir(exist_ok=True)
    (tmp_path / "hf" / "token").write_text("hf_ann", encoding="utf-8")  # as that command does
    open_panel(page)
    says(page, "#account", "knows this computer as ann")
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)
    publish(page, "ann/my novel")
    says(page, "#published", "Not published: 'ann/my novel' can't be a Hub name")
    hub.fault("/create", method="POST", status=403, words="blocked")
    publish(page, "ann/my-novel")
    says(page, "#published", "can't create a repo of 'ann'")
    hub.fault("/create", method="POST", status=409, words="conflict")
    publish(page, "ann/my-novel")
    says(page, "#published", "the Hub doesn't show it yet; try again")
    assert hub.repos == {}
    publish(page, "ann/my-novel")
    says(page, "#published", "Published: ann/my-novel, private")
    assert hub.repo("ann/my-novel").private
    context.close()
