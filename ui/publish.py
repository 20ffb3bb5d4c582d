"""The part of the Train tab that publishes a run's model, and makes a Space of it.

It says what will be created, then creates it, in the account of whoever presses the button: Gradio
hands their token to the events below, which hand it on and keep nothing.
"""

from __future__ import annotations

import html
import ipaddress
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from jobs import JobError
from jobs.accounts import Account, Accounts
from jobs.publishing import Publisher
from jobs.store import StoredRun
from ui import QUIET, Updates
from ui.run_view import describe_problem, describe_published, describe_publishing

Token = gr.OAuthToken | None
Profile = gr.OAuthProfile | None
FindRun = Callable[[str | None, str | None], StoredRun | None]

_SIGN_IN = "Sign in with Hugging Face"
_LICENSES = [
    ("not named", ""),
    ("CC0: free of all rights", "cc0-1.0"),
    ("CC BY: use it, name me", "cc-by-4.0"),
    ("CC BY-SA: the same, and share alike", "cc-by-sa-4.0"),
    ("CC BY-NC: the same, not for money", "cc-by-nc-4.0"),
    ("MIT", "mit"),
    ("another one", "other"),
]
_PRIVATE, _PUBLIC = "private", "public"


class PublishPanel:
    """A button and what it opens; made outside of all tabs, built where they belong, then wired.

    Args:
        find: a visitor's run by their secret and its id.
        publisher: publishes runs.
        accounts: whose account is used.
    """

    def __init__(self, find: FindRun, publisher: Publisher, accounts: Accounts) -> None:
        self._find = find
        self._publisher = publisher
        self._accounts = accounts
        self._is_for_visitors = accounts.source == "visitor"
        # Inside a tab it would change only once that tab is opened.
        self._returned = gr.Textbox(visible="hidden")

    def build_button(self) -> None:
        """What opens the panel; shown where there is a model."""
        self.button = gr.Button("Publish", visible=False)

    def build_panel(self) -> None:
        """The panel, closed, and below it how far publishing is."""
        with gr.Column(elem_id="publish"):
            with gr.Column(visible=False) as self.panel:
                self._account = gr.HTML(elem_id="account")
                if self._is_for_visitors:
                    self._sign_in = gr.LoginButton(
                        _SIGN_IN, logout_value="Sign out ({})", size="sm", elem_id="sign-in"
                    )
                with gr.Column(visible=False) as self._form:
                    self._build_form()
            self.progress = gr.HTML(elem_id="published")

    def _build_form(self) -> None:
        with gr.Row():
            self._repo = gr.Textbox(label="Its name on the Hub: user/name", elem_id="repo")
            self._seen = gr.Radio(
                [("only I", _PRIVATE), ("anybody", _PUBLIC)], value=_PRIVATE, label="Who may see it"
            )
        with gr.Row():
            self._credit = gr.Textbox(
                label="Whose text is it?",
                placeholder="who wrote it, where it is from",
                max_length=300,
            )
            self._license = gr.Dropdown(_LICENSES, value="", label="Licence of the model")
        self._with_space = gr.Checkbox(label="And a Space of it")
        self._space = gr.Textbox(label="Its name: user/name", elem_id="space", visible=False)
        self._words = gr.HTML(elem_id="to-publish")
        self.publish = gr.Button("Publish it", variant="primary")

    def wire(self, secret: gr.BrowserState, run: gr.State, arrived: Any, tabs: gr.Tabs) -> Any:
        """What happens when; returns the event that has begun to publish.

        Args:
            secret: of the visitor.
            run: that is shown.
            arrived: the event after which `run` is known on a page that was just opened.
            tabs: of the page; the panel is in the one with the id "train".
        """
        who, form = [secret, run], [self._repo, self._seen, self._with_space, self._space]
        said = [self._space, self._words]
        opened = [self.panel, self._account, self._form, *form, self._words]
        if self._is_for_visitors:
            opened.append(self._sign_in)
            self._sign_in.click(None, None, None, js="() => window.charlstm.leave()")
            arrived.then(
                None, None, self._returned, js="() => window.charlstm.hasComeBack()", **QUIET
            )
            # After the way to the sign-in and back the page was reloaded, and shows the chat.
            self._returned.change(self._open, who, opened, **QUIET).then(
                lambda: gr.Tabs(selected="train"), None, tabs, **QUIET
            )
        self.button.click(self._open, who, opened, **QUIET)
        for name in (self._repo, self._space):
            name.blur(self._describe, [*who, *form], said, **QUIET)
        for choice in (self._seen, self._with_space):
            choice.input(self._describe, [*who, *form], said, **QUIET)
        told = [*who, *form, self._credit, self._license]
        return self.publish.click(self._begin, told, [self._account, self._form], **QUIET)

    def shown(self, run: StoredRun) -> Updates:
        """How far publishing a run is."""
        return {self.progress: describe_published(self._publisher.look(run))}

    def is_busy(self, run: StoredRun) -> bool:
        """Whether it is being published."""
        return bool(self._publisher.look(run).doing)

    def _open(
        self, secret: str | None, run_id: str | None, request: gr.Request, token: Token, me: Profile
    ) -> Updates:
        run = self._find(secret, run_id)
        account, updates = self._whose(request, token, me)
        updates[self.panel] = gr.Column(visible=run is not None)
        if run is None or account is None:
            if self._is_for_visitors:  # it may say otherwise, where a sign-in has expired
                updates[self._sign_in] = gr.LoginButton(_SIGN_IN)
            return updates
        there, repo_id = (
            self._publisher.look(run),
            self._publisher.suggested_name(run, account.name),
        )
        is_same = there.model is not None and there.model.repo_id == repo_id
        is_public = is_same and there.model is not None and not there.model.is_private
        seen = _PUBLIC if is_public else _PRIVATE
        space_id = there.space.space_id if is_same and there.space else ""
        form = [repo_id, seen, bool(space_id), space_id]
        return {
            **updates,
            **dict(zip((self._repo, self._seen, self._with_space), form, strict=False)),
            **self._describe(secret, run_id, repo_id, seen, bool(space_id), space_id),
        }

    def _describe(
        self, secret: str | None, run_id: str | None, repo: str, seen: str, with_space: bool,
        space: str,
    ) -> Updates:  # fmt: skip
        """Say what would be created.

        A name that won't do is refused later: the button must not move from under a finger that
        comes from the name's box.
        """
        run, repo_id = self._find(secret, run_id), repo.strip()
        space_id = space.strip() or f"{repo_id}-chat"
        words = ""
        if run is not None:
            try:
                public = self._publisher.what_becomes_public(run, repo_id)
                words = describe_publishing(
                    repo_id, space_id if with_space else None, public if seen == _PUBLIC else ()
                )
            except JobError as error:
                words = describe_problem(str(error))
        return {
            self._space: gr.Textbox(space_id if with_space else space, visible=with_space),
            self._words: words,
        }

    def _begin(
        self, secret: str | None, run_id: str | None, repo: str, seen: str, with_space: bool,
        space: str, credit: str, license_: str | None, request: gr.Request, token: Token,
        me: Profile,
    ) -> Updates:  # fmt: skip
        run = self._find(secret, run_id)
        account, updates = self._whose(request, token, me)
        if run is not None and account is not None:
            told = {"credit": " ".join(credit.split()), "license": license_ or ""}
            self._publisher.publish(
                run,
                account,
                repo.strip(),
                space_id=space.strip() if with_space else None,
                private=seen != _PUBLIC,
                told={key: value for key, value in told.items() if value},
            )
        return updates

    def _whose(
        self, request: gr.Request, token: Token, me: Profile
    ) -> tuple[Account | None, Updates]:
        """Whose account an event acts for, and what that changes; None for nobody's."""
        visitor = None
        if token is not None and me is not None and token.expires_at > time.time():
            visitor = Account(me.username, token.token)
        try:
            account = self._accounts.find(visitor, is_here=comes_from_here(request))
        except JobError as error:
            words = describe_problem(str(error))
            return None, {self._account: words, self._form: gr.Column(visible=False)}
        words = (
            f"<p>What you publish goes into the account <b>{html.escape(account.name)}</b> on "
            "Hugging Face. "
        )
        if self._is_for_visitors:
            words += (
                "This page may create repos in it and change those that it created, no others, and "
                "it keeps no key to it.</p>"
            )
        else:
            words += (
                "This computer is logged in there; <code>hf auth login</code> changes that.</p>"
            )
        return account, {self._account: words, self._form: gr.Column(visible=True)}


def comes_from_here(request: gr.Request) -> bool:
    """Whether a browser on this machine asks, by an address of this machine.

    Both, as others may come through a tunnel that ends here, or call this address by their name.
    """
    asked_for = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return _is_this_machine(asked_for) and _is_this_machine(request.client.host)


def _is_this_machine(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
