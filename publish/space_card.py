"""README.md of a Space: front matter that the Hub accepts, and how to point it at another model.

Pure text; knows nothing about files or networks. What the owner has changed in it by hand stays;
only the lines that the Space needs to run are written anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from publish import hub_facts
from publish.markdown import code, plain

SDK_VERSION = "6.31.0"
"""Of Gradio: that of README.md and requirements-app.txt (a test compares them)."""

EMOJI = "\N{FEATHER}"

_ASKED = ("title", "emoji")
"""What can be asked for, and so may replace the owner's own."""
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\n(?P<yaml>.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class SpaceFacts:
    """What a Space's README tells.

    Args:
        model_id: "user/name" of its model.
        revision: the commit that it is pinned to; "" where none is known.
        preload: the model's files to fetch while the Space is built; () for a model that only a
            token may read.
        corpus: the name of what the model has read, or "".
        license: the model's, if known.
        title: None for the one that is there, or the model's name.
        emoji: None for the one that is there, or ours.
        trains: whether visitors may train there, and so publish, for which they sign in.
    """

    model_id: str
    revision: str
    preload: tuple[str, ...] = ()
    corpus: str = ""
    license: str | None = None
    title: str | None = None
    emoji: str | None = None
    trains: bool = False


def space_readme(facts: SpaceFacts, there: str = "", *, is_edited: bool = False) -> str:
    """The text of README.md.

    Args:
        facts: what it tells.
        there: the README in the Space; its title and emoji stay where no others are asked for.
        is_edited: whether its owner has edited that one: then the text stays, and so does all of
            the front matter that isn't needed to run.
    """
    theirs, body = _split(there)
    name = facts.model_id.partition("/")[2]
    looks = {
        "title": facts.title or theirs.get("title") or name,
        "emoji": facts.emoji or theirs.get("emoji") or EMOJI,
        "colorFrom": "indigo",
        "colorTo": "yellow",
        "short_description": _short_description(facts.corpus),
        "license": "mit",
    }
    if is_edited:  # in their own order
        looks = {**theirs, **{k: v for k, v in looks.items() if k not in theirs or k in _ASKED}}
    needed = {
        "sdk": hub_facts.SDK,
        "sdk_version": SDK_VERSION,
        "python_version": hub_facts.PYTHON_VERSION,
        "app_file": "app.py",
        "models": [facts.model_id],
        "preload_from_hub": _preload(facts),
        "hf_oauth": facts.trains or None,
        "hf_oauth_scopes": list(hub_facts.OAUTH_SCOPES) if facts.trains else None,
    }
    data = {key: value for key, value in (looks | needed).items() if value not in (None, [])}
    text = body if is_edited and body.strip() else _body(str(looks["title"]), facts)
    return f"---\n{_yaml(data)}---\n\n{text.strip()}\n"


def is_emoji(text: str) -> bool:
    """Whether the Hub can take `text` for a Space's emoji: symbols and their joiners only."""
    import unicodedata

    kinds = [unicodedata.category(character) for character in text]
    return "So" in kinds and len(kinds) <= 10 and set(kinds) <= {"So", "Sk", "Mn", "Me", "Cf"}


def _preload(facts: SpaceFacts) -> list[str]:
    if not (facts.preload and facts.revision):
        return []
    return [f"{facts.model_id} {','.join(facts.preload)} {facts.revision}"]


def _short_description(corpus: str) -> str:
    most = hub_facts.LONGEST_SHORT_DESCRIPTION
    name = _printable(corpus)
    text = f"A small LSTM that has read {name}" if name else "Chat with a small LSTM"
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _split(readme: str) -> tuple[Mapping[str, Any], str]:
    """(front matter, text) of a README; what can't be read as front matter is left out."""
    import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub

    text = readme.replace("\r\n", "\n")
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    try:
        data = yaml.safe_load(found["yaml"])
    except yaml.YAMLError:
        data = None
    return (data if isinstance(data, dict) else {}), text[found.end() :]


def _yaml(data: Mapping[str, Any]) -> str:
    import yaml

    # One line an entry, however long: a reader of front matter may not know folded ones.
    return str(yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=10_000))


def _body(title: str, facts: SpaceFacts) -> str:
    corpus = _printable(facts.corpus)
    read = code(corpus) if corpus else "its corpus"
    now = f"now {code(facts.revision)}" if facts.revision else "empty for the newest"
    licence = f" The model's licence: {plain(facts.license)}." if facts.license else ""
    return f"""\
# {plain(title)}

A small character-level LSTM, made with CharLSTM: it has read {read} and continues a text, one
character at a time. It makes no claim to be right, and it can repeat passages word for word. Its
model is `{facts.model_id}` on the Hub.{licence}

Chatting runs on the processor and needs no GPU: it costs a visitor nothing of a daily quota.

## Point it at another model

Press "Duplicate this Space" for a copy in your own account: it works as it is, on the same model.
There, Settings / Variables and secrets choose another; the Space then restarts by itself.

| variable | what it says |
| --- | --- |
| `MODEL_ID` | a CharLSTM model on the Hub, now `{facts.model_id}` |
| `MODEL_REVISION` | its commit, branch or tag, {now}; with another model say `main` |

A private model needs a private Space, with a secret `HF_TOKEN` that may read it. The lines `models`
and `preload_from_hub` at the top of this file only save time at the start: name the new model there
too, or take them out. From a checkout of CharLSTM one command does all of it:

```
python -m publish space user/model user/space
```
"""
