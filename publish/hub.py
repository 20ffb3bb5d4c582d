"""The Hub as publishing meets it: its facts, tokens and names, a repo to write to, and a commit.

For models and Spaces alike. Knows nothing about what is published.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.hub import TOKENS, HubError, Kind, NotFound, Refused, hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# Facts: from the Hub's documentation of 2026-08-22.
ZERO_GPU = "zero-a10g"  # the name is kept from earlier hardware
CPU_BASIC = "cpu-basic"
HARDWARE: Sequence[str] = (ZERO_GPU, CPU_BASIC)
"""What we ask for; neither is billed by the hour."""
WHO_MAY_HOST = (
    "A free account may host two Gradio Spaces on ZeroGPU once its address is verified and it is "
    "30 days old; cpu-basic needs PRO, or Team or Enterprise for an organisation."
)
SDK = "gradio"
PYTHON_VERSION = "3.12.12"  # ZeroGPU offers this one and 3.10.13, which is older than our code
LONGEST_SHORT_DESCRIPTION = 60  # characters; the Hub rejects a README with a longer one
OAUTH_SCOPES: Sequence[str] = ("contribute-repos",)  # touch only repos that this app created
MAIN = "main"
_LONGEST_ID = 200


@dataclass(frozen=True)
class Repo:
    """A repo that may be written to."""

    repo_id: str
    kind: Kind
    api: HfApi  # of the account that writes
    info: Any  # what the Hub says of it (ModelInfo or SpaceInfo); None for one to be created
    is_private: bool  # or will be


def check_name(repo_id: str) -> None:
    """Raises HubError unless `repo_id` is "user/name" as the Hub takes it."""
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if len(repo_id) > _LONGEST_ID:
        raise HubError(f"{repo_id[:20]}... is too long for a Hub name")
    with hub_errors(repo_id):
        validate_repo_id(repo_id)
    if "/" not in repo_id:
        raise HubError(f"{repo_id!r} names no owner: write it as user/name, with your user name")


def find_token(token: str | None = None) -> str:
    """`token`, or else `HF_TOKEN` or the saved login. Raises Refused where there is none."""
    from huggingface_hub import get_token

    token = token or get_token()
    if token is None:
        raise Refused(
            f"publishing needs a token with the right to write: make one at {TOKENS}, then log in "
            "with `hf auth login` or set HF_TOKEN"
        )
    return token


def account_name(token: str) -> str:
    """Whose token it is. Raises Refused where it isn't one, or may only read."""
    from huggingface_hub import HfApi

    return str(_account(HfApi(token=token))["name"])


def _account(api: HfApi) -> dict[str, Any]:
    with hub_errors("your account"):
        account = api.whoami()
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise Refused(
            f"the token of {account['name']} may only read: make one with the right to write at "
            f"{TOKENS}, then log in with it or set HF_TOKEN"
        )
    return account


def find_repo(api: HfApi, repo_id: str, kind: Kind = "model") -> Any:
    """What the Hub says about a repo (ModelInfo or SpaceInfo); None where it shows none."""
    try:
        with hub_errors(repo_id, kind=kind):
            return api.repo_info(repo_id, repo_type=kind.lower())
    except NotFound:
        return None


def check_repo(
    repo_id: str, kind: Kind = "model", *, private: bool = False, token: str | None = None
) -> Repo:
    """A repo to write to. Refuses what can be refused early, and creates nothing.

    Args:
        repo_id: "user/name"; the repo need not be there.
        kind: of repo.
        private: a private one is wanted.
        token: by default `HF_TOKEN` or the saved login.

    Raises:
        Refused: if there is no token, or it may not write there.
        HubError: if the name can't be, if a private repo is wanted and a public one is there, or if
            the Hub can't be reached.
    """
    from huggingface_hub import HfApi

    check_name(repo_id)
    api = HfApi(token=find_token(token))
    account, info = _account(api), find_repo(api, repo_id, kind)
    user, (owner, name) = account["name"], repo_id.split("/")
    try:
        if info is not None:
            with hub_errors(repo_id, kind=kind):
                api.auth_check(repo_id, repo_type=kind.lower(), write=True)
        elif owner not in (user, *(org["name"] for org in account.get("orgs", []))):
            raise Refused
    except (Refused, NotFound) as error:
        raise Refused(
            f"{user} or the token has no right to write to {repo_id}: publish as {user}/{name}, or "
            "with a token that has the right"
        ) from error
    if private and info is not None and not info.private:
        raise HubError(
            f"{repo_id} is there already and is public: make it private on its page under "
            "Settings, or choose another name"
        )
    return Repo(repo_id, kind, api, info, private if info is None else bool(info.private))


def read_file(api: HfApi, model_id: str, path: str, commit: str) -> bytes:
    """A model's file, downloaded past the cache, which would outlive who may read it."""
    with tempfile.TemporaryDirectory() as scratch, hub_errors(model_id, commit):
        file = api.hf_hub_download(model_id, path, revision=commit, local_dir=scratch)
        return Path(file).read_bytes()


def commit_files(
    repo: Repo,
    files: Mapping[str, bytes],
    *,
    message: str,
    parent: str,
    deleted: Iterable[str] = (),
    branch: str = MAIN,
) -> str:
    """Add and delete files in one commit; its sha, or `parent` where nothing has changed.

    Raises HubError, and nothing is committed, if `parent` isn't the branch's head any more, or if
    the Hub doesn't take it.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added = [CommitOperationAdd(path, data) for path, data in files.items()]
    removed = [CommitOperationDelete(path, is_folder=False) for path in deleted]
    with hub_errors(repo.repo_id, branch, repo.kind):
        return repo.api.create_commit(
            repo.repo_id,
            [*added, *removed],
            commit_message=message,
            repo_type=repo.kind.lower(),
            revision=branch,
            parent_commit=parent,
        ).oid
