"""In whose account on the Hub a page publishes: the visitor's own, and nobody else's.

On a Space visitors sign in; on one's own computer it is the login that the Hub's client has saved.
A server's own token is never lent to those who visit it. Knows nothing about what is published.
"""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jobs.limits import Limits
from publish.hub import OAUTH_SCOPES, account_name, find_token

_SET_BY_THE_PLATFORM = (
    "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL",
)  # fmt: skip
"""Where a Space's README has `hf_oauth: true`."""
_TOO_MUCH = {"write-repos", "manage-repos"}
"""Scopes by which a page could change what it hasn't created."""
_NEEDED_TO_SIGN_IN = ("authlib", "itsdangerous")
"""Of `gradio[oauth]`, which the platform installs; without them Gradio doesn't start a sign-in."""

_FROM_YOUR_COMPUTER = (
    "Download the model and unpack it; on your own computer `python -m publish model FOLDER "
    "USER/NAME` publishes it."
)


@dataclass(frozen=True)
class Account:
    """Somebody's account on the Hub, and the token to act for them with."""

    name: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Accounts:
    """Whose account a page may use.

    Args:
        source: "visitor" where visitors sign in, "saved" for the login saved on one's own
            computer, "none" where nothing can be published.
        reason: why it can't, and what can be done instead; sentences.
    """

    source: Literal["visitor", "saved", "none"]
    reason: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], limits: Limits) -> Accounts:
        """What holds for a page that is served with these limits."""
        if not limits.is_shared:
            return cls("saved")
        if not environment.get("SPACE_ID"):
            why = "This page is shared, and visitors can sign in to Hugging Face on a Space only."
            return cls("none", f"{why} {_FROM_YOUR_COMPUTER}")
        scopes = set(environment.get("OAUTH_SCOPES", "").split())
        if (
            environment.get("SYSTEM") == "spaces"
            and all(environment.get(name) for name in _SET_BY_THE_PLATFORM)
            and scopes.issuperset(OAUTH_SCOPES)
            and not scopes & _TOO_MUCH
            and all(map(importlib.util.find_spec, _NEEDED_TO_SIGN_IN))
        ):
            return cls("visitor")
        why = (
            "Visitors can't sign in here: this Space's README.md doesn't ask for it as it should. "
            "Its owner can add `hf_oauth: true` to it, with `hf_oauth_scopes: [contribute-repos]`."
        )
        return cls("none", f"{why} {_FROM_YOUR_COMPUTER}")


def saved_account() -> Account:
    """The account whose login is saved on this computer; for a page that only its owner reaches.

    Raises:
        HubError: if nobody is logged in, the token may only read, or there is no Hub.
    """
    token = find_token()
    return Account(account_name(token), token)


def is_this_machine(host: str | None) -> bool:
    """Whether a name or an address means the machine that serves the page."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
