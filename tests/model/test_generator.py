"""Generator: a stream of text that depends on the text, the parameters and the seed alone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from model.config import ModelConfig
from model.folder import Model
from model.generator import CACHED_STATES, Generator, fed_from
from model.sampling import SamplingParams
from model.vocabulary import UNKNOWN, Vocabulary
from tests.random_model import random_model
from tests.reference import TEXT

SEEDED = SamplingParams(length=120, seed=3)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(random_model())


def test_the_same_seed_gives_the_same_text_and_another_seed_another(generator: Generator) -> None:
    text = generator.generate("The ", SEEDED)
    assert len(text) == 120
    assert text == Generator(random_model()).generate("The ", SEEDED)
    assert text != generator.generate("The ", SamplingParams(length=120, seed=4))
    for prompt in ("", "漢字", "\ud83d", " ", "\n"):
        assert len(generator.generate(prompt, SEEDED)) == 120


def test_only_the_end_of_a_long_text_is_fed_and_its_length_alone_says_from_where() -> None:
    assert [fed_from(n) for n in (0, 999, 1999, 2000, 2999, 3000, 20_500)] == [
        0, 0, 0, 1000, 1000, 2000, 19_000,
    ]  # fmt: skip
    generator = Generator(random_model())
    long = TEXT[:20_500]
    assert generator.generate(long, SEEDED) == generator.generate(
        "x" * 19_000 + long[19_000:], SEEDED
    )


def test_a_huge_text_is_read_as_fast_as_a_long_one(generator: Generator) -> None:
    params = SamplingParams(length=20, seed=1)
    huge = "\u2603\u0301" * 1_000_000 + TEXT[:5_000]
    assert len(huge) % 1_000 == 0
    began = time.process_time()
    assert generator.generate(huge, params) == generator.generate(TEXT[:5_000], params)
    assert time.process_time() - began < 1


def test_the_next_turn_of_a_conversation_feeds_only_what_is_new() -> None:
    generator = Generator(random_model())
    prompt = TEXT[:500]
    answer = generator.generate(prompt, SEEDED)
    fed: list[int] = []
    decoder = generator._decoder
    feed = decoder.feed

    def counting(indices: np.ndarray, state: object) -> object:
        fed.append(len(indices))
        return feed(indices, state)  # type: ignore[arg-type]

    decoder.feed = counting  # type: ignore[assignment, method-assign]
    continued = generator.generate(prompt + answer + " And", replace(SEEDED, length=1))
    assert fed == [4, 1]
    assert continued == Generator(random_model()).generate(
        prompt + answer + " And", replace(SEEDED, length=1)
    )


def test_several_threads_get_what_each_would_get_alone() -> None:
    prompts = [TEXT[i : i + 50] for i in range(8)]
    alone = [Generator(random_model()).generate(prompt, SEEDED) for prompt in prompts]
    generator = Generator(random_model())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda prompt: generator.generate(prompt, SEEDED), prompts)) == alone


def test_so_many_states_are_remembered_and_no_more() -> None:
    generator = Generator(random_model())
    for size in range(1, CACHED_STATES + 10):
        generator.generate(TEXT[:size], SamplingParams(length=0))
    assert len(generator._states) == CACHED_STATES


def test_a_stop_string_ends_the_text_before_it_and_never_shows(generator: Generator) -> None:
    text = generator.generate("The ", SEEDED)
    stop = text[40:45]
    params = SamplingParams(length=120, seed=3, stop=("never in it", stop))
    stopped = generator.generate("The ", params)
    assert stopped == text[: text.index(stop)]
    nearly = SamplingParams(length=120, seed=3, stop=(text[-3:] + "and on",))
    assert generator.generate("The ", nearly) == text


def test_a_stop_string_may_begin_at_the_prompts_end(generator: Generator) -> None:
    text = generator.generate("The ", SEEDED)
    straddling = SamplingParams(length=120, seed=3, stop=("e " + text[:3], "e !"))
    assert generator.generate("The ", straddling) == ""
    prompted = SamplingParams(length=120, seed=3, stop=("he ", text[9:12]))
    assert generator.generate("The ", prompted) == text[: text.index(text[9:12])]
    nearly = SamplingParams(length=120, seed=3, stop=("e " + text[:3] + "\0",))
    assert generator.generate("The ", nearly) == text


def test_the_unknown_character_is_never_generated() -> None:
    vocabulary = Vocabulary(("a", UNKNOWN))
    config = ModelConfig(vocabulary, hidden_size=2)
    weights = {n: np.zeros(s, np.float32) for n, s in config.parameter_shapes().items()}
    weights["fc.bias"] = np.array([0.0, 50.0], np.float32)  # it would like nothing better
    generator = Generator(Model(config, weights))
    assert generator.generate("", SamplingParams(length=20)) == "a" * 20


def test_lines_are_whole_distinct_and_begin_as_asked(generator: Generator) -> None:
    lines = list(generator.lines(12, SamplingParams(length=200, seed=5), "Not this\nThe"))
    assert len(set(lines)) == 12
    for line in lines:
        assert line.startswith("The")
        assert "\n" not in line
        assert len(line) <= 203
    again = Generator(random_model()).lines(12, SamplingParams(length=200, seed=5), "The")
    assert list(again) == lines


def test_where_there_is_nothing_new_to_write_lines_end(generator: Generator) -> None:
    always_the_same = SamplingParams(temperature=0, length=1_000)
    assert len(list(generator.lines(3, always_the_same))) <= 1
    assert list(generator.lines(3, SamplingParams(length=0))) == []
    lineless = Generator(random_model(characters="ab"))
    assert list(lineless.lines(3, SamplingParams(length=10))) == []
