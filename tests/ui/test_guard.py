"""What strangers send: refused before it is read, or answered without others having to wait."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fuzz.page import Bystander
from tests.running_app import RECORDED, RunningApp, run_app, small_model_folder

MARKS = "\u0301\u0323" * 30_000


@pytest.fixture
def client(app: RunningApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """A page that others reach."""
    scratch = tmp_path_factory.mktemp("shared")
    model = small_model_folder(scratch / "model")
    words = ("--model", str(model), "--host", "0.0.0.0")
    with run_app(scratch, *words, script=RECORDED) as app:
        yield app


def visitor(app: RunningApp, address: str) -> httpx.Client:
    """A client at an address of this machine."""
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=app.url, transport=transport, timeout=30)


def join(client: httpx.Client, **body: Any) -> httpx.Response:
    """Ask for an event; by default for the answer of `/chat`."""
    return client.post("/gradio_api/queue/join", json={"session_hash": "a", **body})


def test_on_ones_own_computer_only_addresses_of_this_machine_are_answered(
    client: httpx.Client,
) -> None:
    port = client.base_url.port
    for host in (f"evil.example:{port}", "192.168.1.7", "localhost.evil.example", "", "[::1"):
        assert client.get("/config", headers={"host": host}).status_code == 403
    for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
        assert client.get("/config", headers={"host": host}).status_code == 200
    files = {"files": ("a.txt", b"a text")}
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        answer = client.post("/gradio_api/upload", files=files, headers={"origin": origin})
        assert answer.status_code == 403
    own = {"origin": f"http://localhost:{port}"}
    assert client.post("/gradio_api/upload", files=files, headers=own).status_code == 200


def test_a_page_that_is_shared_answers_by_any_name(shared: RunningApp) -> None:
    with visitor(shared, "127.0.0.1") as client:
        assert client.get("/config", headers={"host": "chat.example"}).status_code == 200


def test_what_the_page_has_no_use_for_isnt_there(client: httpx.Client) -> None:
    for path in ("run/chat", "api/chat", "process_recording", "component_server", "vibe-edit"):
        assert client.post(f"/gradio_api/{path}", json={"data": []}).status_code == 404
    assert client.post("/login", data={"username": "a", "password": "b"}).status_code == 404
    for path in ("file=http://127.0.0.1:1/x.png", "deep_link", "proxy=https://a.hf.space/x"):
        assert client.get(f"/gradio_api/{path}").status_code == 404
    own = "/gradio_api/file=/home/user/stream/novel.zip"  # Gradio says itself what may be read
    assert client.get(own).status_code == 403
    # A field's name would be decoded by punycode, which takes quadratic time.
    for word in ("charset", "CharSet"):
        kind = {"content-type": f"multipart/form-data; boundary=B; {word}=punycode"}
        answer = client.post("/gradio_api/upload", content=b"--B--", headers=kind)
        assert answer.status_code == 415


def test_one_address_leaves_the_others_their_turn_and_their_conversations(
    shared: RunningApp,
) -> None:
    with visitor(shared, "127.0.0.1") as greedy, visitor(shared, "127.0.0.2") as other:
        talk(other, 1)
        quick = event_of(other, "_kept_text")
        long = {"data": ["a", "", 0.8, 1, 20_000, 1, 0, 0]}
        asked = [greedy.post("/gradio_api/call/chat", json=long) for _ in range(60)]
        finished = len(
            shared.record("ended")
        )  # while others were asked for, they left their places
        assert 10 < sum(answer.is_success for answer in asked) - finished <= 32
        assert "from your network" in asked[-1].text
        began = time.monotonic()
        assert done(other, quick, "s0", [None])
        assert time.monotonic() - began < 10
    with visitor(shared, "127.0.0.3") as greedy, visitor(shared, "127.0.0.2") as other:
        for number in range(600):
            done(greedy, quick, f"new{number}", [None])
        assert "aaaa" in done(other, quick, "s0", [None])
    with visitor(shared, "127.0.0.4") as greedy:
        data = {"data": [None], "fn_index": quick}
        answers = [join(greedy, **data, session_hash=f"u{n // 50}") for n in range(600)]
        assert not answers[-1].is_success  # what it doesn't read is kept up to a limit


def test_a_large_body_is_refused_before_it_is_read(app: RunningApp, client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    large = b'{"data": ["' + b"a" * 20_000_000 + b'"]}'
    before = memory(app)
    for _ in range(10):
        assert client.post("/gradio_api/queue/join", content=large).status_code == 413
        assert client.post("/gradio_api/queue/join", content=chunks()).status_code == 413
    assert memory(app) - before < 20_000_000


def test_what_isnt_understood_is_answered_without_a_traceback(
    app: RunningApp, client: httpx.Client
) -> None:
    told = len(app.log())
    for number in (-1, 10**9, 10**400):
        assert join(client, data=[], fn_index=number).status_code == 400
    assert join(client, data=[], fn_index=0, session_hash="").status_code == 400
    assert join(client, data={}, fn_index=0).status_code == 422
    infinite = client.post("/gradio_api/queue/join", content=b'{"data": 1e999}')
    assert infinite.status_code == 422
    assert len(infinite.content) < 100
    assert app.log()[told:] == ""


def test_no_text_keeps_the_other_visitors_waiting(app: RunningApp, client: httpx.Client) -> None:
    nested: Any = "[" + "[]," * 300_000 + "[]]"
    body = f'{{"data": [{nested}], "fn_index": 0, "session_hash": "a"}}'
    assert client.post("/gradio_api/queue/join", content=body).status_code in (400, 413)
    hostile = ["a" + MARKS, "\u0f73" * 90_000, "".join(map(chr, range(0x300, 0x370))) * 800]
    with Bystander(app) as bystander:
        for text in hostile:
            for path in ("/gradio_api/call/chat",):
                answer = client.post(path, json={"data": [text, text, 0.8, 1, 5, 1, 0, 0]})
                assert answer.status_code == 200
                event = answer.json()["event_id"]
                assert "event: complete" in client.get(f"{path}/{event}").text
    assert bystander.longest_s < 1  # 11 s when the marks were normalised as they are


def event_of(client: httpx.Client, name: str) -> int:
    """The number of one of the page's events."""
    events = client.get("/config").json()["dependencies"]
    return int(next(event["id"] for event in events if event["api_name"] == name))


