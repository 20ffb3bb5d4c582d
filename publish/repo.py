"""A model folder becomes a model repo on the Hub, in one commit.

In two stages, so that an hour of training isn't followed by a surprise: `prepare` checks the token,
the name and the right to write, asks, and creates the repo; `push` uploads. Speaks to no terminal.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from model.config import ModelConfig
from model.folder import (
    CARD_FILE,
    CONFIG_FILE,
    PLOT_FILE,
    WEIGHTS_FILE,
    find_model_folder,
    load_model,
)
from model.hub import HubError, HubUnreachable, ModelNotFound, hub_errors
from publish.access import (
    MAIN,
    NotConfirmed,
    answered_with,
    cannot_create,
    check_name,
    check_privacy,
    check_right,
    check_token,
    find_model,
    find_token,
)
from publish.card import edited_card, is_as_published, is_as_written, model_card
from publish.hub_facts import CONFLICT
from publish.upload import WAITS_S, changed_files, commit_files, files_there, text_there

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo


class NotABranch(HubError):
    """A tag or a commit was named where something is to be committed."""


@dataclass(frozen=True)
class Destination:
    """Where a model may be pushed: what `prepare` has found out, for `push`.

    Args:
        repo_id: "user/name".
        branch: the branch to commit to.
        is_private: whether the repo is private.
        head: the branch's commit; None for a repo without any.
        token: whose repo it is.
        url: the page of the repo, on that branch.
    """

    repo_id: str
    branch: str
    is_private: bool
    head: str | None
    token: str = field(repr=False)
    url: str


@dataclass(frozen=True)
class Published:
    """What `push` did.

    Args:
        url: the page to look at.
        commit: the sha that pins what was published.
        has_changed: False where the Hub had all of it already, so that nothing was committed.
        kept_card: whether the card on the Hub was edited by hand, and so was left alone.
    """

    url: str
    commit: str
    has_changed: bool
    kept_card: bool


def prepare(
    repo_id: str,
    *,
    confirm: Callable[[], bool],
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    before_creating: Callable[[], None] = lambda: None,
) -> Destination:
    """Make sure that a model can be pushed: all that can go wrong early goes wrong here.

    Args:
        repo_id: "user/name"; created if it isn't there.
        confirm: called before anything becomes public, never for a private repo; False ends it.
        private: create the repo as a private one.
        revision: branch to publish on, created from main if it isn't there; None for main.
        token: by default `HF_TOKEN` or the saved login.
        before_creating: called when all is checked and agreed to and nothing is made yet: the
            place for what else may be refused.

    Raises:
        HubError: one of its kinds, each with what to do next; nothing is left half-done.
    """
    from huggingface_hub import HfApi

    branch = revision or MAIN
    check_name(repo_id)
    if re.fullmatch("[0-9a-f]{40}", branch):
        raise NotABranch(f"{branch} is a commit: name a branch to publish on")
    token = find_token(token)
    api = HfApi(token=token)
    user = check_token(api, repo_id)
    info = find_model(api, repo_id)
    if info is not None:
        check_right(api, repo_id, user)
        check_privacy(info, private)
    if not (private if info is None else info.private) and not confirm():
        raise NotConfirmed(f"nothing was published: {repo_id} would be public, and you said no")
    before_creating()
    if info is None:
        info = _create(api, repo_id, user, private=private)
        check_privacy(info, private)
    return Destination(
        repo_id=repo_id,
        branch=branch,
        is_private=bool(info.private),
        head=_find_branch(api, repo_id, branch),
        token=token,
        url=f"{api.endpoint}/{repo_id}" + ("" if branch == MAIN else f"/tree/{branch}"),
    )


def push(destination: Destination, folder: str | Path, told: Mapping[str, str] = {}) -> Published:
    """Upload a model folder (or the model in a run's folder) in one commit.

    A card that was edited on the Hub stays as it is there; files that the Hub has already aren't
    committed. The folder is only read.

    Args:
        destination: from `prepare`.
        folder: the model's or the run's.
        told: what config.json and the card are to say beside what the folder's say of its training,
            such as its `credit` and its `license`.

    Raises:
        ModelFolderError: if there is no sound model in the folder.
        CommittedInBetween: if the branch has moved since `prepare`.
        HubError: if the Hub doesn't take it; then nothing of it is published.
    """
    from huggingface_hub import HfApi

    source = find_model_folder(folder)
    config = load_model(source).config
    config = replace(config, training={**config.training, **told})
    files = _contents(source)
    if told:
        files[CONFIG_FILE] = config.to_json().encode("utf-8")
    files[CARD_FILE] = _card(source, config, destination).encode("utf-8")
    api = HfApi(token=destination.token)
    for attempt, wait in enumerate(WAITS_S):
        try:
            return _push_once(api, destination, files, is_retry=attempt > 0)
        except HubUnreachable:
            time.sleep(wait)
    return _push_once(api, destination, files, is_retry=True)


def publish_command(
    folder: str | Path, repo_id: str, *, private: bool, revision: str | None
) -> str:
    """The command line that publishes this folder there, to be shown after a push that failed."""
    words = ["python", "-m", "publish", "model", str(folder), repo_id]
    words += ["--private"] if private else []
    words += ["--revision", revision] if revision else []
    return shlex.join(words)


def _create(api: HfApi, repo_id: str, user: str, *, private: bool) -> ModelInfo:
    try:
        with hub_errors(repo_id):
            # private=None leaves it to the owner's own default, which may be the stricter one.
            api.create_repo(repo_id, private=private or None)
    except HubError as error:
        status, _ = answered_with(error)
        if status in (401, 403, 404):
            raise cannot_create(repo_id, user) from error
        if status != CONFLICT:  # else somebody was quicker
            raise
    info = find_model(api, repo_id)
    if info is None:
        raise ModelNotFound(f"{repo_id} was created, but the Hub doesn't show it yet; try again")
    return info


def _find_branch(api: HfApi, repo_id: str, branch: str) -> str | None:
    with hub_errors(repo_id, branch):
        refs = api.list_repo_refs(repo_id)
        heads = {ref.name: ref.target_commit for ref in refs.branches}
        if branch in {ref.name for ref in refs.tags}:
            raise NotABranch(f"{branch} is a tag of {repo_id}: name a branch to publish on")
        if branch not in heads and branch != MAIN:
            api.create_branch(repo_id, branch=branch, exist_ok=True)
    return heads.get(branch, heads.get(MAIN))


def _push_once(
    api: HfApi, destination: Destination, files: Mapping[str, bytes], *, is_retry: bool
) -> Published:
    repo_id, branch = destination.repo_id, destination.branch
    with hub_errors(repo_id, branch):
        head = str(api.model_info(repo_id, revision=branch).sha)
        there = files_there(api, repo_id, head)
    keeps_card = CARD_FILE in there and not is_as_published(
        text_there(api, repo_id, CARD_FILE, head)
    )
    ours = {path: data for path, data in files.items() if path != CARD_FILE or not keeps_card}
    changed = changed_files(ours, there)
    if not changed:
        # On a retry: the commit before went through, only its answer was lost.
        return Published(destination.url, head, has_changed=is_retry, kept_card=keeps_card)
    commit = commit_files(
        api,
        repo_id,
        changed,
        message="Publish a CharLSTM model",
        parent=destination.head,
        branch=branch,
    )
    return Published(destination.url, commit, has_changed=True, kept_card=keeps_card)


def _contents(source: Path) -> dict[str, bytes]:
    paths = [source / name for name in (CONFIG_FILE, WEIGHTS_FILE, PLOT_FILE)]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def _card(source: Path, config: ModelConfig, destination: Destination) -> str:
    path = source / CARD_FILE
    card = path.read_text(encoding="utf-8") if path.is_file() else None
    if card is not None and not is_as_written(card):
        return edited_card(card, destination.repo_id)
    return model_card(
        config,
        repo_id=destination.repo_id,
        has_plot=(source / PLOT_FILE).is_file(),
        revision=None if destination.branch == MAIN else destination.branch,
    )
