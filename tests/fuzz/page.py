"""Hostile events: whatever a client sends, the page answers it, says no traceback, and serves on.

The events are read from the running app's /config, so that new ones are tried as well.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.fuzz.mutations import TEXTS, hostile, mutated_json, to_json
from tests.running_app import RunningApp

LISTED = "conversations"  # the component that holds what a browser is to keep
_API = "/gradio_api"
_WATCHED_S = 1.0  # of an event; a longer answer is left in the middle, as a visitor would
_SESSIONS = 5  # that the events are spread over


class Page:
    """A running app, as a hostile client sees it."""

    def __init__(self, app: RunningApp, scratch: Path) -> None:
        self.app = app
        self._client = httpx.Client(base_url=app.url, timeout=30)
        config = self._client.get("/config").json()
        self._components = {part["id"]: part for part in config["components"]}
        self._events = [event for event in config["dependencies"] if event["backend_fn"]]
        listed = next(p for p in config["components"] if p["props"].get("elem_id") == LISTED)
        conversation = json.loads(listed["props"]["value"])["changed"] | {"id": "a"}
        conversation["messages"] = [{"role": "user", "text": "Hi", "speaker": "", "is_whole": True}]
        self._event_data = {  # of all events that bring any
            "conversation": json.dumps(conversation),
            "message": 0,
            "later": True,
            "value": {"text": "Hi"},
        }
        scratch.mkdir(exist_ok=True)
        text = scratch / "text.txt"
        text.write_text("Now is the winter of our discontent. " * 100, encoding="utf-8")
        with open(text, "rb") as file:
            answer = self._client.post(f"{_API}/upload", files={"files": file})
        self._upload = Path(answer.json()[0])

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def fuzz(self, rng: random.Random) -> str:
        """Send one event. Returns what became of it; raises AssertionError for a fault."""
        event = rng.choice(self._events)
        good = [self._good(rng, self._components[part]) for part in event["inputs"]]
        body: dict[str, Any] = {
            "data": good if rng.random() < 0.1 else mutated_json(rng, good),
            "event_data": mutated_json(rng, self._event_data),
            "fn_index": event["id"],
            "trigger_id": None,
            "session_hash": f"fuzz{rng.randrange(_SESSIONS)}",
        }
        if rng.random() < 0.2:
            body[rng.choice(list(body))] = hostile(rng)
        content = to_json(body).encode("utf-8", "surrogatepass")
        headers = {"content-type": "application/json"}
        answer = self._client.post(f"{_API}/queue/join", content=content, headers=headers)
        name = f"{event['api_name'] or event['id']}"
        assert answer.status_code < 500, f"{name} answers {answer.status_code}: {content[:300]!r}"
        if answer.status_code >= 400 or not isinstance(body["session_hash"], str):
            return "refused"
        return self._end_of(body["session_hash"])

    def _end_of(self, session: str) -> str:
        """What came of the events of a session, as far as one second tells."""
        deadline, became = time.monotonic() + _WATCHED_S, "left"
        path, asked = f"{_API}/queue/data", {"session_hash": session}
        try:
            with self._client.stream("GET", path, params=asked, timeout=_WATCHED_S) as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        message = json.loads(line.removeprefix("data:"))
                        if message["msg"] == "process_completed":
                            became = "done" if message["success"] else "an error"
                    if became != "left" or time.monotonic() > deadline:
                        break
        except (httpx.TimeoutException, httpx.RemoteProtocolError, UnicodeError):
            # Nothing more comes: of a session that is gone, or can't be asked for.
            pass
        return became

    def _good(self, rng: random.Random, part: dict[str, Any]) -> Any:
        """A value that a visitor could have given a component."""
        if part["type"] == "file":
            path = rng.choice([self._upload, self._upload.parent, self._upload.parent.parent])
            return {"path": str(path), "meta": {"_type": "gradio.FileData"}}
        choices = part["props"].get("choices")
        if choices:
            return rng.choice(choices)[1]
        if part["type"] == "textbox":
            return rng.choice(["", "Hello", "ann/novel", "7", *TEXTS])
        return part["props"].get("value")


class Bystander:
    """Another visitor, who asks for something small again and again: how long it took at most."""

    def __init__(self, app: RunningApp) -> None:
        self.longest_s = 0.0
        self._url = f"{app.url}/manifest.json"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(timeout=60) as client:
            client.get(self._url)  # the first one takes longer, on both sides
            while not self._ended.wait(0.02):
                began = time.perf_counter()
                client.get(self._url)
                self.longest_s = max(self.longest_s, time.perf_counter() - began)


def run_events(seeds: range, page: Page) -> tuple[Counter[str], list[str]]:
    """Send the events of these seeds. What became of how many, and the faults in a line each."""
    became: Counter[str] = Counter()
    faults = []
    for seed in seeds:
        told = len(page.app.log())
        try:
            became[page.fuzz(random.Random(seed))] += 1
        except (AssertionError, httpx.HTTPError) as error:
            faults.append(f"event, seed {seed}: {type(error).__name__}: {str(error)[:300]}")
        said = page.app.log()[told:]
        if "Traceback" in said:
            faults.append(f"event, seed {seed}, has a traceback: {said.strip().splitlines()[-1]}")
    return became, faults
