"""Why the Hub refuses a Space, in words: each reason is an exception that says what to do next.

Knows no codes and phrases but those of `publish/hub_facts.py`, and quotes what the Hub said.
"""

from __future__ import annotations

from model.hub import HubError
from publish import hub_facts
from publish.access import answered_with, cannot_create


class PaymentRequired(HubError):
    """The account's plan doesn't include that hardware."""


class TooManySpaces(HubError):
    """The account hosts as many Spaces of this kind as it may."""


class QuotaReached(HubError):
    """As many Spaces of the account run as it may have running."""


class AccountTooYoung(HubError):
    """The account isn't verified, or not old enough, to host a Space on ZeroGPU."""


class SpaceRefused(HubError):
    """The Hub doesn't allow it, and gives a reason that isn't known here."""


class NotOurs(HubError):
    """The name is taken by a Space that wasn't made by this command."""


class SpaceEdited(HubError):
    """Files that this command wrote were edited in the Space since."""


class PrivateModel(HubError):
    """A public Space would let anybody use a model that is private or gated."""


class NotASetting(HubError):
    """A title, an emoji or a hardware that a Space can't have."""


def refusal(error: HubError, space_id: str, hardware: str, user: str) -> HubError:
    """The named reason for which a Space isn't created, or doesn't get its hardware.

    Args:
        error: what was raised; returned as it is where the Hub's answer is no refusal.
        space_id: the Space.
        hardware: what was asked for.
        user: whose token it is.
    """
    status, words = answered_with(error)
    said = f" (the Hub answers {status}: {words or 'nothing more'})"
    if status == hub_facts.PAYMENT_REQUIRED:
        return PaymentRequired(_what_to_pay(space_id, hardware) + said)
    if status != hub_facts.FORBIDDEN:
        return cannot_create(space_id, user) if status in (401, 404) else error
    if hub_facts.LIMIT_REACHED.search(words) and not hub_facts.QUOTA_REACHED.search(words):
        return TooManySpaces(
            f"{user} has no Space left for {space_id}: {hub_facts.FREE_ACCOUNT}. Delete one that "
            f"you don't need on its page under Settings, or publish into it by its name{said}"
        )
    if hub_facts.QUOTA_REACHED.search(words):
        return QuotaReached(
            f"the quota of {user} is used up, so {space_id} can't run: pause or delete another "
            f"Space on its page under Settings, or wait until it is renewed{said}"
        )
    if hub_facts.ACCOUNT_TOO_YOUNG.search(words):
        return AccountTooYoung(
            f"{user} may not host {space_id} yet: {hub_facts.FREE_ACCOUNT}. Verify your address "
            f"under Settings / Account, or wait; until then chat on this machine{said}"
        )
    if space_id.partition("/")[0] != user:
        return cannot_create(space_id, user)
    return SpaceRefused(
        f"{user} or the token may not do that for {space_id} on {hardware}: the token needs the "
        f"right to write, and {hub_facts.FREE_ACCOUNT}{said}"
    )


def _what_to_pay(space_id: str, hardware: str) -> str:
    if hardware == hub_facts.ZERO_GPU:
        return (
            f"this account may not host {space_id} on ZeroGPU for free: {hub_facts.FREE_ACCOUNT}. "
            "Verify your address under Settings / Account, delete a Space that you don't need, or "
            "take PRO"
        )
    return (
        f"this account may not host {space_id} on {hardware}: {hub_facts.CPU_NEEDS_PRO}, while "
        f"{hub_facts.FREE_ACCOUNT}. Leave --hardware out for ZeroGPU, or take PRO"
    )
