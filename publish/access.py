"""Who may write where on the Hub: names, tokens, rights, privacy, checked before all else.

For models and Spaces alike. Knows nothing about what is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from model.hub import HubError, InvalidName, ModelNotFound, TokenRefused, hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo, SpaceInfo

Kind = Literal["model", "Space"]
MAIN = "main"


class NoToken(HubError):
    """Nobody is logged in."""


class NotConfirmed(HubError):
    """The question was answered with no; nothing was published."""


class RepoIsPublic(HubError):
    """A private repo was asked for, but this one is public already."""


def check_name(repo_id: str) -> None:
    """Raises InvalidName unless `repo_id` is "user/name" as the Hub takes it."""
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    with hub_errors(repo_id):
        validate_repo_id(repo_id)
    if "/" not in repo_id:
        raise InvalidName(f"{repo_id!r} names no owner: write it as user/name, with your user name")


def find_token(token: str | None) -> str:
    """`token`, or else `HF_TOKEN` or the saved login. Raises NoToken where there is none."""
    from huggingface_hub import get_token

    token = token or get_token()
    if token is None:
        raise NoToken(
            "publishing needs a token with the right to write: make one under Settings / Access "
            "Tokens, then log in with `hf auth login` or set HF_TOKEN"
        )
    return token


def check_token(api: HfApi, repo_id: str) -> str:
    """Whose token it is. Raises TokenRefused where it isn't one, or may only read."""
    with hub_errors(repo_id):
        account = api.whoami()
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise TokenRefused(
            f"the token of {account['name']} may only read: make one with the right to write at "
            "https://huggingface.co/settings/tokens, then log in with it or set HF_TOKEN"
        )
    return str(account["name"])


def find_model(api: HfApi, repo_id: str, revision: str | None = None) -> ModelInfo | None:
    """What the Hub says about a model repo; None where it shows none."""
    try:
        with hub_errors(repo_id, revision):
            return api.model_info(repo_id, revision=revision)
    except ModelNotFound:
        return None


def find_space(api: HfApi, repo_id: str) -> SpaceInfo | None:
    """What the Hub says about a Space; None where it shows none."""
    try:
        with hub_errors(repo_id, kind="Space"):
            return api.space_info(repo_id)
    except ModelNotFound:
        return None


def check_right(api: HfApi, repo_id: str, user: str, kind: Kind = "model") -> None:
    """Raises TokenRefused unless the token may write to this repo, which is there."""
    try:
        with hub_errors(repo_id, kind=kind):
            api.auth_check(repo_id, repo_type=kind.lower(), write=True)
    except (TokenRefused, ModelNotFound) as error:
        raise TokenRefused(
            f"{user} or the token has no right to write to {repo_id}: choose a name of your own "
            f"({user}/...), or a token that has the right"
        ) from error


def check_privacy(info: ModelInfo | SpaceInfo, private: bool) -> None:
    """Raises RepoIsPublic where a private repo was asked for and a public one is there."""
    if private and not info.private:
        raise RepoIsPublic(
            f"{info.id} is there already and is public: make it private on its page under "
            "Settings, or choose another name"
        )


def cannot_create(repo_id: str, user: str) -> TokenRefused:
    """The reason why the Hub lets nobody but the owner create a repo under a name."""
    owner, name = repo_id.split("/")
    return TokenRefused(
        f"{user} or the token can't create a repo of {owner!r}: publish as {user}/{name}, "
        "or with a token that has the right to write there"
    )


def answered_with(error: HubError) -> tuple[int | None, str]:
    """(status, words) of the Hub's answer behind an error; (None, "") where it gave none."""
    from huggingface_hub.errors import HfHubHTTPError

    cause = error.__cause__
    if not isinstance(cause, HfHubHTTPError) or cause.response is None:
        return None, ""
    return cause.response.status_code, " ".join((cause.server_message or "").split())
