"""The part of the Train tab that publishes a run's model, and makes a Space of it.

It says what will be created, then creates it, in the account of whoever presses the button: Gradio
hands their token to the events below, which hand it on and keep nothing.
"""

from __future__ import annotations

import html
import itertools
import time
from urllib.parse import urlsplit

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from jobs import JobError
from jobs.accounts import Account, Accounts
from jobs.publishing import find_published, public_lines, publish_run, suggested_name
from jobs.service import TrainingService
from jobs.store import StoredRun
from ui import QUIET, Updates
from ui.guard import is_this_machine
from ui.run_view import describe_problem, describe_publishing

Token = gr.OAuthToken | None
Profile = gr.OAuthProfile | None

_LONGEST = 300  # characters of what is typed into a box
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
_RIGHTS = {
    "visitor": "This page may create repos in it and change those that it created, no others, and "
    "it keeps no key to it.",
    "saved": "This computer is logged in there; <code>hf auth login</code> changes that.",
}


class PublishPanel:
    """The panel, closed; made where it belongs in a `gr.Blocks`, then wired.

    Args:
        service: finds a visitor's run.
        accounts: whose account is used.
        secret: of the visitor.
        run: that is shown.
        is_away: from `browser_state`: whether the visitor has left for the sign-in.
    """

    def __init__(
        self,
        service: TrainingService,
        accounts: Accounts,
        secret: gr.BrowserState,
        run: gr.State,
        is_away: gr.BrowserState,
    ) -> None:
        self._service, self._accounts = service, accounts
        self._secret, self._run, self._is_away = secret, run, is_away
        self._is_for_visitors = accounts.source == "visitor"
        with gr.Column(visible=False, elem_id="publish") as self.panel:
            self._account = gr.HTML(elem_id="account")
            if self._is_for_visitors:
                self._sign_in = gr.LoginButton(
                    _SIGN_IN, logout_value="Sign out ({})", size="sm", elem_id="sign-in"
                )
            with gr.Column(visible=False) as self._form:
                self._build_form()

    def _build_form(self) -> None:
        with gr.Row():
            self._repo = gr.Textbox(label="Its name on the Hub: user/name", elem_id="repo")
            self._private = gr.Radio(
                [("only I", True), ("anybody", False)], value=True, label="Who may see it"
            )
        with gr.Row():
            self._credit = gr.Textbox(
                label="Whose text is it?",
                placeholder="who wrote it, where it is from",
                max_length=_LONGEST,
            )
            self._license = gr.Dropdown(_LICENSES, value="", label="Licence of the model")
        self._with_space = gr.Checkbox(label="And a Space of it")
        self._space = gr.Textbox(label="Its name: user/name", elem_id="space", visible=False)
        self._words = gr.HTML(elem_id="to-publish")
        self._publish_it = gr.Button("Publish it", variant="primary")
        self._failure = gr.HTML(elem_id="publish-failure")

    def wire(self, button: gr.Button, arrived: Dependency, tabs: gr.Tabs) -> Dependency:
        """What happens when; returns the event that publishes.

        Args:
            button: opens the panel.
            arrived: the event after which the run is known on a page that was just opened.
            tabs: of the page; the panel is in the one with the id "train".
        """
        who: set[Block] = {self._secret, self._run}
        form: set[Block] = {*who, self._repo, self._private, self._with_space, self._space}
        opened = [
            self.panel, self._account, self._form, self._repo, self._private, self._with_space,
            self._space, self._words, self._failure,
        ]  # fmt: skip
        if self._is_for_visitors:
            opened.append(self._sign_in)
            self._sign_in.click(None, None, self._is_away, js="() => true", **QUIET)
            self._tabs, back = tabs, [self._is_away, tabs, *opened]
            arrived.then(self._come_back, {*who, self._is_away}, back, **QUIET)
        button.click(self._open, who, opened, **QUIET)
        for change in (
            self._repo.blur, self._space.blur, self._private.input, self._with_space.input,
        ):  # fmt: skip
            change(self._describe, form, [self._space, self._words], **QUIET)
        told: set[Block] = {*form, self._credit, self._license}
        seen = {**QUIET, "show_progress": "full"}
        return self._publish_it.click(self._publish, told, self._failure, **seen)

    def _come_back(self, asked: Updates, request: gr.Request, token: Token, me: Profile) -> Updates:
        """The page was loaded, which shows the chat: after a sign-in, go on where it was left."""
        updates: Updates = {self._is_away: False}
        if asked[self._is_away]:
            updates[self._tabs] = gr.Tabs(selected="train")
            updates |= self._open(asked, request, token, me)
        return updates

    def _open(self, asked: Updates, request: gr.Request, token: Token, me: Profile) -> Updates:
        opened: Updates = {self.panel: gr.Column(visible=True), self._failure: ""}
        try:
            run, account = self._run_of(asked), self._account_of(request, token, me)
        except JobError as error:
            if self._is_for_visitors:  # it may say otherwise, where a sign-in has expired
                opened[self._sign_in] = gr.LoginButton(_SIGN_IN)
            hidden = gr.Column(visible=False)
            return {**opened, self._form: hidden, self._account: describe_problem(str(error))}
        there = find_published(run)
        if there is not None and not there.model.repo_id.startswith(f"{account.name}/"):
            there = None
        space_id = there.space.space_id if there and there.space else ""
        form = {
            self._repo: there.model.repo_id if there else suggested_name(run.title, account.name),
            self._private: there is None or there.model.is_private,
            self._with_space: bool(space_id),
            self._space: space_id,
        }
        words = (
            f"<p>What you publish goes into the account <b>{html.escape(account.name)}</b> on "
            f"Hugging Face. {_RIGHTS[self._accounts.source]}</p>"
        )
        said = {self._account: words, **self._describe({**asked, **form})}
        return {**opened, self._form: gr.Column(visible=True), **form, **said}

    def _describe(self, asked: Updates) -> Updates:
        """Say what would be created.

        A name that won't do is refused later: the button must not move from under a finger that
        comes from the name's box.
        """
        repo_id, space_id = _text(asked[self._repo]), _text(asked[self._space])
        if with_space := asked[self._with_space]:
            space_id = space_id or f"{repo_id}-chat"
        try:
            public = public_lines(self._run_of(asked), repo_id)
            seen = () if asked[self._private] else public
            words = describe_publishing(repo_id, space_id if with_space else None, seen)
        except JobError as error:
            words = describe_problem(str(error))
        return {self._space: gr.Textbox(space_id, visible=with_space), self._words: words}

    def _publish(
        self,
        asked: Updates,
        request: gr.Request,
        token: Token,
        me: Profile,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio is asked for one
    ) -> str:
        """Publish, and say why it failed, or "".

        No generator, which would end with the page: a plain function runs to its end.
        """
        space_id = _text(asked[self._space]) if asked[self._with_space] else None
        # Never more than two lines of the model and of the Space, after this first one.
        steps, most = itertools.count(), 3 if space_id is None else 5
        progress(next(steps), "Asking the Hub")
        credit = " ".join(_text(asked[self._credit]).split())
        told = {"credit": credit, "license": asked[self._license]}
        try:
            publish_run(
                self._run_of(asked),
                self._account_of(request, token, me),
                _text(asked[self._repo]),
                space_id=space_id,
                private=asked[self._private],
                told={key: value for key, value in told.items() if value},
                report=lambda line: progress(next(steps) / most, line),
            )
        except JobError as error:
            return describe_problem(f"Publishing failed: {error}")
        return ""

    def _run_of(self, asked: Updates) -> StoredRun:
        """The run that a visitor looks at. Raises JobError if it is gone."""
        return self._service.found(asked[self._secret], asked[self._run])

    def _account_of(self, request: gr.Request, token: Token, me: Profile) -> Account:
        """Whose account an event acts for. Raises JobError where it is nobody's."""
        visitor = None
        if token is not None and me is not None and token.expires_at > time.time():
            visitor = Account(me.username, token.token)
        return self._accounts.find(visitor, is_here=comes_from_here(request))


def _text(typed: str | None) -> str:
    """What stands in a box; Gradio sends None for one that nobody has touched."""
    return (typed or "").strip()[:_LONGEST]


def comes_from_here(request: gr.Request) -> bool:
    """Whether a browser on this machine asks, by an address of this machine.

    Both, as others may come through a tunnel that ends here, or call this address by their name.
    """
    asked_for = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return is_this_machine(asked_for) and is_this_machine(request.client.host)
