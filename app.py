"""The app's and the Space's entry: pick a model, build the page, serve it.

    python app.py [--model MODEL] [--revision REVISION] [--host HOST] [--port PORT]

A MODEL is a model folder, a run's folder or a Hub id; the environment's MODEL_ID and
MODEL_REVISION say the same. Without either it is the bundled one. Knows nothing about torch.
"""

from __future__ import annotations

import argparse
import html
import math
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

# Before numpy is imported: a step of the decoder is a small product of a matrix and a vector, and
# many visitors share the cores, so BLAS's own threads would only wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Before gradio is imported: it would report its use.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Where matplotlib is installed, gradio asks it for its backend at the first event: to search for a
# screen took the first visitor 0.8 s.
os.environ.setdefault("MPLBACKEND", "agg")

from training.zero_gpu import is_zero_gpu

if is_zero_gpu():
    try:
        import spaces  # noqa: F401  # before gradio, which it patches
    except ModuleNotFoundError:
        raise SystemExit(
            "error: SPACES_ZERO_GPU is set, but ZeroGPU's own package `spaces` isn't installed "
            "here: on another machine leave that variable unset"
        ) from None

import gradio as gr
from fastapi import Request
from fastapi.responses import PlainTextResponse
from gradio.utils import get_upload_folder

from jobs.accounts import Accounts
from jobs.limits import Limits, LimitsError
from jobs.publishing import Publisher
from jobs.service import TrainingService
from model.folder import BUNDLED_MODEL, ModelFolderError
from model.generator import Generator
from model.hub import HubError
from ui.about import heading
from ui.api import add_chat_endpoint
from ui.chat import ChatTab
from ui.publish import PublishPanel
from ui.train import TrainTab, visitor_secret

UI = Path(__file__).parent / "ui"


@dataclass(frozen=True)
class Offer:
    """What the page serves, and what went wrong on the way to it, if anything.

    Without a generator the page only says what went wrong.
    """

    generator: Generator | None
    hub_id: str | None = None
    problem: str = ""


def choose_model(model: str | None, revision: str | None = None) -> Offer:
    """The wanted model, or the bundled one and why; never raises for what a model can lack."""
    if not model:
        return _bundled()
    try:
        generator = Generator.from_pretrained(model, revision)
    except (HubError, ModelFolderError) as error:
        instead = _bundled()
        problem = f"The model {model} can't be used: {error}."
        if instead.generator:
            problem += " This page runs on the bundled model until that is mended."
        return replace(instead, problem=f"{problem} {instead.problem}".strip())
    return Offer(generator, hub_id=None if Path(model).exists() else model)


def _bundled() -> Offer:
    try:
        return Offer(Generator.from_pretrained(BUNDLED_MODEL))
    except ModelFolderError as error:
        return Offer(None, problem=f"The bundled model can't be used: {error}.")


def build_page(offer: Offer, limits: Limits) -> gr.Blocks:
    """The whole page for what is offered, with training as far as the limits allow it."""
    uploads = Path(get_upload_folder())
    service = None if limits.where == "off" else TrainingService(limits, uploads)
    page = gr.Blocks(title="CharLSTM", delete_cache=(3_600, 3_600))
    with page:
        config = offer.generator.config if offer.generator else None
        title = gr.HTML(heading(config), elem_id="heading")
        if offer.problem:
            gr.HTML(html.escape(offer.problem, quote=False), elem_id="problem")
        secret = visitor_secret()
        publish = None if service is None else _publish_panel(service)
        with gr.Tabs() as tabs:
            chat = None
            if offer.generator:
                with gr.Tab("Chat", id="chat"):
                    chat = ChatTab(offer.generator, title, offer.hub_id)
            with gr.Tab("Train", id="train"):
                if service is None or publish is None:
                    gr.HTML(
                        f"<p>{html.escape(limits.reason, quote=False)}</p>", elem_id="no-training"
                    )
                else:
                    TrainTab(page, service, secret, chat, publish, tabs)
        if offer.generator:
            add_chat_endpoint(offer.generator)
    # Without a limit of its own an event is answered for one visitor at a time.
    page.queue(default_concurrency_limit=16)
    return page


def _publish_panel(service: TrainingService) -> PublishPanel:
    accounts = Accounts.from_environment(os.environ, service.limits)
    publisher = Publisher(service, is_for_visitors=accounts.source == "visitor")
    return PublishPanel(service, publisher, accounts)


def _tell_of_the_disk(request: Request, error: Exception) -> PlainTextResponse:
    """What a page shows where an upload can't be stored."""
    if not request.url.path.endswith("/upload"):
        raise error
    reason = getattr(error, "strerror", None) or "the system refuses it"
    return PlainTextResponse(f"The file couldn't be stored here: {reason}.", status_code=507)


def serve(
    page: gr.Blocks, limits: Limits, host: str | None = None, port: int | None = None
) -> None:
    """Serve until interrupted. By default Gradio's own host and port, or the environment's."""
    page.launch(
        server_name=host,
        server_port=port,
        theme=gr.themes.Base(
            primary_hue="teal",
            neutral_hue="stone",
            font=["system-ui", "'Segoe UI'", "Roboto", "sans-serif"],
            font_mono=["ui-monospace", "Consolas", "monospace"],
        ),
        css_paths=UI / "page.css",
        head=f"<script>{(UI / 'page.js').read_text(encoding='utf-8')}</script>",
        footer_links=["api"],
        # What visitors write stays in their conversation: not in the browser's database either.
        run_history=False,
        enable_monitoring=False,
        max_threads=64,
        max_file_size=f"{math.ceil(limits.megabytes)}mb",
        app_kwargs={"exception_handlers": {OSError: _tell_of_the_disk}},
        # A session takes memory as long as it is kept; beyond this many the oldest go.
        state_session_capacity=1_000,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Chat with a CharLSTM model in the browser.")
    parser.add_argument(
        "--model",
        default=os.environ.get("MODEL_ID"),
        help="a model folder, a run's folder or a Hub id (default: MODEL_ID, or the bundled one)",
    )
    parser.add_argument(
        "--revision",
        default=os.environ.get("MODEL_REVISION"),
        help="branch, tag or commit of a Hub model (default: MODEL_REVISION)",
    )
    parser.add_argument("--host", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    options = parser.parse_args()
    try:
        limits = Limits.from_environment(os.environ, options.host)
    except LimitsError as error:
        raise SystemExit(f"error: {error}") from None
    offer = choose_model(options.model, options.revision)
    if offer.problem:
        print(offer.problem, file=sys.stderr)
    # As Ctrl-C does: what is registered for the end is done, so a run in training is asked to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    serve(build_page(offer, limits), limits, options.host, options.port)


if __name__ == "__main__":
    main()
