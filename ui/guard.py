"""What the page takes from strangers: which requests, how large, and what is kept of them.

Knows nothing about what is asked for.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from gradio.state_holder import SessionState
from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BYTES = 1_000_000
"""Of a request's body, but for uploads."""

_FORM_BYTES = 10_000  # of an upload's body around its file

# For links that open a page as it was, which this page hasn't, Gradio would keep the last value of
# each component for each session: whatever was sent, for an hour.
SessionState._update_value_in_config = lambda *_: None  # type: ignore[method-assign]


class Guard:
    """ASGI middleware that refuses requests before they are read.

    Args:
        app: what answers the others.
        upload_bytes: largest file that may be uploaded.
        is_shared: others than the owner are to reach the page. Where they aren't, only whoever asks
            by an address of this machine is answered: a web page that the owner visits could have
            its own name lead here (DNS rebinding), and its form could send files here.
    """

    def __init__(self, app: ASGIApp, upload_bytes: float, is_shared: bool) -> None:
        self._is_shared = is_shared
        self._uploads = RequestBodyLimitMiddleware(
            app, max_body_size=int(upload_bytes) + _FORM_BYTES
        )
        self._others = RequestBodyLimitMiddleware(app, max_body_size=MOST_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)
        if not (self._is_shared or _comes_from_here(scope["method"], headers)):
            said = "This page answers to localhost only: start it with --host to share it."
            await PlainTextResponse(said, 403)(scope, receive, send)
            return
        limited = self._uploads if path.endswith("/upload") else self._others
        if limited is self._others and int(headers.get("content-length", "0")) > MOST_BYTES:
            said = "This is more than a megabyte: save it as a file, and drop that here."
            await JSONResponse({"detail": said}, 413)(scope, receive, send)
            return
        try:
            await limited(scope, receive, send)
        except RuntimeError:
            # Gradio has told a client who listens to a session that is gone; then it raises.
            if not path.endswith("/queue/data"):
                raise


def is_this_machine(host: str | None) -> bool:
    """Whether a host's name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _comes_from_here(method: str, headers: Headers) -> bool:
    asked = [f"//{headers.get('host', '')}"]
    if method != "GET" and "origin" in headers:
        asked.append(headers["origin"])
    try:
        return all(is_this_machine(urlsplit(url).hostname) for url in asked)
    except ValueError:
        return False


class Page(gr.Blocks):
    """A page that answers what it can't read with a sentence, instead of a traceback in the log."""

    def queue(self, *args: Any, **named: Any) -> Page:
        """Take events in, but those that no page of ours sends."""
        super().queue(*args, **named)
        push = self._queue.push

        async def checked(body: Any, *args: Any, **named: Any) -> Any:
            try:
                if body.session_hash != "":  # None is a program's
                    return await push(body, *args, **named)
            except KeyError:
                pass
            return False, "There is no such event: reload the page.", "error"

        self._queue.push = checked  # type: ignore[method-assign]
        return self

    async def process_api(self, block_fn: Any, *args: Any, **named: Any) -> Any:
        """What an event does. Raises gr.Error for one that is the browser's alone."""
        if not block_fn.fn:
            raise gr.Error("There is no such event: reload the page.", print_exception=False)
        return await super().process_api(block_fn, *args, **named)

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *args: Any, **named: Any
    ) -> Any:
        """What an event's function gets. Raises gr.Error for values that no component can have."""
        try:
            orjson.dumps(inputs)  # as Gradio answers: no halves of characters, no huge numbers
            return await super().preprocess_data(block_fn, inputs, *args, **named)
        except Exception as error:
            said = "This page can't read what your browser sent: reload it and try again."
            raise gr.Error(said, print_exception=False) from error


async def _refuse(_: Request, __: Exception) -> PlainTextResponse:
    """The answer to a request that isn't understood; it repeats nothing of it."""
    return PlainTextResponse("This request isn't understood.", 422)


async def _tell_of_the_disk(request: Request, error: Exception) -> PlainTextResponse:
    """The answer to an upload that can't be stored."""
    if not request.url.path.endswith("/upload"):
        raise error
    reason = getattr(error, "strerror", None) or "the system refuses it"
    return PlainTextResponse(f"The file couldn't be stored here: {reason}.", status_code=507)


EXCEPTION_HANDLERS: dict[Any, Any] = {
    RequestValidationError: _refuse,
    OSError: _tell_of_the_disk,
}
"""For the app that serves the page."""
