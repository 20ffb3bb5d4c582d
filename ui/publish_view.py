"""Publishing in HTML: whose account, what is created, what it means, how far it is.

What a text, a config or the Hub says is escaped here. Knows nothing about events.
"""

from __future__ import annotations

import html

from jobs.accounts import Account
from jobs.publishing import OnTheHub, Publication

PIECES_COME_BACK = (
    "A model can be made to give back pieces of the text that it learnt, word for word. So don't "
    "publish what it learnt from a private chat, from mail, or from anything that others told you "
    "in confidence."
)


def describe_account(account: Account, *, is_visitor: bool) -> str:
    """Whose account it is, and what the page may do in it."""
    name = f"<b>{html.escape(account.name)}</b>"
    if not is_visitor:
        return (
            f"<p>Hugging Face knows this computer as {name}: what you publish goes there. Another "
            "login: <code>hf auth login</code>.</p>"
        )
    return (
        f"<p>You are signed in as {name}: what you publish goes there. This page may create repos "
        "in your account and change those that it created, no others, and it keeps no key to it."
        "</p>"
    )


def describe_sign_in() -> str:
    """What a sign-in is for."""
    return (
        "<p>Sign in to publish the model in your own account. This page may then create repos "
        "there and change those that it created, no others.</p>"
    )


def describe_problem(problem: str) -> str:
    """Why something can't be done; its lines stay lines."""
    return f"<div class=warning>{html.escape(problem)}</div>" if problem else ""


def describe_model(repo_id: str, public: str) -> str:
    """What publishing creates.

    Args:
        repo_id: "user/name".
        public: what anybody could read then, in lines; "" for a private repo.
    """
    name = f"<b>{html.escape(repo_id)}</b>"
    seen = "for anybody to see" if public else "for you alone to see"
    return (
        f"<p>This creates the model repo {name}, {seen}: the model, its settings and a page about "
        "it. If the repo is there already, the model becomes its newest version.</p>"
        f"<p class=warning>{PIECES_COME_BACK}</p>"
        f"{describe_lines(public)}"
    )


def describe_publication(publication: Publication) -> str:
    """How far it is, and the links."""
    parts = []
    there = publication.there
    if there is not None:
        parts.append(_links(there, is_waiting=bool(publication.doing)))
    if publication.problem:
        what = "Not published" if publication.about == "model" else "The Space doesn't run"
        parts.append(describe_problem(f"{what}: {publication.problem}"))
    if publication.doing:
        parts.append(
            f"<p class=doing>{html.escape(publication.doing)} ... You may close this page: it goes "
            "on without you.</p>"
        )
    return "".join(parts)


def describe_lines(lines: str) -> str:
    """Lines of plain words: what begins with a hyphen becomes a list, what is deep a quotation."""
    out: list[str] = []
    is_list = False
    for line in lines.splitlines():
        if not line.strip():
            continue
        if line.startswith("- "):
            out.append(f"{'' if is_list else '<ul>'}<li>{html.escape(line[2:])}")
            is_list = True
        elif line.startswith("    "):
            out.append(f"<div class=quoted>{html.escape(line[4:])}</div>")
        elif line.startswith("  ") and is_list:
            out.append(f" {html.escape(line.strip())}")
        else:
            out.append(f"{'</ul>' if is_list else ''}<p>{html.escape(line)}</p>")
            is_list = False
    return "".join(out) + ("</ul>" if is_list else "")


def _links(there: OnTheHub, *, is_waiting: bool) -> str:
    seen = "private, only you see it" if there.is_private else "open to anybody"
    parts = [f"<p>Published: {_link(there.model_url, there.model_id)}, {seen}.</p>"]
    if there.kept_card:
        parts.append("<p>Its page there was edited by hand, and was left as it is.</p>")
    if there.space_id:
        link = _link(there.space_url, there.space_id)
        if there.space_runs:
            parts.append(f"<p>Its Space runs: {link}</p>")
        elif is_waiting:
            parts.append(f"<p>Its Space: {link}</p>")
        else:
            parts.append(f"<p>Its Space: {link} (it didn't run yet when this page last looked)</p>")
    if there.lacks_token:
        parts.append(
            "<p class=warning>The Space can't read its private model yet, and serves the bundled "
            "one until then: add a secret HF_TOKEN on its page, under Settings / Variables and "
            "secrets, with a token that may read the model.</p>"
        )
    return "".join(parts)


def _link(url: str, name: str) -> str:
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{html.escape(name)}</a>'
