"""A Hub id and a revision become a model folder in the Hub's cache.

`huggingface_hub` downloads, checks sizes, and falls back to its cache when the Hub is down. Here
its exceptions become sentences that say what to do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from model.config import ConfigError, ModelConfig
from model.folder import CONFIG_FILE, WEIGHTS_FILE, ModelFolderError, find_model_folder

# huggingface_hub is imported inside the functions: that takes 0.4 s, and a local folder needs none.

Kind = Literal["model", "Space"]

TOKENS = "https://huggingface.co/settings/tokens"
_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"


class HubError(Exception):
    """The Hub doesn't do what was asked; the message says why and what to do next."""


class NotFound(HubError):
    """There is no such repo or revision, or it is private."""


class Refused(HubError):
    """The token or the account may not do that."""


class Unreachable(HubError):
    """No network, or the Hub is down, and the cache can't stand in."""


class NotACharLSTM(HubError):
    """The repo holds something else."""


def resolve_model(
    model: str | Path,
    revision: str | None = None,
    token: str | None = None,
    most_bytes: float = math.inf,
) -> Path:
    """The folder that a MODEL means: an existing folder (a model's or a run's), else a Hub id.

    A Hub model may have a `revision`: branch, tag or commit. A commit that is in the cache needs no
    request; without a network a branch is the commit cached for it last, and the client warns.
    `token` is `HF_TOKEN` or the saved login by default. Weights of more than `most_bytes` aren't
    downloaded.

    Raises ModelFolderError if it can only be a folder and holds no model, HubError if the Hub
    doesn't give one.
    """
    path = Path(model)
    if _exists(path):
        if revision is not None:
            raise ModelFolderError(f"{model} is a folder here; only Hub models have revisions")
        return find_model_folder(path)
    name = str(model)
    if isinstance(model, Path) or path.is_absolute() or "\\" in name or name.startswith((".", "~")):
        return find_model_folder(path)
    try:
        return _download(name, revision, token, most_bytes)
    except HubError as error:
        if isinstance(error, Refused | NotACharLSTM):
            raise
        raise type(error)(f"there is no folder {name!r} here, and {error}") from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no file system takes such a name
        return False


def _download(model_id: str, revision: str | None, token: str | None, most_bytes: float) -> Path:
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    with hub_errors(model_id, revision):
        commit = api.resolve_revision(model_id, revision=revision)
        config = Path(api.hf_hub_download(model_id, CONFIG_FILE, revision=commit))
        read_config(config.read_bytes(), model_id)  # before anything large is downloaded
        if math.isfinite(most_bytes):
            weights = api.hf_hub_download(model_id, WEIGHTS_FILE, revision=commit, dry_run=True)
            if (size := weights.file_size or 0) > most_bytes:
                raise HubError(
                    f"{model_id} has {size / 1e6:,.0f} MB, and here a model may have "
                    f"{most_bytes / 1e6:,.0f} MB"
                )
        return Path(api.hf_hub_download(model_id, WEIGHTS_FILE, revision=commit)).parent


def read_config(data: bytes, model_id: str) -> ModelConfig:
    """What a repo's config.json holds. Raises NotACharLSTM where it isn't one of ours."""
    try:
        return ModelConfig.from_json(data)
    except ConfigError as error:
        raise NotACharLSTM(f"{model_id} can't be used: {error}") from error


@contextmanager
def hub_errors(repo_id: str, revision: str | None = None, kind: Kind = "model") -> Iterator[None]:
    """Turn what huggingface_hub raises into a `HubError` that says what to do next."""
    from huggingface_hub import errors

    http = errors.HfHubHTTPError.__bases__[0]  # the base of all errors of its HTTP library
    kinds = (http, errors.RevisionResolutionError, errors.XetDownloadError)
    try:
        yield
    except (*kinds, OSError, RuntimeError, ValueError) as error:  # type: ignore[misc]
        # The client wraps what fails while it uploads a large file.
        cause = error.__cause__ if isinstance(error, RuntimeError) else None
        raise _in_words(cause or error, repo_id, revision, kind) from error


def _in_words(error: BaseException, repo_id: str, revision: str | None, kind: Kind) -> HubError:
    from huggingface_hub import errors

    # The Hub's own sentence, or else the first line of the client's.
    said = getattr(error, "server_message", None) or str(error) or type(error).__name__
    said = said.strip().partition("\n")[0][:300].rstrip(".")
    if isinstance(error, errors.HFValidationError):
        return HubError(f"{repo_id!r} can't be a Hub name: write it as user/name")
    if isinstance(error, errors.GatedRepoError):
        return Refused(f"{repo_id} is gated: ask for access on its page and {_LOG_IN}")
    if isinstance(error, errors.RevisionNotFoundError):
        return NotFound(f"{repo_id} has no branch, tag or commit {revision!r}")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        file = error.response.url.path.rpartition("/")[2]
        return NotACharLSTM(f"{repo_id} isn't a CharLSTM model: it has no {file}")
    if isinstance(error, errors.RepositoryNotFoundError):
        return NotFound(
            f"the Hub shows no {kind} {repo_id}: check the spelling; if it is private, {_LOG_IN}"
        )
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status == 401:
            return Refused(f"the Hub doesn't accept the token; make one at {TOKENS} and {_LOG_IN}")
        if status == 429 or status >= 500:
            return Unreachable(
                f"the Hub can't serve {repo_id} now (it answers {status}); try later"
            )
        refusal = Refused if status in (402, 403) else HubError
        return refusal(f"the Hub doesn't do that for {repo_id}; it says: {said}")
    # What is no JSON is another page in the Hub's place; the rest, the client has found itself.
    if isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError):
        return HubError(f"{repo_id} wasn't sent: {' '.join(str(error).split())}")
    # An error of this machine has a number; the client's own have none.
    number = None if isinstance(error, ConnectionError) else getattr(error, "errno", None)
    if number is not None:
        return HubError(f"no place for {repo_id}: {error}; make room or move HF_HOME")
    return Unreachable(
        f"the Hub can't be reached ({said}); check the network (is there a page to log in to?), "
        "HF_ENDPOINT and HF_HUB_OFFLINE, then try again"
    )
