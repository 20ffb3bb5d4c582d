"""A model folder becomes a model repo on the Hub, in one commit.

In two stages, so that an hour of training isn't followed by a surprise: `prepare` checks the token,
the name and the right to write, asks, and creates the repo; `push` uploads. Speaks to no terminal.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
from model.hub import (
    HubError,
    HubUnreachable,
    InvalidName,
    ModelNotFound,
    TokenRefused,
    blob_digest,
    hub_errors,
)
from publish.card import edited_card, is_as_published, is_as_written, model_card

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

MAIN = "main"

_WAITS_S = (1, 3)
"""After a push that didn't reach the Hub: the client itself doesn't retry a commit."""


class NoToken(HubError):
    """Nobody is logged in."""


class NotConfirmed(HubError):
    """The question was answered with no; nothing was published."""


class RepoIsPublic(HubError):
    """A private repo was asked for, but this one is public already."""


class NotABranch(HubError):
    """A tag or a commit was named where something is to be committed."""


class CardRefused(HubError):
    """The Hub doesn't accept what the card's front matter says."""


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
) -> Destination:
    """Make sure that a model can be pushed: all that can go wrong early goes wrong here.

    Args:
        repo_id: "user/name"; created if it isn't there.
        confirm: called before anything becomes public, never for a private repo; False ends it.
        private: create the repo as a private one.
        revision: branch to publish on, created from main if it isn't there; None for main.
        token: by default `HF_TOKEN` or the saved login.

    Raises:
        HubError: one of its kinds, each with what to do next; nothing is left half-done.
    """
    from huggingface_hub import HfApi, get_token

    branch = revision or MAIN
    _check_name(repo_id)
    if re.fullmatch("[0-9a-f]{40}", branch):
        raise NotABranch(f"{branch} is a commit: name a branch to publish on")
    token = token or get_token()
    if token is None:
        raise NoToken(
            "publishing needs a token with the right to write: make one under Settings / Access "
            "Tokens, then log in with `hf auth login` or set HF_TOKEN"
        )
    api = HfApi(token=token)
    user = _check_token(api, repo_id)
    info = _find(api, repo_id)
    if info is not None:
        _check_right(api, repo_id, user)
        _check_privacy(info, private)
    if not (private if info is None else info.private) and not confirm():
        raise NotConfirmed(f"nothing was published: {repo_id} would be public, and you said no")
    if info is None:
        info = _create(api, repo_id, user, private=private)
        _check_privacy(info, private)
    return Destination(
        repo_id=repo_id,
        branch=branch,
        is_private=bool(info.private),
        head=_find_branch(api, repo_id, branch),
        token=token,
        url=f"{api.endpoint}/{repo_id}" + ("" if branch == MAIN else f"/tree/{branch}"),
    )


def push(destination: Destination, folder: str | Path) -> Published:
    """Upload a model folder (or the model in a run's folder) in one commit.

    A card that was edited on the Hub stays as it is there; files that the Hub has already aren't
    committed. The folder is only read.

    Raises:
        ModelFolderError: if there is no sound model in the folder.
        CommittedInBetween: if the branch has moved since `prepare`.
        HubError: if the Hub doesn't take it; then nothing of it is published.
    """
    from huggingface_hub import HfApi

    source = find_model_folder(folder)
    config = load_model(source).config
    api = HfApi(token=destination.token)
    for attempt, wait in enumerate(_WAITS_S):
        try:
            return _push_once(api, destination, source, config, is_retry=attempt > 0)
        except HubUnreachable:
            time.sleep(wait)
    return _push_once(api, destination, source, config, is_retry=True)


def publish_command(
    folder: str | Path, repo_id: str, *, private: bool, revision: str | None
) -> str:
    """The command line that publishes this folder there, to be shown after a push that failed."""
    words = ["python", "-m", "publish", "model", str(folder), repo_id]
    words += ["--private"] if private else []
    words += ["--revision", revision] if revision else []
    return shlex.join(words)


def _check_name(repo_id: str) -> None:
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    with hub_errors(repo_id):
        validate_repo_id(repo_id)
    if "/" not in repo_id:
        raise InvalidName(f"{repo_id!r} names no owner: write it as user/name, with your user name")


def _check_token(api: HfApi, repo_id: str) -> str:
    with hub_errors(repo_id):
        account = api.whoami()
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise TokenRefused(
            f"the token of {account['name']} may only read: make one with the right to write under "
            "Settings / Access Tokens, then log in with it or set HF_TOKEN"
        )
    return str(account["name"])


def _find(api: HfApi, repo_id: str) -> ModelInfo | None:
    try:
        with hub_errors(repo_id):
            return api.model_info(repo_id)
    except ModelNotFound:
        return None


def _check_right(api: HfApi, repo_id: str, user: str) -> None:
    try:
        with hub_errors(repo_id):
            api.auth_check(repo_id, write=True)
    except (TokenRefused, ModelNotFound) as error:
        raise TokenRefused(
            f"{user} or the token has no right to write to {repo_id}: choose a name of your own "
            f"({user}/...), or a token that has the right"
        ) from error


def _check_privacy(info: ModelInfo, private: bool) -> None:
    if private and not info.private:
        raise RepoIsPublic(
            f"{info.id} is there already and is public: make it private on its page under "
            "Settings, or choose another name"
        )


def _create(api: HfApi, repo_id: str, user: str, *, private: bool) -> ModelInfo:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        with hub_errors(repo_id):
            # private=None leaves it to the owner's own default, which may be the stricter one.
            api.create_repo(repo_id, private=private or None)
    except HubError as error:
        answer = error.__cause__.response if isinstance(error.__cause__, HfHubHTTPError) else None
        if answer is not None and answer.status_code in (401, 403, 404):
            owner, name = repo_id.split("/")
            raise TokenRefused(
                f"{user} or the token can't create a repo of {owner!r}: publish as {user}/{name}, "
                "or with a token that has the right to write there"
            ) from error
        if answer is None or answer.status_code != 409:  # 409: somebody was quicker
            raise
    info = _find(api, repo_id)
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
    api: HfApi, destination: Destination, source: Path, config: ModelConfig, *, is_retry: bool
) -> Published:
    from huggingface_hub.hf_api import RepoFile

    repo_id, branch = destination.repo_id, destination.branch
    with hub_errors(repo_id, branch):
        head = str(api.model_info(repo_id, revision=branch).sha)
        there = {
            file.path: file.blob_id if file.lfs is None else file.lfs.sha256
            for file in api.list_repo_tree(repo_id, revision=head)
            if isinstance(file, RepoFile)
        }
        keeps_card = CARD_FILE in there and not is_as_published(_card_there(api, repo_id, head))
    files = _contents(source)
    if not keeps_card:
        files[CARD_FILE] = _card(source, config, destination).encode("utf-8")
    changed = {
        name: data
        for name, data in files.items()
        if there.get(name) not in {blob_digest(data, is_lfs=is_lfs) for is_lfs in (True, False)}
    }
    if not changed:
        # On a retry: the commit before went through, only its answer was lost.
        return Published(destination.url, head, has_changed=is_retry, kept_card=keeps_card)
    commit = _commit(api, destination, changed)
    return Published(destination.url, commit, has_changed=True, kept_card=keeps_card)


def _card_there(api: HfApi, repo_id: str, commit: str) -> str:
    path = api.hf_hub_download(repo_id, CARD_FILE, revision=commit)
    return Path(path).read_text(encoding="utf-8", errors="replace")


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


def _commit(api: HfApi, destination: Destination, files: Mapping[str, bytes]) -> str:
    from huggingface_hub import CommitOperationAdd

    with hub_errors(destination.repo_id, destination.branch):
        try:
            info = api.create_commit(
                destination.repo_id,
                [CommitOperationAdd(name, data) for name, data in files.items()],
                commit_message="Publish a CharLSTM model",
                revision=destination.branch,
                parent_commit=destination.head,
            )
        except ValueError as error:
            if not str(error).startswith("Invalid metadata"):
                raise
            said = " ".join(str(error).split())
            raise CardRefused(
                f"the Hub doesn't accept the card ({said}): correct the top of {CARD_FILE}, or the "
                "licence and the language that the model was trained with"
            ) from error
    return info.oid
