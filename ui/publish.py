"""The part of the Train tab that publishes a run's model, and makes a Space of it.

It says what will be created, then creates it, in the account of who presses the button: Gradio
hands their token to the events below, which hand it on and keep nothing. Knows nothing about how
anything is published; that is `jobs.publishing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from jobs.accounts import Account, Accounts, is_this_machine, saved_account
from jobs.hub_words import for_page
from jobs.publishing import ModelWish, Publisher
from jobs.service import TrainingService, View
from jobs.shelf import ShelfError
from model.hub import HubError
from publish.hub_facts import CPU_BASIC, ZERO_GPU
from ui.publish_view import (
    describe_account,
    describe_lines,
    describe_model,
    describe_problem,
    describe_publication,
    describe_sign_in,
)

Updates = dict[Any, Any]

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
_HARDWARE = [("ZeroGPU: free accounts have it", ZERO_GPU), ("CPU: asks for PRO", CPU_BASIC)]
_PRIVATE, _PUBLIC = "private", "public"


class PublishPanel:
    """A button and what it opens; made outside of all tabs, built where they belong, then wired.

    Args:
        training: keeps the runs.
        publisher: publishes them.
        accounts: whose account is used.
    """

    def __init__(self, training: TrainingService, publisher: Publisher, accounts: Accounts) -> None:
        self._training = training
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
        self._tabs = tabs
        who = [secret, run]
        opened = [*self.changed_by_run, self._account, self._repo, self._seen, self._words]
        if self._is_for_visitors:
            opened.append(self._sign_in)
            self._sign_in.click(None, None, None, js="() => window.charlstm.leave()")
            arrived.then(
                None, None, self._returned, js="() => window.charlstm.hasComeBack()", **_QUIET
            )
            self._returned.change(self._come_back, who, [tabs, *opened], **_QUIET)
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
            self._offer_space, who, [self._space_form, self._space, *described], **_QUIET
        ).success(self._describe_space, space, described, **_QUIET)
        for changed in (self._space.blur, self._space.submit, self._hardware.input):
            changed(self._describe_space, space, described, **_QUIET)
        self._create.click(self._publish_space, space, doing, **_QUIET)
        self._timer.tick(self._poll, who, self.changed_by_run, **_QUIET)

    def shown(self, view: View | None) -> Updates:
        """The panel for another run, or none: closed, but for what is or was being published."""
        closed: Updates = {
            self._form: gr.Column(visible=False),
            self._space_form: gr.Column(visible=False),
        }
        if view is None:
            nothing = {self.panel: gr.Column(visible=False), self._timer: gr.Timer(active=False)}
            return {**closed, **nothing}
        progress = self._progress_of(view)
        is_open = bool(progress[self._progress])
        return {**progress, **closed, self.panel: gr.Column(visible=is_open)}

    def _progress_of(self, view: View) -> Updates:
        """How far it is; the forms are away while something is done, and a refused name is back."""
        publication = self._publisher.look(view)
        at_rest = not publication.doing
        updates: Updates = {
            self._progress: describe_publication(publication),
            self._further: gr.Column(visible=publication.there is not None and at_rest),
            self._timer: gr.Timer(active=not at_rest),
        }
        if not at_rest:
            updates[self._form] = updates[self._space_form] = gr.Column(visible=False)
        elif publication.problem and publication.about == "model":
            updates[self._form] = gr.Column(visible=True)
        return updates

    def _open(
        self,
        secret: str | None,
        run_id: str | None,
        request: gr.Request,
        token: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> Updates:
        view = self._training.view(secret, run_id)
        if view is None:
            return self.shown(None)
        account, line = self._whose(request, token, profile)
        at_rest = not self._publisher.look(view).doing
        updates: Updates = {
            **self._progress_of(view),
            self.panel: gr.Column(visible=True),
            self._account: line,
            self._form: gr.Column(visible=account is not None and at_rest),
        }
        if account is None:
            if self._is_for_visitors:  # it may say otherwise, where a sign-in has expired
                updates[self._sign_in] = gr.LoginButton(_SIGN_IN)
            return updates
        repo_id = self._publisher.suggested_name(view, account.name)
        there = self._publisher.look(view).there
        is_public = there is not None and there.model_id == repo_id and not there.is_private
        seen = _PUBLIC if is_public else _PRIVATE
        words = self._describe(secret, run_id, repo_id, seen)
        return {**updates, self._repo: repo_id, self._seen: seen, self._words: words}

    def _come_back(
        self,
        secret: str | None,
        run_id: str | None,
        request: gr.Request,
        token: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> Updates:
        """After the way to the sign-in and back: the page was loaded anew, and shows the chat."""
        opened = self._open(secret, run_id, request, token, profile)
        return {**opened, self._tabs: gr.Tabs(selected="train")}

    def _describe(self, secret: str | None, run_id: str | None, repo: str, seen: str) -> str:
        """Say what would be created, or why it can't be."""
        view = self._training.view(secret, run_id)
        if view is None:
            return ""
        try:
            public = self._publisher.what_becomes_public(view, repo.strip())
        except ShelfError as error:
            return describe_problem(str(error))
        return describe_model(repo.strip(), public if seen == _PUBLIC else "")

    def _publish_model(
        self,
        secret: str | None,
        run_id: str | None,
        repo: str,
        seen: str,
        credit: str,
        license_: str | None,
        request: gr.Request,
        token: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> Updates:
        wish = ModelWish(repo.strip(), seen != _PUBLIC, credit, license_ or "")
        return self._begin(
            secret,
            run_id,
            self._whose(request, token, profile),
            lambda view, account: self._publisher.publish_model(view, account, wish),
        )

    def _offer_space(
        self, secret: str | None, run_id: str | None, profile: gr.OAuthProfile | None
    ) -> Updates:
        view = self._training.view(secret, run_id)
        there = None if view is None else self._publisher.look(view).there
        if there is None:
            return {self._space_form: gr.Column(visible=False)}
        user = profile.username if profile is not None else there.model_id.split("/")[0]
        name = there.model_id.split("/")[1]
        return {
            self._space_form: gr.Column(visible=True),
            self._space: there.space_id or f"{user}/{name}-chat",
            self._space_words: "<p>Asking the Hub ...</p>",
        }

    def _describe_space(
        self,
        secret: str | None,
        run_id: str | None,
        space_id: str,
        hardware: str,
        request: gr.Request,
        token: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> Updates:
        """Say what would be created or changed, or why it can't be; the Hub is asked."""
        view = self._training.view(secret, run_id)
        account, line = self._whose(request, token, profile)
        if view is None or account is None:
            return {self._account: line, self._space_words: ""}
        try:
            words = self._publisher.what_becomes_of_space(view, account, space_id.strip(), hardware)
        except ShelfError as error:
            return {self._account: line, self._space_words: describe_problem(str(error))}
        return {self._account: line, self._space_words: describe_lines(words)}

    def _publish_space(
        self,
        secret: str | None,
        run_id: str | None,
        space_id: str,
        hardware: str,
        request: gr.Request,
        token: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> Updates:
        return self._begin(
            secret,
            run_id,
            self._whose(request, token, profile),
            lambda view, account: self._publisher.publish_space(
                view, account, space_id.strip(), hardware
            ),
        )

    def _begin(
        self,
        secret: str | None,
        run_id: str | None,
        whose: tuple[Account | None, str],
        begin: Callable[[View, Account], None],
    ) -> Updates:
        view = self._training.view(secret, run_id)
        if view is None:
            return self.shown(None)
        account, line = whose
        if account is None:
            return {self._account: line, self._form: gr.Column(visible=False)}
        try:
            begin(view, account)
        except ShelfError as error:
            return {self._account: line, self._progress: describe_problem(str(error))}
        return {self._account: line, **self._progress_of(view)}

    def _poll(self, secret: str | None, run_id: str | None) -> Updates:
        view = self._training.view(secret, run_id)
        return self.shown(None) if view is None else self._progress_of(view)

    def _whose(
        self,
        request: gr.Request,
        token: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> tuple[Account | None, str]:
        """Whose account an event acts for, and what to say of it; None for nobody's."""
        if self._is_for_visitors:
            if token is None or profile is None:
                return None, describe_sign_in()
            account = Account(profile.username, token.token)
            return account, describe_account(account, is_visitor=True)
        reason = self._accounts.reason
        if self._accounts.source == "saved" and not comes_from_here(request):
            reason = "Only who sits at the computer that serves this page can publish from it."
        if reason:
            return None, describe_problem(reason)
        try:
            account = saved_account()
        except HubError as error:
            words = for_page(str(error))
            return None, describe_problem(f"{words[0].upper()}{words[1:]}.")
        return account, describe_account(account, is_visitor=False)


def comes_from_here(request: gr.Request) -> bool:
    """Whether a browser on this machine asks, by an address of this machine.

    Both, as others may come through a tunnel that ends here, or call this address by their name.
    """
    asked_for = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return is_this_machine(asked_for) and is_this_machine(request.client.host)