def done(client: httpx.Client, event: int, session: str, data: list[Any]) -> str:
    """Ask for an event, and what came of it."""
    asked = {"session_hash": session}
    assert join(client, data=data, fn_index=event, **asked).is_success
    return client.get("/gradio_api/queue/data", params=asked).text


def talk(client: httpx.Client, sessions: int) -> None:
    """Have many visitors write as much as a session keeps, and ask for two short answers each."""
    answer = event_of(client, "_answer")
    data = ["a" * 100_000, "send", None, 0.8, 0, 1, 0, 50, "", 0]
    for number in range(2 * sessions):
        assert '"success":true' in done(client, answer, f"s{number // 2}", data)


def test_a_session_keeps_little_of_what_was_sent(app: RunningApp, client: httpx.Client) -> None:
    talk(client, 1)
    before = memory(app)
    talk(client, 40)
    assert memory(app) - before < 40 * 1_000_000


@pytest.mark.long
def test_a_thousand_visitors_who_wrote_all_they_can_fit_into_600_megabytes(tmp_path: Path) -> None:
    model = small_model_folder(tmp_path / "model")
    with (
        run_app(tmp_path, "--model", str(model)) as app,
        httpx.Client(base_url=app.url, timeout=30) as client,
    ):
        talk(client, 1_000)
        assert memory(app) < 600_000_000


def memory(app: RunningApp) -> int:
    """Bytes that the app's process holds."""
    pages = Path(f"/proc/{app.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
