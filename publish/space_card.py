"""README.md of a Space: front matter that the Hub accepts, and how to point it at another model.

Pure text; knows nothing about files or networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.config import ModelConfig
from model.folder import CONFIG_FILE, WEIGHTS_FILE
from publish.hub import LONGEST_SHORT_DESCRIPTION, OAUTH_SCOPES, PYTHON_VERSION, SDK
from publish.markdown import plain

SDK_VERSION = "6.31.0"
"""Of Gradio: that of README.md and requirements-app.txt (a test compares them)."""

TAG = "charlstm"
"""Says in a Space's front matter that it was made here, and may be written again."""


@dataclass(frozen=True)
class ServedModel:
    """The model that a Space is for."""

    model_id: str
    config: ModelConfig
    commit: str  # that the Space is pinned to
    needs_token: bool = False  # it is private or gated

    @property
    def corpus(self) -> str:
        """The name of the text that it was trained on."""
        return self.config.training.get("corpus") or "a text"


def space_readme(model: ServedModel, *, trains: bool, there: Mapping[str, Any] = {}) -> str:
    """The text of README.md.

    Args:
        model: what the Space serves.
        trains: whether visitors may train there, and so publish, for which they sign in.
        there: front matter of the Space as it is, of which everything stays that isn't needed to
            run it.
    """
    from huggingface_hub import CardData  # here: importing it takes 0.2 s

    files = f"{CONFIG_FILE},{WEIGHTS_FILE}"
    short = f"A small LSTM trained on {model.corpus}"[:LONGEST_SHORT_DESCRIPTION]
    needed = {
        "tags": [*(tag for tag in there.get("tags") or [] if tag != TAG), TAG],
        "sdk": SDK,
        "sdk_version": SDK_VERSION,
        "python_version": PYTHON_VERSION,
        "app_file": "app.py",
        "models": [model.model_id],
        # Only what anybody may read can be fetched while the Space is built.
        "preload_from_hub": None
        if model.needs_token
        else [f"{model.model_id} {files} {model.commit}"],
        "hf_oauth": trains or None,
        "hf_oauth_scopes": list(OAUTH_SCOPES) if trains else None,
    }
    looks = {
        "title": model.model_id.partition("/")[2],
        "emoji": "\N{FEATHER}",
        "colorFrom": "indigo",
        "colorTo": "yellow",
        "short_description": short.strip(),
        "license": "mit",
        **{key: value for key, value in there.items() if key not in needed},
    }
    data: dict[str, Any] = looks | needed
    front_matter = CardData(**data).to_yaml()  # without what is None
    return f"---\n{front_matter}\n---\n\n{_body(str(looks['title']), model)}"


def _body(title: str, model: ServedModel) -> str:
    licence = plain(model.config.training.get("license") or "")
    licence = f" The model's licence: {licence}." if licence else ""
    corpus = plain(model.corpus)
    return f"""\
# {plain(title)}

A small character-level LSTM, made with CharLSTM. It was trained on {corpus} and continues
a text, one character at a time. It makes no claim to be right, and it can repeat passages word for
word. Its model is `{model.model_id}` on the Hub.{licence}

Chatting runs on the processor and needs no GPU, so it uses none of a visitor's daily quota.

## Point it at another model

Press "Duplicate this Space" for a copy in your own account. To have it serve another model, set its
variables under Settings / Variables and secrets: `MODEL_ID`, a CharLSTM model on the Hub, and
`MODEL_REVISION`, its commit, branch or tag (`main` for the newest; now `{model.commit}`). Take
`models` and `preload_from_hub` out of this file. A private model needs a private Space, with a
secret `HF_TOKEN` that may read it. From a checkout of CharLSTM one command does all of it:

```
python -m publish space user/model user/space
```
"""
