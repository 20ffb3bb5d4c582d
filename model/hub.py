"""A Hub id and a revision become a verified model folder in the Hub's cache.

Downloads, works offline from what is cached, and says what is wrong in words. Knows nothing about
what is in the files but the name of their kind of model.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from model.config import MODEL_TYPE
from model.folder import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, ModelFolderError, find_model_folder

# huggingface_hub is imported inside the functions: that takes 0.4 s, and a local folder needs none.

logger = logging.getLogger(__name__)

FILES = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE)

_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"


class HubError(Exception):
    """The Hub doesn't do what was asked; the message says why and what to do next."""


class InvalidName(HubError):
    """The name can't be a repo's."""


class ModelNotFound(HubError):
    """There is no such repo, or it is private."""


class GatedModel(HubError):
    """The repo's owner wants to be asked first."""


class RevisionNotFound(HubError):
    """The repo has no such branch, tag or commit."""


class TokenRefused(HubError):
    """The Hub doesn't know the token, or the token doesn't allow what was asked."""


class HubUnreachable(HubError):
    """No network, or the Hub is down, and the cache can't stand in."""


class NotACharLSTM(HubError):
    """The repo holds something else."""


class BrokenDownload(HubError):
    """What arrived, twice, is not what was published."""


class CommittedInBetween(HubError):
    """The repo has changed since it was looked at."""


def resolve_model(model: str | Path, revision: str | None = None, token: str | None = None) -> Path:
    """The folder that a MODEL means: an existing folder (a model's or a run's), else a Hub id.

    Raises:
        ModelFolderError: if it is, or can only be, a folder, and holds no model.
        HubError: if the Hub doesn't give the model.
    """
    path = Path(model)
    if path.exists():
        if revision is not None:
            raise ModelFolderError(
                f"{model} is a folder here, and only models on the Hub have revisions "
                f"(asked for: {revision}); leave the revision out, or name a Hub model"
            )
        return find_model_folder(path)
    name = str(model)
    if isinstance(model, Path) or path.is_absolute() or "\\" in name or name.startswith((".", "~")):
        return find_model_folder(path)
    try:
        return fetch_model(name, revision, token)
    except (InvalidName, ModelNotFound, HubUnreachable) as error:
        raise type(error)(f"there is no folder {name!r} here, and {error}") from error


def fetch_model(model_id: str, revision: str | None = None, token: str | None = None) -> Path:
    """Download a model's config, weights and card, or find them in the cache, and verify them.

    With a commit's sha and a warm cache no request is made; with a branch, one. Where the Hub can't
    be reached, what is cached is used, and the log says so.

    Args:
        model_id: "user/name".
        revision: branch, tag or commit sha; None for the main branch.
        token: by default `HF_TOKEN` or the saved login.

    Raises:
        HubError: one of its kinds, each with what to do next.
    """
    with hub_errors(model_id, revision):
        folder, digests = _download(model_id, revision, token)
        broken = _broken_files(folder, digests)
        if broken:
            logger.warning("%s arrived damaged; downloading once more", _names(broken))
            for file in broken:
                _discard(file)
            folder, digests = _download(model_id, folder.name, token)
            broken = _broken_files(folder, digests)
        if broken:
            for file in broken:
                _discard(file)
            raise BrokenDownload(
                f"{_names(broken)} of {model_id} arrived damaged twice: what came is not what the "
                "Hub's checksum says; try again later, or from another network"
            )
    return folder


def _download(
    model_id: str, revision: str | None, token: str | None
) -> tuple[Path, dict[str, str | None]]:
    """The snapshot's folder in the cache, and its files' digests as far as the Hub was asked."""
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download, try_to_load_from_cache

    cached = try_to_load_from_cache(model_id, CONFIG_FILE, revision=revision)
    folder = Path(cached).parent if isinstance(cached, str) else None
    digests: dict[str, str | None] = {}
    if folder is None or folder.name != revision:  # what a commit is never changes: no need to ask
        try:
            with hub_errors(model_id, revision):
                info = HfApi(token=token).model_info(
                    model_id, revision=revision, files_metadata=True
                )
        except HubUnreachable as error:
            if folder is None:
                raise
            reason = _first_line(error.__cause__ or error)
            logger.info("No Hub (%s): using %s from the cache, %s", reason, model_id, folder.name)
            return _complete(folder, model_id, is_online=False), digests
        for file in info.siblings or []:
            if file.rfilename in FILES:
                digest = file.blob_id if file.lfs is None else file.lfs.sha256
                digests[file.rfilename] = digest
        if CONFIG_FILE not in digests:
            raise NotACharLSTM(f"{model_id} is no CharLSTM model: it has no {CONFIG_FILE}")
        if folder is None or folder.name != info.sha:
            # By its branch, not by its commit: that is what the cache remembers for offline days.
            config = hf_hub_download(model_id, CONFIG_FILE, revision=revision, token=token)
            _check_kind(Path(config), model_id)  # before anything large is downloaded
            folder = Path(config).parent
    if not all((folder / name).is_file() for name in digests or FILES):
        snapshot_download(model_id, revision=folder.name, allow_patterns=list(FILES), token=token)
    return _complete(folder, model_id, is_online=True), digests


