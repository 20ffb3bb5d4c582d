"""The app's start, memory and first text, beside an empty gr.ChatInterface in the same run.

    python -m benchmarks.app [--model MODEL] [--runs 5]

Each is a child process of its own; starts alternate. First text is timed inside a real Chromium,
from the key that sends a message to the first character of the answer in the document; the peer
answers at once, without a model, so its time is what Gradio takes by itself. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from model.folder import BUNDLED_MODEL, WEIGHTS_FILE, find_model_folder

ROOT = Path(__file__).parents[1]
EMPTY_PAGE = """
import sys, gradio

async def answer(message, history):
    yield "."

gradio.ChatInterface(answer).launch(server_port=int(sys.argv[1]), quiet=True)
"""
# The app's message box and the peer's are both the first that can be seen.
MESSAGE = "textarea:visible"
# A seed is no part of an answer.
WATCH = """() => {
    const written = () => [...document.querySelectorAll('[data-testid=bot]')]
        .filter(part => !part.querySelector('.above'))
        .map(part => part.textContent).join('').length;
    let sent = 0, before = 0;
    window.milliseconds = [];
    document.addEventListener('keydown', event => {
        if (event.key === 'Enter') { sent = performance.now(); before = written(); }
    }, true);
    new MutationObserver(() => {
        if (sent && written() > before) {
            window.milliseconds.push(performance.now() - sent);
            sent = 0;
        }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@dataclass(frozen=True)
class Served:
    """A served page: how long it took to answer, where it is and by whom it is served."""

    seconds: float
    url: str
    pid: int

    def anonymous_mib(self) -> float:
        """RssAnon: memory that no other process can share."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
        raise SystemExit("this system doesn't tell RssAnon")


@contextmanager
def served(command: list[str]) -> Iterator[Served]:
    """Start a page on a free port, which is the command's last argument, and stop it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    url = f"http://127.0.0.1:{port}"
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *command, str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        while not _answers(url):
            if child.poll() is not None:
                raise SystemExit(f"{command} ended before it served a page")
            time.sleep(0.02)
        yield Served(time.perf_counter() - began, url, child.pid)
    finally:
        child.terminate()
        child.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, TimeoutError):
        return False


def first_texts(page: Page, messages: int) -> list[float]:
    """Milliseconds from sending to the first character, for so many short messages in a row."""
    box = page.locator(MESSAGE).first
    for _ in range(messages):
        known = page.evaluate("window.milliseconds.length")
        box.fill("ROMEO:")
        box.press("Enter")
        page.wait_for_function(f"window.milliseconds.length > {known}")
        wait_until_whole(page)
    times: list[float] = page.evaluate("window.milliseconds")
    return times[-messages:]


def wait_until_whole(page: Page) -> None:
    """Until an answer is complete and the page takes the next message."""
    page.wait_for_timeout(300)
    page.wait_for_selector(".submit-button", timeout=60_000)
    page.wait_for_timeout(300)


def visit(browser_page: Page, url: str) -> None:
    """Open a page, ready to be timed."""
    browser_page.goto(url)
    browser_page.wait_for_selector(MESSAGE)
    browser_page.wait_for_timeout(1_000)
    browser_page.evaluate(WATCH)


def chat(place: Served, page: Page, runs: int) -> tuple[float, float, float]:
    """First text in a short and in a long conversation (ms, medians), and memory after both."""
    visit(page, place.url)
    if page.get_by_label("at once").count():
        page.get_by_label("at once").check()
    if page.get_by_label("One text").count():  # a dialogue's answers would be as long as they like
        page.get_by_label("One text").check()
    first_texts(page, 1)  # the first message of a process also pays for what is loaded late
    short = statistics.median(first_texts(page, runs))
    page.locator(MESSAGE).first.fill("The quality of mercy is not strained.\n" * 500)
    page.locator(MESSAGE).first.press("Enter")
    wait_until_whole(page)
    long = statistics.median(first_texts(page, runs))
    return short, long, place.anonymous_mib()


def row(what: str, ours: float, peers: float, unit: str, limit: float) -> str:
    """A line of the table: the figure, its peer, their ratio, the target."""
    verdict = "reached" if ours <= limit else "MISSED"
    return (
        f"{what:<44}{ours:8.1f} {unit:<4}{peers:8.1f} {unit:<4}{ours / peers:6.2f}"
        f"   at most {limit:.1f} {unit}: {verdict}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default=str(BUNDLED_MODEL))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    if not chromium:
        raise SystemExit("no Chromium to measure in: install chromium, or name one with CHROMIUM")
    app = ["app.py", "--model", options.model, "--port"]
    peer = ["-c", EMPTY_PAGE]
    starts: dict[str, list[float]] = {"app": [], "peer": []}
    for _ in range(options.runs):
        for name, command in (("app", app), ("peer", peer)):
            with served(command) as place:
                starts[name].append(place.seconds)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        with served(app) as place:
            ours = chat(place, browser.new_page(), options.runs)
        with served(peer) as place:
            peers = chat(place, browser.new_page(), options.runs)
        browser.close()

    weights = find_model_folder(options.model) / WEIGHTS_FILE
    model_mib = weights.stat().st_size / 2**20
    start, empty = statistics.median(starts["app"]), statistics.median(starts["peer"])
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, ", end="")
    print(f"a model of {model_mib:.1f} MiB, medians of {options.runs}")
    print(f"{'':<44}{'app':>8}     {'empty page':>11}  ratio")
    print(row("from the command to a page that answers", start, empty, "s", min(8, 1.3 * empty)))
    print(
        row(
            "anonymous memory after the chats",
            ours[2],
            peers[2],
            "MiB",
            1.5 * peers[2] + 2 * model_mib,
        )
    )
    print(row("first text, a short conversation", ours[0], peers[0], "ms", 300))
    print(row("first text, one of 20,000 characters", ours[1], peers[1], "ms", 500))


if __name__ == "__main__":
    main()
