"""A model folder becomes a model repo on the Hub, in one commit.

Asks nobody: a caller shows `what_becomes_public` and asks in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from model.config import ModelConfig
from model.folder import (
    CARD_FILE,
    CONFIG_FILE,
    PLOT_FILE,
    WEIGHTS_FILE,
    find_model_folder,
    load_model,
)
from model.hub import HubError, hub_errors
from publish.card import PLACEHOLDER, is_as_written, model_card, origin, samples
from publish.hub import (
    MAIN,
    check_may_publish,
    commit_files,
    find_repo,
    find_token,
    small_file,
)
from publish.results import longest_copy

_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class PublishedModel:
    """What is on the Hub now."""

    repo_id: str
    url: str
    commit: str  # the sha that pins this version
    is_private: bool
    kept_card: bool  # the card there was edited, and so was left alone


def check_model_repo(
    repo_id: str, *, private: bool = False, revision: str | None = None, token: str | None = None
) -> bool:
    """Whether a model published there would be private; refuses what can be refused early.

    Creates nothing. The arguments are those of `publish_model`.

    Raises:
        HubError: if the name, the token, its rights or the branch won't do, if the repo is public
            and a private one is wanted, or if the Hub can't be reached.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=find_token(token))
    info = check_may_publish(api, repo_id, private=private)
    tags = []
    if info is not None and revision is not None:
        with hub_errors(repo_id):
            tags = [tag.name for tag in api.list_repo_refs(repo_id).tags]
    if revision is not None and (revision in tags or re.fullmatch("[0-9a-f]{40}", revision)):
        raise HubError(f"{revision} is a tag or a commit: name a branch to publish on")
    return private if info is None else bool(info.private)


def publish_model(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    told: Mapping[str, str] = {},
    report: Callable[[str], None] = lambda _: None,
) -> PublishedModel:
    """Upload a model folder (or the model in a run's folder), which is only read.

    The repo and the branch are created if need be. A card that was edited on the Hub stays as it
    is there; files that haven't changed aren't committed again.

    Args:
        folder: the model's or the run's.
        repo_id: "user/name".
        private: create a private repo.
        revision: branch to publish on; None for main.
        token: by default `HF_TOKEN` or the saved login.
        told: what config.json and the card are to say of the training beside what the folder says,
            such as `credit` and `license`.
        report: told each step in a line, as it begins.

    Raises:
        ModelFolderError: if there is no sound model in the folder.
        HubError: as `check_model_repo`, or if the Hub doesn't take it.
    """
    from huggingface_hub import HfApi

    source, branch = find_model_folder(folder), revision or MAIN
    config = load_model(source).config
    config = replace(config, training={**config.training, **told})
    api = HfApi(token=find_token(token))
    check_model_repo(repo_id, private=private, revision=revision, token=token)
    is_there = find_repo(api, repo_id) is not None
    with hub_errors(repo_id, branch):
        if not is_there:
            report(f"Creating {repo_id}")
            api.create_repo(repo_id, private=private or None)  # None: the owner's own default
        if branch != MAIN:
            api.create_branch(repo_id, branch=branch, exist_ok=True)
        info = api.model_info(repo_id, revision=branch)
    head = str(info.sha)
    paths = [source / name for name in (CONFIG_FILE, WEIGHTS_FILE, PLOT_FILE)]
    files = {path.name: path.read_bytes() for path in paths if path.is_file()}
    if told:
        files[CONFIG_FILE] = config.to_json().encode("utf-8")
    card = _card(source, config, repo_id, revision)
    kept_card = False
    if CARD_FILE in {file.rfilename for file in info.siblings or []}:
        with small_file(api, repo_id, CARD_FILE, head) as file:
            there = file.read_text(encoding="utf-8", errors="replace")
        kept_card = not is_as_written(there) and there != card
    if not kept_card:
        files[CARD_FILE] = card.encode("utf-8")
    report(f"Uploading the model to {repo_id}")
    commit = commit_files(
        api, repo_id, files, message="Publish a CharLSTM model", parent=head, branch=branch
    )
    if kept_card:
        report(
            f"The card on the Hub was edited, so it stays. To have it written again, delete "
            f"{CARD_FILE} there and publish again."
        )
    url = f"{api.endpoint}/{repo_id}" + ("" if branch == MAIN else f"/tree/{branch}")
    return PublishedModel(repo_id, url, commit, bool(info.private), kept_card)


def what_becomes_public(config: ModelConfig, repo_id: str) -> list[str]:
    """What anybody can read once this model is published, as far as it is known.

    Before training, `config.training` may hold no more than the corpus's name and the command.

    Returns:
        Sentences and "label: value" lines, safe for a terminal. What is quoted keeps its lines.
    """
    training = config.training
    corpus = shown(str(training.get("corpus") or "its text"))
    characters = "".join(config.vocabulary.characters)
    more = len(characters) - _MOST_CHARACTERS
    lines = [
        f"Anybody can read and copy the model as {repo_id}, and sees the name {corpus}.",
        f"It has learnt from {corpus} and can repeat it word for word: publish private chats, mail "
        "and secrets to a private repo, or not at all.",
    ]
    if begun := origin(config):
        name = shown(str(begun["name"]))
        lines.append(f"It was fine-tuned from {name}, and can repeat that model's text, too.")
    if config.chat_template is not None and config.chat_template.speakers:
        lines.append(f"Who speaks: {', '.join(map(shown, config.chat_template.speakers))}")
        lines.append("Ask them first if they are real people.")
        if stops := [shown(s) for s in config.chat_template.stop if any(map(str.isalpha, s))]:
            lines.append(f"Where replies end: {', '.join(stops)}")
    lines.append(
        f"Its {config.vocab_size:,} characters: {shown(characters[:_MOST_CHARACTERS])}"
        + (f" and {more:,} more" if more > 0 else "")
    )
    lines.append("How it was trained: sizes, losses, times and settings")
    if training.get("command"):
        lines.append(f"Command: {shown(str(training['command']))}")
    lines += [
        f"A sample of what it writes:\n{_quoted(str(sample.get('text', '')))}"
        for sample in samples(config)
    ] or ["Samples of what it writes, and the longest passage that it copied"]
    if passage := longest_copy(config):
        lines.append(f"Copied word for word from its text:\n{_quoted(passage)}")
    return lines


def shown(text: str) -> str:
    """`text` in one line, without what could steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _quoted(text: str) -> str:
    cut = " ..." if len(text) > _MOST_CHARACTERS else ""
    return "\n".join(map(shown, text[:_MOST_CHARACTERS].splitlines())) + cut


def _card(source: Path, config: ModelConfig, repo_id: str, revision: str | None) -> str:
    path = source / CARD_FILE
    card = path.read_text(encoding="utf-8") if path.is_file() else None
    if card is not None and not is_as_written(card):
        return card.replace(PLACEHOLDER, repo_id)
    has_plot = (source / PLOT_FILE).is_file()
    revision = None if revision == MAIN else revision
    return model_card(config, repo_id=repo_id, has_plot=has_plot, revision=revision)