def _check_kind(config: Path, model_id: str) -> None:
    try:
        data = json.loads(config.read_text(encoding="utf-8"))
    except ValueError:  # damaged on its way, most likely: the checksum will tell
        return
    kind = data.get("model_type") if isinstance(data, dict) else None
    if kind != MODEL_TYPE:
        raise NotACharLSTM(
            f"{model_id} is no CharLSTM model: its {CONFIG_FILE} says model_type {kind!r}, not "
            f"{MODEL_TYPE!r}"
        )


def _complete(folder: Path, model_id: str, *, is_online: bool) -> Path:
    if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
        return folder
    if is_online:
        raise NotACharLSTM(f"{model_id} is no CharLSTM model: it has no {WEIGHTS_FILE}")
    raise HubUnreachable(
        f"the Hub can't be reached, and only a part of {model_id} is in the cache; "
        "check the network and try again"
    )


def _broken_files(folder: Path, digests: Mapping[str, str | None]) -> list[Path]:
    files = [folder / name for name in FILES if (folder / name).is_file()]
    return [file for file in files if not _is_intact(file, digests.get(file.name))]


def _is_intact(file: Path, digest: str | None) -> bool:
    if digest is None and file.is_symlink():
        digest = file.readlink().name  # the cache names a blob by the Hub's digest
    if digest is None or not _DIGEST.fullmatch(digest):
        return True  # a cache without links and no Hub to ask; loading it is strict all the same
    return digest == blob_digest(file.read_bytes(), is_lfs=len(digest) == 64)


def blob_digest(data: bytes, *, is_lfs: bool) -> str:
    """The digest by which the Hub knows a file: sha256 in LFS, else git's sha1 of the blob."""
    if is_lfs:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _discard(file: Path) -> None:
    # A link of the snapshot leads to a blob, and with Xet that one to a blob of all repos.
    chain = [file]
    while chain[-1].is_symlink():
        chain.append(chain[-1].parent / chain[-1].readlink())
    for path in chain:
        path.unlink(missing_ok=True)


def _names(files: list[Path]) -> str:
    return " and ".join(file.name for file in files)


@contextmanager
def hub_errors(
    repo_id: str, revision: str | None = None, kind: Literal["model", "Space"] = "model"
) -> Iterator[None]:
    """Turn what huggingface_hub raises into a `HubError` that says what to do next."""
    from huggingface_hub import errors

    # httpx2's base of all errors, or httpx's under older releases of the client.
    transport_errors = tuple(
        base
        for base in errors.HfHubHTTPError.__bases__
        if issubclass(base, Exception) and base is not OSError
    )
    try:
        yield
    except errors.HFValidationError as error:
        raise InvalidName(
            f"{repo_id!r} can't be a Hub name: write it as user/name, of letters, digits, '-', '_' "
            "and '.'"
        ) from error
    except errors.GatedRepoError as error:
        raise GatedModel(
            f"{repo_id} is gated: ask for access on its page, then {_LOG_IN}"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise RevisionNotFound(
            f"{repo_id} has no branch, tag or commit {revision or 'main'!r}; those that it has are "
            "on its page, under Files"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelNotFound(
            f"no {kind} {repo_id} is on the Hub, or it is private: check the spelling, and if it "
            f"is private, {_LOG_IN}"
        ) from error
    except errors.HfHubHTTPError as error:
        raise _answered(error.response.status_code, _first_line(error), repo_id) from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise _unreachable(repo_id, error) from error
    except transport_errors as error:
        raise _unreachable(repo_id, error) from error
    except json.JSONDecodeError as error:  # a captive portal, or a wrong HF_ENDPOINT
        raise HubUnreachable(
            f"something answers for the Hub that isn't one, asked for {repo_id}; check the network "
            "(a page to log in to?) and HF_ENDPOINT"
        ) from error
    except RuntimeError as error:  # hf_xet's kind, and the client's around a large file's error
        if isinstance(error.__cause__, Exception):
            with hub_errors(repo_id, revision, kind):
                raise error.__cause__ from None
        raise _unreachable(repo_id, error) from error
    except (ConnectionError, TimeoutError) as error:
        raise _unreachable(repo_id, error) from error
    except OSError as error:
        if error.errno is None:  # the client's own word for a file of the wrong length
            raise BrokenDownload(
                f"the transfer of {repo_id} broke off: {_first_line(error)}; try again"
            ) from error
        raise HubError(
            f"{repo_id} can't be stored in the Hub's cache ({error}); make room or rights there, "
            "or set HF_HOME to another folder"
        ) from error


def _answered(status: int, said: str, repo_id: str) -> HubError:
    if status == 401:
        return TokenRefused(
            "the Hub doesn't accept the token; make a new one at "
            f"https://huggingface.co/settings/tokens, then {_LOG_IN}"
        )
    if status == 403:
        return TokenRefused(f"the token doesn't allow that for {repo_id} (the Hub says: {said})")
    if status == 412:
        return CommittedInBetween(
            f"somebody has committed to {repo_id} in between; look at what changed on its page, "
            "then publish again to go over it"
        )
    if status == 429 or status >= 500:
        return HubUnreachable(f"the Hub can't serve {repo_id} now (it answers {status}); try later")
    return HubError(f"the Hub refuses that for {repo_id} (it answers {status}: {said})")


def _unreachable(repo_id: str, error: Exception) -> HubUnreachable:
    return HubUnreachable(
        f"the Hub can't be reached for {repo_id} ({_first_line(error)}); check the network, "
        "HF_ENDPOINT and HF_HUB_OFFLINE, then try again"
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", str(error)) if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
