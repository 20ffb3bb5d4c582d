"""In whose account on the Hub a page publishes: the visitor's own, and nobody else's.

On a Space visitors sign in; on one's own computer it is the login that the Hub's client has saved.
A server's own token is never lent to those who visit it. Knows nothing about what is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jobs import JobError, refusals
from jobs.limits import Limits
from publish.hub import OAUTH_SCOPES, account_name, find_token

_TOO_MUCH = {"write-repos", "manage-repos"}
"""Scopes by which a page could change what it hasn't created."""

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
    """Whose account a page may use."""

    # "visitor" where visitors sign in, "saved" for the login saved on one's own computer, "none"
    # where nothing can be published
    source: Literal["visitor", "saved", "none"]
    reason: str = ""  # why nothing can, and what can be done instead; sentences

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], limits: Limits) -> Accounts:
        """What holds for a page that is served with these limits."""
        if not limits.is_shared:
            return cls("saved")
        if not environment.get("SPACE_ID"):
            why = "This page is shared, and visitors can sign in to Hugging Face on a Space only."
            return cls("none", f"{why} {_FROM_YOUR_COMPUTER}")
        # The platform sets these where a Space's README has `hf_oauth: true`.
        can_sign_in = environment.get("SYSTEM") == "spaces" and environment.get("OAUTH_CLIENT_ID")
        scopes = set(environment.get("OAUTH_SCOPES", "").split())
        if can_sign_in and scopes.issuperset(OAUTH_SCOPES) and not scopes & _TOO_MUCH:
            return cls("visitor")
        why = (
            "Visitors can't sign in here: this Space's README.md doesn't ask for it as it should. "
            "Its owner can add `hf_oauth: true` to it, with `hf_oauth_scopes: [contribute-repos]`."
        )
        return cls("none", f"{why} {_FROM_YOUR_COMPUTER}")

    def find(self, visitor: Account | None, *, is_here: bool) -> Account:
        """The account in which somebody may publish. Raises JobError where there is none.

        Args:
            visitor: as whom they have signed in.
            is_here: they use this computer.
        """
        if self.source == "visitor":
            if visitor is None or not visitor.token:  # the client would look for another token
                raise JobError(
                    "Sign in to publish the model in your own account. This page may then create "
                    "repos there and change those that it created, no others."
                )
            return visitor
        if self.source == "none":
            raise JobError(self.reason)
        if not is_here:
            raise JobError(
                "Only whoever sits at the computer that serves this page can publish from it."
            )
        with refusals():
            token = find_token()
            return Account(account_name(token), token)
