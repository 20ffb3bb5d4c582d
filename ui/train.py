"""The Train tab: a text is dropped, described, learnt, and becomes a model to chat with.

A page only ever shows what lies in a run's folder, so a reload or a closed tab changes nothing.
Which run is a visitor's is known by a secret that their browser keeps. How and where training is
done is up to `jobs.service`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from jobs import JobError
from jobs.accounts import Accounts
from jobs.models import run_key
from jobs.publishing import find_published
from jobs.service import TrainingService
from jobs.store import StoredRun
from jobs.text import python_reference
from jobs.zero_gpu import QUOTA, RUN_MINUTES, price
from training.run import RunStatus
from ui import QUIET, Updates, note
from ui.chat.session import Session
from ui.chat.tab import ChatTab
from ui.guard import address_of
from ui.publish import PublishPanel
from ui.run_view import (
    describe_price,
    describe_published,
    describe_result,
    describe_run,
    describe_sample,
    describe_text,
)

_MINUTES = (1.0, 4.0, 10.0, 30.0, 120.0)
_POLL_S = 1.0


def browser_state(name: str) -> gr.BrowserState:
    """What a visitor's browser keeps under a name; make it outside of all tabs.

    Inside one it would be read only once that tab is opened, after the page's load event.
    """
    # The key is no secret: it only has to stay the same, or nobody's runs would be found again.
    return gr.BrowserState(None, storage_key=f"charlstm-{name}", secret=f"charlstm-{name}")


class TrainTab:
    """The tab's components and what happens between them; made inside a `gr.Blocks`.

    Args:
        page: that it is made in.
        service: keeps and trains runs.
        accounts: whose account models are published in.
        secret: from `browser_state`: the visitor's.
        is_away: from `browser_state`: whether the visitor has left for the sign-in.
        chat: where the models that come out can be talked to; None where there is none.
        tabs: of the page; that of `chat` has the id "chat".
    """

    def __init__(
        self,
        page: gr.Blocks,
        service: TrainingService,
        accounts: Accounts,
        secret: gr.BrowserState,
        is_away: gr.BrowserState,
        chat: ChatTab | None,
        tabs: gr.Tabs,
    ) -> None:
        self._service = service
        self._chat_tab, self._tabs = chat, tabs
        self._on_gpu, self._call_s = service.limits.where == "gpu", service.limits.call_seconds
        self._secret = secret
        self._run = gr.State(None)
        self._problem = gr.HTML(elem_id="train-problem", visible=False)
        # Shown when it is known whose page it is: what came before that couldn't be kept.
        with gr.Column(visible=False) as self._begin:
            self._build_begin()
        with gr.Column(visible=False) as self._choose:
            self._build_choose()
        with gr.Column(visible=False) as self._watch:
            self._build_watch(accounts, is_away)
        self._timer = gr.Timer(_POLL_S, active=False)
        self._wire(page)

    def _build_begin(self) -> None:
        limits = self._service.limits
        gr.Markdown("Train a small neural network on a text of your own.")
        with gr.Row():
            with gr.Column():
                self._file = gr.File(
                    label=f"A text file, up to {limits.megabytes:g} MB", height=166, elem_id="drop"
                )
                self._try = gr.Button("Try it with Python's language reference")
            with gr.Column():
                self._paste = gr.Textbox(label="Or paste a text", lines=5, max_lines=5)
                self._use = gr.Button("Use this text")
        self._others = gr.Dropdown(label="Your runs here", visible=False, interactive=True)

    def _build_choose(self) -> None:
        self._summary = gr.HTML(elem_id="summary")
        most = self._service.limits.minutes
        offered = [m for m in (RUN_MINUTES if self._on_gpu else _MINUTES) if m <= most] or [most]
        choices = [
            (describe_price(m * 60, self._call_s) if self._on_gpu else f"{m:g} min", m)
            for m in offered
        ]
        label = "Time on a GPU" if self._on_gpu else "How long"
        self._dial = gr.Radio(choices, value=choices[:2][-1][1], label=label)
        self._from_chat = gr.Checkbox(
            label="Start from the model in the chat",
            info="For a short text that is like the one this model has learnt. Otherwise a run "
            "starts from a bundled model of English, where that helps.",
        )
        if self._on_gpu:
            gr.HTML(
                f"<p>{QUOTA}</p><p>While you wait for a GPU, keep this page open: a reload ends "
                "the request. Once training has started, it continues without you. After each call "
                "but the last the run waits until you press Continue.</p>"
            )
        with gr.Row():
            self._start = gr.Button("Start", variant="primary")
            self._back = gr.Button("Another text")

    def _build_watch(self, accounts: Accounts, is_away: gr.BrowserState) -> None:
        self._state = gr.HTML(elem_id="run")
        with gr.Row(elem_id="actions"):
            self._stop = gr.Button("Stop", visible=False)
            self._continue = gr.Button("Continue", visible=False)
            self._chat = gr.Button("Chat with it", variant="primary", visible=False)
            self._longer = gr.Button("Train longer", visible=False)
            self._open_publish = gr.Button("Publish", visible=False)
            self._download = gr.DownloadButton("Download", visible=False)
            self._new = gr.Button("Another text")
            self._delete = gr.Button("Delete", elem_classes="delete")
        with gr.Row(visible=False, elem_id="sure") as self._sure:
            gr.HTML("<p>Delete this run, its text and its model? They can't be brought back.</p>")
            self._delete_it = gr.Button("Delete it", elem_classes="delete")
            self._keep_it = gr.Button("Keep it")
        self._publish = PublishPanel(self._service, accounts, self._secret, self._run, is_away)
        self._published = gr.HTML(elem_id="published")
        with gr.Column(visible=False) as self._curve:
            self._losses = gr.LinePlot(
                x="step",
                y="loss",
                color="part",
                title="How surprised it is: lower is better",
                x_title="step of training",
                y_title="bits per character",
                color_title=" ",
                height=260,
                elem_id="curve",
            )
        self._picked = gr.State(None)  # which sample to look at, from 1; None for the newest
        self._slider = gr.Slider(
            1, 2, step=1, label="What it wrote, from the first sample to the newest",
            visible=False, buttons=[], elem_id="samples",
        )  # fmt: skip
        self._sample = gr.HTML(elem_id="sample")
        self._result = gr.HTML(elem_id="result")

    @property
    def _shown(self) -> list[Any]:
        return [
            self._run, self._problem, self._begin, self._choose, self._watch, self._others,
            self._summary, self._from_chat, self._sure, self._publish.panel, self._picked,
            *self._polled,
        ]  # fmt: skip

    @property
    def _polled(self) -> list[Any]:
        return [
            self._state, self._curve, self._losses, self._slider, self._sample, self._result,
            self._stop, self._continue, self._chat, self._longer, self._open_publish,
            self._published, self._download, self._timer,
        ]  # fmt: skip

    def _wire(self, page: gr.Blocks) -> None:
        who = [self._secret, self._run]
        seen = [*who, self._picked]
        opened = [self._secret, self._tabs, *self._shown]
        arrived = page.load(self._arrive, self._secret, opened, **QUIET)
        published = self._publish.wire(self._open_publish, arrived, self._tabs)
        published.then(self._poll, seen, self._polled, **QUIET)
        given = [self._file, self._paste]
        for brought in (self._file.upload, self._use.click):
            brought(self._take, [self._secret, *given], [*given, *self._shown], **QUIET)
        self._try.click(self._take_reference, self._secret, [*given, *self._shown], **QUIET)
        self._others.input(self._look, [self._secret, self._others], self._shown, **QUIET)
        service = self._service
        stop, delete, call = (
            partial(self._after, act) for act in (service.stop, service.delete, service.call_gpu)
        )
        asked = [*who, self._dial]
        if self._chat_tab is not None:
            asked += [self._from_chat, self._chat_tab.session]
        for event in (
            self._start.click(self._ask, asked, self._shown, **QUIET),
            self._continue.click(self._ask, who, self._shown, **QUIET),
            self._longer.click(self._train_longer, who, self._shown, **QUIET),
        ):
            if self._on_gpu:  # whose quota it is, is read off an event that lasts as long
                event.then(call, who, self._shown, concurrency_limit=None, **QUIET)
        self._timer.tick(self._poll, seen, self._polled, **QUIET)
        self._slider.input(
            self._pick, [*who, self._slider], [self._picked, self._sample],
            trigger_mode="always_last", **QUIET,
        )  # fmt: skip
        self._stop.click(stop, who, self._shown, **QUIET)
        self._delete.click(lambda: gr.Row(visible=True), None, self._sure, **QUIET)
        self._keep_it.click(lambda: gr.Row(visible=False), None, self._sure, **QUIET)
        self._delete_it.click(delete, who, self._shown, **QUIET)
        if self._chat_tab is not None:
            talked = [self._problem, self._tabs, *self._chat_tab.changed_by_model]
            self._chat.click(self._talk, [*who, self._chat_tab.session], talked, **QUIET)
        for button in (self._back, self._new):
            button.click(self._begin_anew, who, self._shown, **QUIET)

    def _arrive(self, secret: str | None) -> Updates:
        """A page was opened: who is it, and is there a run to show?"""
        secret = secret if secret is not None else self._service.new_secret()
        runs = self._service.runs(secret)
        run = next((run for run in runs if run.is_active), next(iter(runs), None))
        shown = {self._secret: secret, **self._show(secret, run)}
        if run is not None and run.is_active:
            shown[self._tabs] = gr.Tabs(selected="train")
        return shown

    def _take(
        self,
        secret: str | None,
        path: str | None,
        text: str | None,
        request: gr.Request,
        name: str = "pasted text",
    ) -> Updates:
        """Take in the file that was dropped, or else a text of this name."""
        if not (path or (text or "").strip()):
            return {self._problem: note("Paste a text first.")}
        try:
            source = Path(path) if path else text or ""
            run = self._service.take(secret, Path(path or name).name, source, address_of(request))
        except JobError as error:
            return {self._file: None, self._problem: note(str(error))}
        return {self._file: None, self._paste: "", **self._show(secret, run)}

    def _take_reference(self, secret: str | None, request: gr.Request) -> Updates:
        name = "Python's language reference.txt"
        return self._take(secret, None, python_reference(), request, name)

    def _look(self, secret: str | None, run_id: str | None) -> Updates:
        return self._show(secret, self._service.find(secret, run_id))

    def _begin_anew(self, secret: str | None, run_id: str | None) -> Updates:
        run = self._service.find(secret, run_id)
        if run is not None and run.is_new:
            return self._after(self._service.delete, secret, run_id)
        return self._show(secret, None)

    def _ask(
        self,
        secret: str | None,
        run_id: str | None,
        request: gr.Request,
        minutes: float | None = None,
        from_chat: bool = False,
        session: Session | None = None,
    ) -> Updates:
        """Let a run begin or continue as soon as it is its turn."""

        def start(secret: str | None, run_id: str | None) -> None:
            model = None
            if session and from_chat:
                model = session.chosen.find()
            self._service.start(secret, run_id, minutes, address_of(request), model)

        return self._after(start, secret, run_id)

    def _train_longer(self, secret: str | None, run_id: str | None, request: gr.Request) -> Updates:
        """Train another run on the same text with more minutes; this one stays."""
        try:
            another = self._service.train_longer(secret, run_id, address_of(request))
        except JobError as error:
            return {self._problem: note(str(error))}
        return self._look(secret, another)

    def _after(
        self, act: Callable[..., bool | None], secret: str | None, run_id: str | None, *more: Any
    ) -> Updates:
        """What is shown when something was done, and why it couldn't be."""
        try:
            if act(secret, run_id, *more) is False:  # the page may show something else by now
                return {self._problem: gr.skip()}
        except JobError as error:
            return {**self._look(secret, run_id), self._problem: note(str(error))}
        return self._look(secret, run_id)

    def _poll(self, secret: str | None, run_id: str | None, picked: int | None) -> Updates:
        run = self._service.find(secret, run_id)
        return {self._timer: gr.Timer(active=False)} if run is None else self._progress(run, picked)

    def _pick(self, secret: str | None, run_id: str | None, number: int) -> Updates:
        """Look at a sample from now on, or, with the last one, always at the newest."""
        run = self._service.find(secret, run_id)
        if run is None:
            return {self._picked: None}
        picked = number if number < len(run.status.samples) else None
        return {self._picked: picked, self._sample: describe_sample(run.status, picked)}

    async def _talk(self, secret: str | None, run_id: str | None, session: Session) -> Updates:
        """Go to the chat, with the model of this run."""
        assert self._chat_tab is not None
        try:
            changed = await self._chat_tab.use(session, secret, run_key(run_id))
        except JobError as error:
            return {self._problem: note(str(error))}
        return {self._tabs: gr.Tabs(selected="chat"), **changed}

    def _show(self, secret: str | None, run: StoredRun | None) -> Updates:
        """The whole tab, for a run or for none."""
        is_new = run is not None and run.is_new
        others = [(other.title, other.id) for other in self._service.runs(secret)]
        summary = None if run is None else run.summary
        return {
            self._run: None if run is None else run.id,
            self._problem: note(""),
            self._begin: gr.Column(visible=run is None),
            self._choose: gr.Column(visible=is_new),
            self._watch: gr.Column(visible=run is not None and not is_new),
            self._others: gr.Dropdown(others, value=None, visible=bool(others)),
            self._summary: "" if summary is None else describe_text(summary),
            self._from_chat: gr.Checkbox(
                False, visible=bool(self._chat_tab and summary and summary.is_short)
            ),
            self._picked: None,
            self._sure: gr.Row(visible=False),
            self._publish.panel: gr.Column(visible=False),
            **({self._timer: gr.Timer(active=False)} if run is None else self._progress(run)),
        }

    def _progress(self, run: StoredRun, picked: int | None = None) -> Updates:
        status, is_active = run.status, run.is_active
        longer, newest = self._service.longer(run), len(status.samples)
        has_model = status.has_model and not is_active
        archive = self._service.archive(run) if has_model else None
        costs = f" (costs {price(run.next_call_s)} s of your quota)" if self._on_gpu else ""
        visible = {
            self._curve: bool(status.train_losses),
            self._stop: is_active,
            self._continue: status.can_continue and not is_active,
            self._chat: has_model and self._chat_tab is not None,
            self._longer: longer is not None and not is_active,
            self._open_publish: has_model,
            self._slider: newest > 1,
            self._download: archive is not None,
        }
        updates = {part: gr.update(visible=is_so) for part, is_so in visible.items()}
        updates[self._continue]["value"] = f"Continue{costs}"
        updates[self._slider] |= {"maximum": max(2, newest), "value": picked or newest}
        if longer is not None:
            takes = describe_price(longer * 60, self._call_s) if self._on_gpu else f"{longer:g} min"
            updates[self._longer]["value"] = f"Train longer: {takes}"
        updates[self._download]["value"] = archive and str(archive)
        return {
            **updates,
            self._state: describe_run(run),
            self._losses: _points(status),
            self._sample: describe_sample(status, picked),
            self._result: describe_result(status.training),
            self._published: describe_published(find_published(run)),
            self._timer: gr.Timer(active=is_active),
        }


def _points(status: RunStatus) -> pd.DataFrame:
    # Both parts from the beginning: a plot never draws one that it hasn't had at first.
    held_out: tuple[tuple[int, float | None], ...] = status.val_losses or ((0, None),)
    rows: list[tuple[int, float | None, str]]
    rows = [(step, loss, "the text it learns") for step, loss in status.train_losses]
    rows += [(step, loss, "new text") for step, loss in held_out]
    points = pd.DataFrame(rows, columns=["step", "loss", "part"])
    return points.assign(loss=points["loss"] / math.log(2))
