"""Files go onto the Hub in one commit, without those that it has already; small ones are read.

For models and Spaces alike. Knows nothing about what the files are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from model.folder import CARD_FILE
from model.hub import HubError, blob_digest, hub_errors
from publish.access import MAIN, Kind

if TYPE_CHECKING:
    from huggingface_hub import HfApi

WAITS_S = (1, 3)
"""After a push that didn't reach the Hub: the client itself doesn't retry a commit."""


class CardRefused(HubError):
    """The Hub doesn't accept what the card's front matter says."""


def files_there(api: HfApi, repo_id: str, commit: str, kind: Kind = "model") -> dict[str, str]:
    """The path of each file in a commit, and its digest: sha256 if it lies in LFS, else git's."""
    from huggingface_hub.hf_api import RepoFile

    with hub_errors(repo_id, commit, kind):
        entries = api.list_repo_tree(
            repo_id, recursive=True, revision=commit, repo_type=kind.lower()
        )
        return {
            entry.path: entry.blob_id if entry.lfs is None else entry.lfs.sha256
            for entry in entries
            if isinstance(entry, RepoFile)
        }


def text_there(api: HfApi, repo_id: str, path: str, commit: str, kind: Kind = "model") -> str:
    """The text of a small file. Nothing of it stays here: a cache would outlive who may read it."""
    with tempfile.TemporaryDirectory() as scratch, hub_errors(repo_id, commit, kind):
        file = api.hf_hub_download(
            repo_id, path, repo_type=kind.lower(), revision=commit, local_dir=scratch
        )
        return Path(file).read_text(encoding="utf-8", errors="replace")


def changed_files(files: Mapping[str, bytes], there: Mapping[str, str]) -> dict[str, bytes]:
    """Those of `files` that the Hub doesn't have, or has with another content."""
    return {
        path: data
        for path, data in files.items()
        if there.get(path) not in {blob_digest(data, is_lfs=is_lfs) for is_lfs in (True, False)}
    }


def commit_files(
    api: HfApi,
    repo_id: str,
    files: Mapping[str, bytes],
    *,
    message: str,
    parent: str | None,
    removed: Iterable[str] = (),
    branch: str = MAIN,
    kind: Kind = "model",
) -> str:
    """Add and remove files in one commit; its sha.

    Raises:
        CommittedInBetween: if `parent` isn't the branch's head any more.
        CardRefused: if the Hub doesn't take the front matter of README.md.
        HubError: if the Hub doesn't take it for another reason; then nothing is committed.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    with hub_errors(repo_id, branch, kind):
        try:
            info = api.create_commit(
                repo_id,
                [*operations, *(CommitOperationDelete(path, is_folder=False) for path in removed)],
                commit_message=message,
                repo_type=kind.lower(),
                revision=branch,
                parent_commit=parent,
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
