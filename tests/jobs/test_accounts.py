"""Whose account is used depends on where the page is, and who asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs import JobError
from jobs.accounts import Account, Accounts
from jobs.limits import Limits

SPACE = {
    "SPACE_ID": "ann/novel",
    "SYSTEM": "spaces",
    "OAUTH_CLIENT_ID": "client",
    "OAUTH_SCOPES": "openid profile contribute-repos",
}
BOB = Account("bob", "hf_bob")


def test_on_a_space_it_is_the_visitors_who_has_signed_in(limits: Limits) -> None:
    accounts = Accounts.from_environment(SPACE, limits)
    assert accounts.find(BOB, is_here=True) == BOB
    for nobody in (None, Account("bob", "")):
        with pytest.raises(JobError, match="Sign in"):  # even at the server itself
            accounts.find(nobody, is_here=True)


@pytest.mark.parametrize(
    "other",
    [
        {"OAUTH_CLIENT_ID": ""},
        {"SYSTEM": ""},
        {"OAUTH_SCOPES": "openid profile"},
        {"OAUTH_SCOPES": "openid profile contribute-repos write-repos"},
    ],
)
def test_a_space_that_asks_for_no_sign_in_or_for_too_much_publishes_nothing(
    limits: Limits, other: dict[str, str]
) -> None:
    with pytest.raises(JobError, match="hf_oauth: true"):
        Accounts.from_environment(SPACE | other, limits).find(BOB, is_here=True)


def test_elsewhere_only_ones_own_computer_lends_its_login(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(JobError, match="python -m publish model"):
        Accounts.from_environment({}, limits).find(None, is_here=True)
    own = Accounts.from_environment({}, replace(limits, is_shared=False))
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_owner")
    with pytest.raises(JobError, match="sits at the computer"):
        own.find(None, is_here=False)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(JobError, match="log in with `hf auth login`"):
        own.find(None, is_here=True)
