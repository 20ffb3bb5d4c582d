"""What every test shares: a Hub's address here, a cache that is thrown away, an app, a browser.

The address is set here, before anything imports huggingface_hub, which reads it when it is
imported. Nothing is served there until a test asks for the fixture `hub`; child processes inherit
it all.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator

import pytest

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    HUB_PORT: int = probe.getsockname()[1]
_HF_HOME = tempfile.mkdtemp(prefix="charlstm-tests-")
atexit.register(shutil.rmtree, _HF_HOME, ignore_errors=True)
for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
    del os.environ[name]
os.environ |= {
    "HF_ENDPOINT": f"http://127.0.0.1:{HUB_PORT}",
    "HF_HOME": _HF_HOME,
    "HF_HUB_DISABLE_XET": "1",  # the double speaks LFS only
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Networks here are so small that two threads wait for one another: it took several times as
    # long where other processes had the cores.
    "OMP_NUM_THREADS": "1",
}

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.hub_api import Account  # noqa: E402
from tests.hub_server import HubServer  # noqa: E402
from tests.running_app import RECORDED, RunningApp, run_app, small_model_folder  # noqa: E402

# As in the Makefile, which installs the second where it may.
NAMES = ("chromium", "chromium-browser", "google-chrome")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def pytest_configure(config: pytest.Config) -> None:
    """Let the client's own uploading use a form that its HTTP library frowns at."""
    config.addinivalue_line("filterwarnings", "ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app with the small model, recorded; one for all tests that don't ask for more."""
    scratch = tmp_path_factory.mktemp("app")
    model = small_model_folder(scratch / "model")
    with run_app(scratch, "--model", str(model), script=RECORDED) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests; what visitors don't share is in their contexts.

    Where Chromium is missing, its tests are left out on a person's machine and fail in CI.
    """
    wanted = filter(None, (os.environ.get("CHROMIUM"), *NAMES, MAC_CHROME))
    chromium = next(filter(None, map(shutil.which, wanted)), None)
    if chromium is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"no Chromium: none of {', '.join(NAMES)} is installed, CHROMIUM names none")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub that answers, with ann logged in; "hf_read" is a token of hers that may only read."""
    monkeypatch.setenv("HF_TOKEN", "hf_ann")
    with HubServer(HUB_PORT) as server:
        server.accounts = {
            "hf_ann": Account("ann", orgs=("club",)),
            "hf_read": Account("ann", "read"),
            "hf_bob": Account("bob"),
        }
        yield server


@pytest.fixture
def repo_id(request: pytest.FixtureRequest) -> str:
    """A name of ann's that no other test uses: what is cached under it is this test's own."""
    return "ann/" + re.sub(r"\W+", "-", request.node.name.removeprefix("test_"))[:90].strip("-")
