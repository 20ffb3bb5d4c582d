"""The part of the Train tab that publishes a run's model, and makes a Space of it.

It says what will be created, then creates it, in the account of whoever presses the button: Gradio
hands their token to the events below, which hand it on and keep nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from jobs import JobError
from jobs.accounts import Account, Accounts, is_this_machine, saved_account
from jobs.publishing import Publisher
from jobs.store import StoredRun
from model.hub import HubError
from publish.hub import CPU_BASIC, ZERO_GPU
from ui.publish_view import (
    SIGN_IN_FIRST,
    describe_account,
    describe_lines,
    describe_model,
    describe_problem,
    describe_publishing,
)

Updates = dict[Any, Any]
Token = gr.OAuthToken | None
Profile = gr.OAuthProfile | None
FindRun = Callable[[str | None, str | None], StoredRun | None]

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_POLL_S = 1.0
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
_HARDWARE = [("ZeroGPU: free accounts have it", ZERO_GPU), ("CPU: needs PRO", CPU_BASIC)]
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
        """The panel, closed."""
        with gr.Column(visible=False, elem_id="publish") as self.panel:
            self._account = gr.HTML(elem_id="account")
            if self._is_for_visitors:
                self._sign_in = gr.LoginButton(
                    _SIGN_IN, logout_value="Sign out ({})", size="sm", elem_id="sign-in"
                )
            with gr.Column(visible=False) as self._form:
                self._build_form()
            self._progress = gr.HTML(elem_id="published")
            with gr.Column(visible=False) as self._further:
                self._offer = gr.Button("Make a Space of it")
                with gr.Column(visible=False) as self._space_form:
                    self._build_space_form()
        self._timer = gr.Timer(_POLL_S, active=False)

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
        self._words = gr.HTML(elem_id="to-publish")
        self._publish = gr.Button("Publish it", variant="primary")

    def _build_space_form(self) -> None:
        with gr.Row():
            self._space = gr.Textbox(label="Its name on the Hub: user/name", elem_id="space")
            self._hardware = gr.Radio(_HARDWARE, value=ZERO_GPU, label="It runs on")
        self._space_words = gr.HTML(elem_id="to-create")
        self._create = gr.Button("Create the Space", variant="primary")

    @property
    def changed_by_run(self) -> list[Any]:
        """What `shown` gives new values to."""
        return [
            self.panel, self._form, self._space_form, self._further, self._progress, self._timer,
        ]  # fmt: skip

    def wire(self, secret: gr.BrowserState, run: gr.State, arrived: Any, tabs: gr.Tabs) -> None:
        """What happens when.

        Args:
            secret: of the visitor.
            run: that is shown.
            arrived: the event after which `run` is known on a page that was just opened.
            tabs: of the page; the panel is in the one with the id "train".
        """
        who = [secret, run]
        opened = [*self.changed_by_run, self._account, self._repo, self._seen, self._words]
        if self._is_for_visitors:
            opened.append(self._sign_in)
            self._sign_in.click(None, None, None, js="() => window.charlstm.leave()")
            arrived.then(
                None, None, self._returned, js="() => window.charlstm.hasComeBack()", **_QUIET
            )
            # After the way to the sign-in and back the page was reloaded, and shows the chat.
            self._returned.change(self._open, who, opened, **_QUIET).then(
                lambda: gr.Tabs(selected="train"), None, tabs, **_QUIET
            )
        self.button.click(self._open, who, opened, **_QUIET)
        asked = [*who, self._repo, self._seen]
        for changed in (self._repo.blur, self._repo.submit, self._seen.input):
            changed(self._describe, asked, self._words, **_QUIET)
        told = [*asked, self._credit, self._license]
        doing = [*self.changed_by_run, self._account]
        self._publish.click(self._publish_model, told, doing, **_QUIET)
        space = [*who, self._space, self._hardware]
        described = [self._space_words, self._account]
        self._offer.click(
            self._offer_space, who, [self._space_form, self._space], **_QUIET
        ).success(self._describe_space, space, described, **_QUIET)
        for changed in (self._space.blur, self._space.submit, self._hardware.input):
            changed(self._describe_space, space, described, **_QUIET)
        self._create.click(self._publish_space, space, doing, **_QUIET)
        self._timer.tick(self._poll, who, self.changed_by_run, **_QUIET)

    def shown(self, run: StoredRun | None) -> Updates:
        """The panel for another run, or none: closed, but for what is or was being published."""
        updates: Updates = {
            self._form: gr.Column(visible=False),
            self._space_form: gr.Column(visible=False),
            self._timer: gr.Timer(active=False),
        }
        updates |= {} if run is None else self._progress_of(run)
        return {**updates, self.panel: gr.Column(visible=bool(updates.get(self._progress)))}

    def _progress_of(self, run: StoredRun) -> Updates:
        """How far it is; the forms are away while something is done, and a refused name is back."""
        job, there = self._publisher.look(run)
        updates: Updates = {
            self._progress: describe_publishing(job, there),
            self._further: gr.Column(visible=there is not None and not job.doing),
            self._timer: gr.Timer(active=bool(job.doing)),
        }
        if job.doing:
            updates[self._form] = updates[self._space_form] = gr.Column(visible=False)
        elif job.problem and job.what == "model":
            updates[self._form] = gr.Column(visible=True)
        return updates

    def _poll(self, secret: str | None, run_id: str | None) -> Updates:
        run = self._find(secret, run_id)
        return self.shown(None) if run is None else self._progress_of(run)

    def _open(
        self, secret: str | None, run_id: str | None, request: gr.Request, token: Token, me: Profile
    ) -> Updates:
        run = self._find(secret, run_id)
        if run is None:
            return self.shown(None)
        account, line = self._whose(request, token, me)
        job, there = self._publisher.look(run)
        updates: Updates = {
            **self._progress_of(run),
            self.panel: gr.Column(visible=True),
            self._account: line,
            self._form: gr.Column(visible=account is not None and not job.doing),
        }
        if account is None:
            if self._is_for_visitors:  # it may say otherwise, where a sign-in has expired
                updates[self._sign_in] = gr.LoginButton(_SIGN_IN)
            return updates
        repo_id = self._publisher.suggested_name(run, account.name)
        model = None if there is None else there.model
        is_public = model is not None and model.repo_id == repo_id and not model.is_private
        seen = _PUBLIC if is_public else _PRIVATE
        words = self._describe(secret, run_id, repo_id, seen)
        return {**updates, self._repo: repo_id, self._seen: seen, self._words: words}

    def _describe(self, secret: str | None, run_id: str | None, repo: str, seen: str) -> str:
        """Say what would be created.

        A name that won't do is refused later: the button must not move from under a finger that
        comes from the name's box.
        """
        run = self._find(secret, run_id)
        if run is None:
            return ""
        try:
            public = self._publisher.what_becomes_public(run, repo.strip())
        except JobError as error:
            return describe_problem(str(error))
        return describe_model(repo.strip(), public if seen == _PUBLIC else ())

    def _publish_model(
        self, secret: str | None, run_id: str | None, repo: str, seen: str, credit: str,
        license_: str | None, request: gr.Request, token: Token, me: Profile,
    ) -> Updates:  # fmt: skip
        told = {"credit": " ".join(credit.split()), "license": license_ or ""}
        told = {key: value for key, value in told.items() if value}

        def begin(run: StoredRun, account: Account) -> None:
            self._publisher.publish_model(
                run, account, repo.strip(), private=seen != _PUBLIC, told=told
            )

        return self._begin(self._find(secret, run_id), self._whose(request, token, me), begin)

    def _offer_space(self, secret: str | None, run_id: str | None, me: Profile) -> Updates:
        run = self._find(secret, run_id)
        there = None if run is None else self._publisher.look(run)[1]
        if there is None:
            return {self._space_form: gr.Column(visible=False)}
        owner, name = there.model.repo_id.split("/")
        suggested = f"{me.username if me else owner}/{name}-chat"
        space_id = there.space.space_id if there.space else suggested
        return {self._space_form: gr.Column(visible=True), self._space: space_id}

    def _describe_space(
        self, secret: str | None, run_id: str | None, space_id: str, hardware: str,
        request: gr.Request, token: Token, me: Profile,
    ) -> Updates:  # fmt: skip
        """Say what would be created or changed, or why it can't be; the Hub is asked."""
        run = self._find(secret, run_id)
        account, line = self._whose(request, token, me)
        words = ""
        if run is not None and account is not None:
            try:
                lines = self._publisher.what_becomes_of_space(
                    run, account, space_id.strip(), hardware
                )
                words = describe_lines(lines)
            except JobError as error:
                words = describe_problem(str(error))
        return {self._account: line, self._space_words: words}

    def _publish_space(
        self, secret: str | None, run_id: str | None, space_id: str, hardware: str,
        request: gr.Request, token: Token, me: Profile,
    ) -> Updates:  # fmt: skip
        def begin(run: StoredRun, account: Account) -> None:
            self._publisher.publish_space(run, account, space_id.strip(), hardware)

        return self._begin(self._find(secret, run_id), self._whose(request, token, me), begin)

    def _begin(
        self,
        run: StoredRun | None,
        whose: tuple[Account | None, str],
        begin: Callable[[StoredRun, Account], None],
    ) -> Updates:
        account, line = whose
        if run is None:
            return self.shown(None)
        if account is None:
            return {self._account: line, self._form: gr.Column(visible=False)}
        try:
            begin(run, account)
        except JobError as error:
            return {self._account: line, self._progress: describe_problem(str(error))}
        return {self._account: line, **self._progress_of(run)}

    def _whose(self, request: gr.Request, token: Token, me: Profile) -> tuple[Account | None, str]:
        """Whose account an event acts for, and what to say of it; None for nobody's."""
        if self._is_for_visitors:
            if token is None or me is None or token.expires_at < time.time():
                return None, SIGN_IN_FIRST
            account = Account(me.username, token.token)
            return account, describe_account(account.name, is_visitor=True)
        reason = self._accounts.reason
        if self._accounts.source == "saved" and not comes_from_here(request):
            reason = "Only whoever sits at the computer that serves this page can publish from it."
        if reason:
            return None, describe_problem(reason)
        try:
            account = saved_account()
        except HubError as error:
            words = str(error)
            return None, describe_problem(f"{words[0].upper()}{words[1:]}.")
        return account, describe_account(account.name, is_visitor=False)


def comes_from_here(request: gr.Request) -> bool:
    """Whether a browser on this machine asks, by an address of this machine.

    Both, as others may come through a tunnel that ends here, or call this address by their name.
    """
    asked_for = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return is_this_machine(asked_for) and is_this_machine(request.client.host)
