"""A text is summarized before it is taught, and what can't be is refused in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.text import summarize
from tests.reference import TEXT
from training.settings import TrainingError

CHAT = "".join(
    f"[12.03.21, 14:{n:02d}:33] {'Ann' if n % 2 else 'Bob'}: {words}{'?' if n % 3 else '.'}\n"
    for n, words in enumerate(line for line in TEXT.splitlines()[:200] if 10 < len(line) < 60)
    if n < 60
)


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "text.txt"
    path.write_text(text, encoding=encoding)
    return path


def test_prose_is_counted_and_called_so(tmp_path: Path) -> None:
    text = TEXT[:150_000]
    summary = summarize(written(tmp_path, text))
    assert (summary.characters, summary.distinct) == (len(text), len(set(text)))
    assert "prose" in summary.kind
    assert summary.warnings == ()


def test_a_chat_is_recognised_and_a_word_said_about_privacy(tmp_path: Path) -> None:
    summary = summarize(written(tmp_path, CHAT))
    assert "chat" in summary.kind
    assert "Ann" in summary.kind
    assert "keep the model private" in summary.kind


def test_too_little_is_said(tmp_path: Path) -> None:
    assert "by heart" in summarize(written(tmp_path, TEXT[:20_000])).warnings[0]


def test_another_encoding_is_guessed_and_told(tmp_path: Path) -> None:
    words = "Größe, Übermaß und Mühsal: der Käse läuft über die Straße. " * 200
    summary = summarize(written(tmp_path, words, "cp1252"))
    assert summary.characters == len(words)
    assert "guess" in summary.warnings[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"aaaa", "one char"),
        (b"\0\1\2" * 99, "binary"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_no_text_is_refused_by_its_name_alone(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=words) as refused:
        summarize(path)
    assert str(tmp_path) not in str(refused.value)
