"""The app's and the Space's entry: pick a model, build the page, serve it.

`python app.py --help` lists what it can be told. Knows nothing about torch.
"""

from __future__ import annotations

import argparse
import html
import math
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

# Before numpy is imported: a step of the decoder is a small product of a matrix and a vector, and
# many visitors share the cores, so BLAS's own threads would only wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Before gradio is imported: it would report its use.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# It would also count its events, and summarise ten thousand of them at each new one.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
# Where matplotlib is installed, gradio asks for its backend at the first event; searching for a
# screen took the first visitor 0.8 s.
os.environ.setdefault("MPLBACKEND", "agg")

import jobs.zero_gpu  # noqa: F401  # before gradio, which ZeroGPU's own package patches

# isort: split
import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from jobs.accounts import Accounts
from jobs.limits import Limits, LimitsError
from jobs.models import ChosenModel, Models, page_model
from jobs.service import TrainingService
from model.folder import BUNDLED_MODEL, ModelFolderError
from model.generator import Generator
from model.hub import HubError
from ui.about import heading
from ui.api import add_chat_endpoint
from ui.chat.conversations import ConversationsPanel
from ui.chat.session import first_conversation
from ui.chat.tab import ChatTab
from ui.guard import EXCEPTION_HANDLERS, Guard, Page
from ui.train import TrainTab, browser_state

_MOST_WAITING = 200  # events of all visitors; each holds what was sent
UI = Path(__file__).parent / "ui"


@dataclass(frozen=True)
class LoadedModel:
    """The model to serve, if one could be loaded, and what went wrong, if anything."""

    model: ChosenModel | None = None
    problem: str = ""


def choose_model(model: str | None, revision: str | None = None) -> LoadedModel:
    """The wanted model, or the bundled one and the reason; raises for nothing a model can lack."""
    problem = ""
    if model:
        try:
            return LoadedModel(page_model(Generator.from_pretrained(model, revision), model))
        except (HubError, ModelFolderError) as error:
            problem = f"The model {model} can't be used: {error}. "
    try:
        bundled = page_model(Generator.from_pretrained(BUNDLED_MODEL))
    except ModelFolderError as error:
        return LoadedModel(problem=f"{problem}The bundled model can't be used: {error}.")
    problem = problem and f"{problem}This page uses the bundled model instead."
    return LoadedModel(bundled, problem)


def build_page(loaded: LoadedModel, limits: Limits) -> gr.Blocks:
    """The whole page: a chat with the loaded model, and training as far as the limits allow."""
    page = Page(title="CharLSTM", delete_cache=(3_600, 3_600), is_shared=limits.is_shared)
    with page:
        title = gr.HTML(heading(loaded.model.config if loaded.model else None), elem_id="heading")
        if loaded.problem:
            gr.HTML(html.escape(loaded.problem, quote=False), elem_id="problem")
        secret, is_away = browser_state("visitor"), browser_state("signing-in")
        service = None
        if limits.where != "off":
            service = TrainingService(limits, Path(get_upload_folder()))
        if loaded.model:
            conversations = ConversationsPanel(first_conversation(loaded.model.config))
        with gr.Tabs() as tabs:
            chat = None
            if loaded.model:
                with gr.Tab("Chat", id="chat") as tab:
                    models = Models(loaded.model, limits.is_shared, service)
                    chat = ChatTab(models, conversations, page, tab, title, secret)
            with gr.Tab("Train", id="train"):
                if service:
                    accounts = Accounts.from_environment(os.environ, limits)
                    TrainTab(page, service, accounts, secret, is_away, chat, tabs)
                else:
                    reason = html.escape(limits.reason, quote=False)
                    gr.HTML(f"<p>{reason}</p>", elem_id="no-training")
        if loaded.model:
            add_chat_endpoint(loaded.model.find())
    # Without a limit of its own an event is answered for one visitor at a time.
    page.queue(default_concurrency_limit=16, max_size=_MOST_WAITING, api_open=False)
    return page


def serve(page: gr.Blocks, limits: Limits, host: str | None, port: int | None) -> None:
    """Serve until interrupted; without host or port Gradio's own, or the environment's.

    Raises:
        SystemExit: if the port is in use.
    """
    theme = gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        font=["system-ui", "'Segoe UI'", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(  # Gradio's own are too pale to be read by everybody
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
    )
    largest = math.ceil(limits.megabytes)
    guard = Middleware(Guard, upload_bytes=largest * 2**20, is_shared=limits.is_shared)
    try:
        page.launch(
            server_name=host,
            server_port=port,
            theme=theme,
            css_paths=UI / "page.css",
            head="".join(
                f"<script>{(UI / name).read_text(encoding='utf-8')}</script>"
                for name in ("page.js", "chat/conversations.js")
            ),
            footer_links=["api"],
            # Gradio's own history of events: conversations.js keeps what is written, and no more.
            run_history=False,
            enable_monitoring=False,
            # Events at a time: an answer is one as long as it is written, and a Stop another.
            max_threads=_MOST_WAITING,
            max_file_size=f"{largest}mb",
            app_kwargs={"exception_handlers": EXCEPTION_HANDLERS, "middleware": [guard]},
            # A session takes up to a megabyte, as long as it is kept; the oldest go.
            state_session_capacity=500,
        )
    except OSError as error:
        if "Cannot find empty port" not in str(error):
            raise
        other = f" (or {host} is not an address of this machine)" if host else ""
        raise SystemExit(
            f"error: port {port or '7860 and the next 99'} is in use{other}: stop the program that "
            "uses it, or choose another one with --port"
        ) from None


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Chat with a CharLSTM model in the browser.")
    model = "a model folder, a run's folder or a Hub id (default: MODEL_ID, or the bundled one)"
    revision = "branch, tag or commit of a Hub model (default: MODEL_REVISION)"
    parser.add_argument("--model", default=os.environ.get("MODEL_ID"), help=model)
    parser.add_argument("--revision", default=os.environ.get("MODEL_REVISION"), help=revision)
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    options = parser.parse_args()
    if options.port is not None and not 0 < options.port < 65_536:
        parser.error(f"--port must be from 1 to 65535, not {options.port}")
    try:
        limits = Limits.from_environment(os.environ, options.host)
    except LimitsError as error:
        raise SystemExit(f"error: {error}") from None
    loaded = choose_model(options.model, options.revision)
    if loaded.problem:
        print(loaded.problem, file=sys.stderr)
    # As Ctrl-C does: exit handlers run, so a run in training is asked to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    serve(build_page(loaded, limits), limits, options.host, options.port)


if __name__ == "__main__":
    main()
