"""`/chat` answers programs: gradio_client against the real app."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from model.generator import Generator
from model.sampling import SamplingParams
from tests.running_app import RunningApp, small_model


@pytest.fixture(scope="module")
def client(app: RunningApp) -> Client:
    return Client(app.url, verbose=False, analytics_enabled=False)


def ask(client: Client, message: Any, **parameters: Any) -> str:
    answer: str = client.predict(message, api_name="/chat", **parameters)
    return answer


def test_the_answer_is_the_generators_own_to_the_character(client: Client) -> None:
    params = SamplingParams(length=800, temperature=1.1, top_p=0.999, min_p=0.5, top_k=90, seed=12)
    names = ("length", "temperature", "top_p", "min_p", "top_k", "seed")
    asked = {name: getattr(params, name) for name in names}
    message = "  <b>&amp;\n\t*x*$y$"
    expected = Generator(small_model()).generate(message, params)
    assert {"<", "&", "\t", "\n"} <= set(expected)
    with ThreadPoolExecutor(4) as programs:  # at once
        answers = programs.map(lambda _: ask(client, message, **asked), range(4))
        assert list(answers) == [expected] * 4


def test_only_a_message_is_needed_and_a_context_stands_before_it(client: Client) -> None:
    assert len(ask(client, "ROMEO:")) == 500
    assert len(ask(client, "", length=5)) == 5
    assert ask(client, "A", length=0) == ""
    assert len(ask(client, "a book " * 25_000, length=20)) == 20
    whole = ask(client, "EO:", context="ROM", length=40.0, seed=3.0)
    assert whole == ask(client, "ROMEO:", length=40, seed=3)
    assert whole == Generator(small_model()).generate("ROMEO:", SamplingParams(length=40, seed=3))


def test_it_streams_the_text_so_far_and_isnt_slowed_to_a_pages_pace(client: Client) -> None:
    began = time.monotonic()
    updates = list(client.submit("A", length=6_000, seed=2, api_name="/chat"))
    assert len(updates) > 1
    for earlier, later in pairwise(updates):
        assert later.startswith(earlier)
    assert len(updates[-1]) == 6_000
    assert time.monotonic() - began < 6_000 / 150 / 2


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"top_p": 2}, "top_p must be a number from 0 to 1"),
        ({"length": -1}, "length must be a whole number"),
        ({"length": 20_001}, "length must be at most 20,000"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"context": 5}, "context must be a text, not int"),
        ({"message": None}, "message must be a text, not NoneType"),
        ({"message": "a" * 200_001}, "message has 200,001 characters"),
    ],
)
def test_a_wrong_parameter_is_named_in_one_plain_line(
    client: Client, parameters: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(AppError, match=complaint) as error:
        ask(client, **({"message": "A"} | parameters))
    assert "\n" not in str(error.value)


def test_programs_are_shown_nothing_but_chat(client: Client) -> None:
    api: dict[str, Any] = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/chat"]
    assert not api["unnamed_endpoints"]


def test_a_program_that_hangs_up_stops_the_work(app: RunningApp, client: Client) -> None:
    job = client.submit("A", length=20_000, api_name="/chat")
    next(iter(job))
    job.cancel()
    deadline = time.monotonic() + 5
    while len(app.record("began")) > len(app.record("ended")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(job.outputs()[-1]) < 20_000


def test_nothing_is_logged_nobody_else_asked_and_no_torch_loaded(
    app: RunningApp, client: Client
) -> None:
    ask(client, "a secret of mine", context="a secret, too", length=30)
    for wrong in ({"length": -1}, {"context": ["a secret"]}):
        with pytest.raises(AppError):
            ask(client, "a secret of mine", **wrong)
    assert "secret" not in app.log()
    contacts = app.record("contact")
    assert contacts
    assert all("127.0.0.1" in contact or "localhost" in contact for contact in contacts)
    assert set(app.record("ended")) == {"without torch"}
