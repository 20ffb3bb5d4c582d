"""Publishing in HTML: whose account, what is created, what it means, how far it is.

What a text, a config or the Hub says is escaped here. Knows nothing about events.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from jobs.publishing import Published, Publishing

SIGN_IN_FIRST = (
    "<p>Sign in to publish the model in your own account. This page may then create repos there "
    "and change those that it created, no others.</p>"
)
PIECES_COME_BACK = (
    "A model can be made to repeat pieces of its text word for word. So don't publish one that "
    "has learnt a private chat, mail, or anything that others told you in confidence."
)


def describe_account(name: str, *, is_visitor: bool) -> str:
    """Whose account it is, and what the page may do in it."""
    bold = f"<b>{html.escape(name)}</b>"
    if not is_visitor:
        return (
            f"<p>This computer is logged in to Hugging Face as {bold}: what you publish goes "
            "there. To change that: <code>hf auth login</code>.</p>"
        )
    return (
        f"<p>You are signed in as {bold}: what you publish goes there. This page may create repos "
        "in your account and change those that it created, no others, and it keeps no key to it."
        "</p>"
    )


def describe_problem(problem: str) -> str:
    """Why something can't be done; its lines stay lines."""
    return f"<div class=warning>{html.escape(problem)}</div>" if problem else ""


def describe_model(repo_id: str, public: Sequence[str]) -> str:
    """What publishing creates.

    Args:
        repo_id: "user/name".
        public: what anybody could read then; nothing for a private repo.
    """
    seen = "which anybody can see" if public else "which only you can see"
    return (
        f"<p>This creates the model repo <b>{html.escape(repo_id)}</b>, {seen}: the model, its "
        "settings and a page about it. If the repo is there already, the model becomes its newest "
        f"version.</p><p class=warning>{PIECES_COME_BACK}</p>{describe_lines(public)}"
    )


def describe_lines(lines: Sequence[str]) -> str:
    """Plain sentences as a list; what they quote keeps its lines."""
    items = "".join(f"<li>{html.escape(line)}" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def describe_publishing(job: Publishing, there: Published | None) -> str:
    """How far it is, and the links."""
    parts = [] if there is None else _links(there)
    if job.problem:
        what = "Not published" if job.what == "model" else "The Space doesn't run"
        parts.append(describe_problem(f"{what}: {job.problem}"))
    if job.doing:
        parts.append(
            f"<p class=doing>{html.escape(job.doing)} ... You may close this page: it continues "
            "without you.</p>"
        )
    return "".join(parts)


def _links(there: Published) -> list[str]:
    model, space = there.model, there.space
    seen = "only you can see it" if model.is_private else "anybody can see it"
    parts = [f"<p>Published: {_link(model.url, model.repo_id)}, {seen}.</p>"]
    if model.kept_card:
        parts.append("<p>Its page there was edited by hand, and was left as it is.</p>")
    if space is not None:
        runs = "is running" if space.is_running else "wasn't running when this page last looked"
        parts.append(f"<p>Its Space {_link(space.url, space.space_id)} {runs}.</p>")
        if space.lacks_token:
            parts.append(
                "<p class=warning>The Space can't read its private model yet, and serves the "
                "bundled one until then: add a secret HF_TOKEN on its page, under Settings / "
                "Variables and secrets, with a token that may read the model.</p>"
            )
    return parts


def _link(url: str, name: str) -> str:
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{html.escape(name)}</a>'
