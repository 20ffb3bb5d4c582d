"""The Hub as publishing meets it: its facts, tokens, names and rights, and a commit.

For models and Spaces alike. Knows nothing about what is published.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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


def check_name(repo_id: str) -> None:
    """Raises HubError unless `repo_id` is "user/name" as the Hub takes it."""
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

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


def check_may_publish(api: HfApi, repo_id: str, kind: Kind = "model", *, private: bool) -> Any:
    """What the Hub says about a repo that may be written to; None for one to be created.

    Raises:
        Refused: if the token may not write there.
        HubError: if the name can't be, or if a private repo is wanted and a public one is there.
    """
    check_name(repo_id)
    account = _account(api)
    user, (owner, name) = account["name"], repo_id.split("/")
    no_right = Refused(
        f"{user} or the token has no right to write to {repo_id}: publish as {user}/{name}, or "
        "with a token that has the right"
    )
    info = find_repo(api, repo_id, kind)
    if info is None:
        if owner not in (user, *(org["name"] for org in account.get("orgs", []))):
            raise no_right
        return None
    try:
        with hub_errors(repo_id, kind=kind):
            api.auth_check(repo_id, repo_type=kind.lower(), write=True)
    except (Refused, NotFound) as error:
        raise no_right from error
    if private and not info.private:
        raise HubError(
            f"{repo_id} is there already and is public: make it private on its page under "
            "Settings, or choose another name"
        )
    return info


@contextmanager
def small_file(api: HfApi, model_id: str, path: str, commit: str) -> Iterator[Path]:
    """A model's file, downloaded past the cache, which would outlive who may read it."""
    with tempfile.TemporaryDirectory() as scratch, hub_errors(model_id, commit):
        yield Path(api.hf_hub_download(model_id, path, revision=commit, local_dir=scratch))


def commit_files(
    api: HfApi,
    repo_id: str,
    files: Mapping[str, bytes],
    *,
    message: str,
    parent: str,
    deleted: Iterable[str] = (),
    branch: str = MAIN,
    kind: Kind = "model",
) -> str:
    """Add and delete files in one commit; its sha, or `parent` where nothing has changed.

    Raises HubError, and nothing is committed, if `parent` isn't the branch's head any more, or if
    the Hub doesn't take it.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added = [CommitOperationAdd(path, data) for path, data in files.items()]
    removed = [CommitOperationDelete(path, is_folder=False) for path in deleted]
    with hub_errors(repo_id, branch, kind):
        return api.create_commit(
            repo_id,
            [*added, *removed],
            commit_message=message,
            repo_type=kind.lower(),
            revision=branch,
            parent_commit=parent,
        ).oid
