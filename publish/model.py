"""A model folder becomes a model repo on the Hub, in one commit.

Asks nobody: a caller shows `what_becomes_public` and asks in its own way.
"""

from __future__ import annotations

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
from model.hub import hub_errors
from model.schema import one_line
from publish.card import PLACEHOLDER, is_as_written, model_card
from publish.hub import MAIN, check_repo, commit_files, read_file

_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class PublishedModel:
    """What is on the Hub now."""

    repo_id: str
    url: str
    commit: str  # the sha that pins this version
    is_private: bool
    kept_card: bool  # the card there was edited, and so was left alone


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
        told: facts that are added to `config.training`, such as `credit` and `license`.
        report: told each step in a line, as it begins.

    Raises:
        ModelFolderError: if there is no sound model in the folder.
        HubError: as `publish.hub.check_repo`, or if the Hub doesn't take it.
    """
    source, branch = find_model_folder(folder), revision or MAIN
    config = load_model(source).config
    config = replace(config, training={**config.training, **told})
    repo = check_repo(repo_id, private=private, token=token)
    api = repo.api
    with hub_errors(repo_id, branch):
        if repo.info is None:
            report(f"Creating {repo_id}")
            api.create_repo(repo_id, private=private or None)  # None: the owner's own default
        if branch != MAIN:
            api.create_branch(repo_id, branch=branch, exist_ok=True)
        info = api.model_info(repo_id, revision=branch)
    head = str(info.sha)
    files = {name: (source / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    if _is_own(source / PLOT_FILE):
        files[PLOT_FILE] = (source / PLOT_FILE).read_bytes()
    if told:
        files[CONFIG_FILE] = config.to_json().encode("utf-8")
    card = _card(source, config, repo_id, revision)
    kept_card = False
    if CARD_FILE in {file.rfilename for file in info.siblings or []}:
        there = read_file(api, repo_id, CARD_FILE, head).decode("utf-8", "replace")
        kept_card = not is_as_written(there) and there != card
    if not kept_card:
        files[CARD_FILE] = card.encode("utf-8")
    report(f"Uploading the model to {repo_id}")
    said = "Publish a CharLSTM model"
    commit = commit_files(repo, files, message=said, parent=head, branch=branch)
    if kept_card:
        report(
            f"The card on the Hub was edited, so it stays. To have it written again, delete "
            f"{CARD_FILE} there and publish again."
        )
    url = f"{api.endpoint}/{repo_id}" + ("" if branch == MAIN else f"/tree/{branch}")
    return PublishedModel(repo_id, url, commit, bool(info.private), kept_card)


def what_becomes_public(config: ModelConfig, repo_id: str) -> list[str]:
    """What anybody can read once this model is published, as far as it is known.

    Sentences and "label: value" lines, safe for a terminal; what is quoted keeps its lines. Before
    training, `config.training` may hold no more than the corpus's name and the command.
    """
    training, template = config.training, config.chat_template
    corpus = training.get("corpus") or "its text"
    lines = [
        f"Anybody can read and copy the model as {repo_id}, and sees the name {corpus}.",
        f"It has learnt from {corpus} and can repeat it word for word: publish private chats, mail "
        "and secrets to a private repo, or not at all.",
    ]
    if begun := (training.get("init_from") or {}).get("name"):
        lines.append(f"It was fine-tuned from {begun}, and can repeat that model's text, too.")
    if template is not None and template.speakers:
        lines.append(f"Who speaks: {one_line(', '.join(template.speakers))}")
        lines.append("Ask them first if they are real people.")
        if stops := [s for s in template.stop if any(map(str.isalpha, s))]:
            lines.append(f"Where replies end: {one_line(', '.join(stops))}")
    characters = _quoted(one_line("".join(config.vocabulary.characters)))
    lines.append(f"Its {config.vocab_size:,} characters: {characters}")
    lines.append("How it was trained: sizes, losses, times and settings")
    if command := training.get("command"):
        lines.append(f"Command: {command}")
    if beginnings := training.get("starters"):
        lines.append(f"Lines of its text, to begin with:\n{_quoted(chr(10).join(beginnings))}")
    lines += [
        f"A sample of what it writes:\n{_quoted(sample.get('text') or '')}"
        for sample in training.get("samples") or []
    ] or ["Samples of what it writes, and the longest passage that it copied"]
    passage = (training.get("longest_copy") or {}).get("passage") or ""
    if passage.strip():
        lines.append(f"Copied word for word from its text:\n{_quoted(passage)}")
    return lines


def _quoted(passage: str) -> str:
    cut = " ..." if len(passage) > _MOST_CHARACTERS else ""
    return "\n".join(map(one_line, passage[:_MOST_CHARACTERS].splitlines())) + cut


def _card(source: Path, config: ModelConfig, repo_id: str, revision: str | None) -> str:
    path = source / CARD_FILE
    card = path.read_text(encoding="utf-8", errors="replace") if _is_own(path) else None
    if card is not None and not is_as_written(card):
        return card.replace(PLACEHOLDER, repo_id)
    has_plot = _is_own(source / PLOT_FILE)
    revision = None if revision == MAIN else revision
    return model_card(config, repo_id=repo_id, has_plot=has_plot, revision=revision)


def _is_own(path: Path) -> bool:
    """Whether a file lies in its folder: a link in somebody's folder could name a private key."""
    return path.is_file() and not path.is_symlink()
