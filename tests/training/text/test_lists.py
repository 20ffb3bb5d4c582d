"""Lists: recognised where they are clearly some, and learnt by their items, in random order."""

from __future__ import annotations

import difflib
import inspect
import json
import random
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.reference import ITEMS, LIST, TEXT
from training.settings import Settings
from training.text.corpus import Corpus, open_corpus, read_corpus
from training.text.lists import DESCRIPTION, is_list

FLAT = " ".join(TEXT.split())
HINDI = range(0x915, 0x929)  # its letters
PAIRS = list(zip(ITEMS, ITEMS[9:], strict=False))


def read(folder: Path, text: str, **options: Any) -> Corpus:
    (folder / "a.txt").write_text(text, encoding="utf-8")
    run = folder / "-".join(map(str, ["run", *options.values()]))
    run.mkdir()
    return read_corpus(Settings((str(folder / "a.txt"),), **options), run)


def lines_of(corpus: Corpus, part: str = "indices") -> list[str]:
    return corpus.vocabulary.decode(getattr(corpus, part)).splitlines()


LISTS = {
    "names of pictures": LIST,
    "in small letters": LIST.lower(),
    "saints": "".join(f"{item} of St. Ives\n" for item in ITEMS),
    "words": "".join(f"{word}\n" for word in set(TEXT.lower().split()) if word.isalpha()),
    "some with subtitles": "".join(f"{a}{': ' + b if len(a) % 5 == 0 else ''}\n" for a, b in PAIRS),
    "中文": "".join(f"{chr(n)}{chr(n + 1)}\n" for n in range(0x4E00, 0x4F00, 2)),
    "हिन्दी": "".join(f"{chr(a)}\u093f{chr(b)}\u093e\n" for a in HINDI for b in HINDI),
}  # fmt: skip


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_recognised(kind: str) -> None:
    assert is_list(LISTS[kind])


NO_LISTS = {
    "a reference": TEXT,
    "paragraphs of single lines": LIST.replace("e\n", "e\n\n"),
    "what somebody repeats": "".join(f"{item}\n" for item in ITEMS[:90] * 3),
    "a few": "".join(f"{item}\n" for item in ITEMS[:90]),
    "prose, wrapped": textwrap.fill(FLAT[:100_000], 58),
    "prose in a narrow column": textwrap.fill(re.sub(r"[^\w .,]|\d", "", FLAT[:100_000]), 30),
    "sentences": "".join(f"{a} and {b.lower()} are there.\n" for a, b in PAIRS),
    "verse": "".join(f"{a},\n{b}\n" for a, b in PAIRS),
    "long lines": "".join(f"{item} {FLAT[:60]}\n" for item in ITEMS),
    "some very long lines": LIST.replace("Ball\n", FLAT[:100] + "\n") + f"{FLAT[:200]}\n" * 30,
    "bullets": "".join(f"- {item}\n" for item in ITEMS),
    "a table": "".join(f"{item},{n},{n * 7}\n" for n, item in enumerate(ITEMS)),
    "a log": "".join(f"12:{n:03} {item} passed\n" for n, item in enumerate(ITEMS)),
    "a chat": "".join(f"{'ann' if n % 3 else 'bob'}: {item}\n" for n, item in enumerate(ITEMS)),
    "source": inspect.getsource(difflib),
    "source without blank lines and indentation": "".join(
        f"{line.strip()}\n" for line in inspect.getsource(difflib).split("\n") if line.strip()
    ),
    "中文": "".join(f"{chr(n)}{chr(n + 9)}是。{chr(n + 5)}\n" for n in range(0x4E00, 0x4F00)),
}  # fmt: skip
"""Most are refused by one rule alone."""


@pytest.mark.parametrize("kind", NO_LISTS)
def test_what_only_looks_like_a_list_is_none(kind: str) -> None:
    assert not is_list(NO_LISTS[kind] + "\n")


def test_pythons_own_modules_are_no_lists() -> None:
    modules = list(Path(json.__file__).parents[1].glob("[a-d]*.py"))
    assert len(modules) > 10
    assert [path for path in modules if is_list(path.read_text("utf-8"))] == []


def test_a_sorted_list_is_learnt_in_random_order_each_item_once_and_held_out_whole(
    tmp_path: Path,
) -> None:
    corpus = read(tmp_path, f"{LIST}\n{LIST[:90]}"[:-1], seed=1)
    assert corpus.is_list
    assert corpus.notes == (DESCRIPTION,)
    assert sorted(lines_of(corpus)) == sorted({*ITEMS, LIST[:89].splitlines()[-1]})
    learnt, held_out = (lines_of(corpus, part) for part in ("train", "validation"))
    assert len(held_out) == round(0.1 * len(learnt + held_out))
    assert lines_of(corpus) == learnt + held_out
    # Of the first tenth of the alphabet and the last, about as many as of any other.
    assert 0.03 < sum(item < ITEMS[76] for item in held_out) / len(held_out) < 0.25
    assert lines_of(open_corpus(tmp_path / "run-1")) == lines_of(corpus)
    assert lines_of(read(tmp_path, LIST, seed=2)) != lines_of(read(tmp_path, LIST, seed=3))


def test_whoever_knows_better_says_so(tmp_path: Path) -> None:
    kept = read(tmp_path, LIST, as_list="off")
    assert (kept.is_list, lines_of(kept)) == (False, ITEMS)
    bullets = NO_LISTS["bullets"]
    assert not read(tmp_path, bullets).is_list
    asked = read(tmp_path, bullets, as_list="on")
    assert asked.is_list
    assert sorted(lines_of(asked)) == sorted(bullets.splitlines())
    assert not read(tmp_path, "one line", as_list="on", held_out=0.2).is_list


def test_items_of_a_dialogue_stay_in_order(tmp_path: Path) -> None:
    rng = random.Random(1)
    talk = "".join(
        f"{who}: {rng.choice(ITEMS)} {rng.choice(ITEMS).lower()}{'?' * (n % 9 == 0)}\n"
        for n, who in enumerate(["Ann", "Bob"] * 200)
    )
    corpus = read(tmp_path, talk)
    assert corpus.chat_template is not None
    assert not corpus.is_list
    assert "".join(f"{line}\n" for line in lines_of(corpus)) == talk
