"""What the page takes from strangers: which requests, how large, and what is kept of them.

Knows nothing about what is asked for.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import orjson
from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.limits import visitor_address

MOST_BYTES = 1_000_000
"""Of a request's body, but for uploads."""

_FORM_BYTES = 10_000  # of an upload's body around its file
_MOST_BRACKETS = 100_000  # of a body; a megabyte of them is 50 MB of lists
_MOST_EVENTS = 32  # of one address of a shared page, that run or wait: a sixth of all
_MOST_UNREAD = 200  # messages to all sessions of one address
_MOST_SESSIONS = 100  # of one address
_MOST_KNOWN = 2_000  # sessions of all addresses

_POSTS = re.compile(r"/gradio_api/(queue/join|call/(v2/)?\w+|upload|cancel|reset)/?$")
_NO_GETS = re.compile(
    r"(^|/gradio_api)/(deep_link|dev/|file=\w+://|monitoring|proxy=|stream/|token|user)"
)
_NO_SUCH_EVENT = "There is no such event: reload the page."


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
        method, path, headers = scope["method"], scope["path"], Headers(scope=scope)
        is_upload = path.rstrip("/").endswith("/gradio_api/upload")
        refused: tuple[int, str] | None = None
        if not (self._is_shared or _comes_from_here(method, headers)):
            refused = 403, "This page answers to localhost only: start it with --host to share it."
        elif not _is_used(method, path):
            refused = 404, "This page has nothing here."
        elif is_upload and "charset" in headers.get("content-type", "").lower():
            refused = 415, "An upload has no charset."  # it would be decoded by any of Python's
        elif not is_upload and int(headers.get("content-length", "0")) > MOST_BYTES:
            refused = 413, "This is more than a megabyte: save it as a file, and drop that here."
        if refused is not None:
            await JSONResponse({"detail": refused[1]}, refused[0])(scope, receive, send)
            return
        try:
            if is_upload:
                await self._uploads(scope, receive, send)
            else:
                await self._others(scope, _shallow(receive), send)
        except RuntimeError:
            # Gradio has told a client who listens to a session that is gone; then it raises.
            if not path.endswith("/queue/data") and "/gradio_api/call/" not in path:
                raise


def is_this_machine(host: str | None) -> bool:
    """Whether a host's name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_used(method: str, path: str) -> bool:
    """Whether the page or a program has a use for a route, of all that Gradio has."""
    if method == "POST":
        return _POSTS.search(path) is not None
    return _NO_GETS.search(path) is None


def _shallow(receive: Receive) -> Receive:
    """The body of a request, which is refused where as JSON it would become too many objects."""
    brackets = 0

    async def counted() -> Message:
        nonlocal brackets
        message = await receive()
        body = message.get("body", b"")
        brackets += body.count(b"[") + body.count(b"{")
        if brackets > _MOST_BRACKETS:
            raise HTTPException(413, "This is too large.")
        return message

    return counted


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

    def __init__(self, *args: Any, is_shared: bool, **named: Any) -> None:
        super().__init__(*args, **named)
        self._is_shared = is_shared
        self._addresses: dict[str, str] = {}  # of sessions, the oldest first

    def queue(self, *args: Any, **named: Any) -> Page:
        """Take events in, but those that no page of ours sends, and no more than one may ask."""
        super().queue(*args, **named)
        push = self._queue.push

        async def checked(body: Any, request: Any, username: str | None) -> Any:
            refused = self._refusal(body.session_hash, address_of(request))
            try:
                if not refused:
                    done, event, how = await push(body=body, request=request, username=username)
                    if done and body.session_hash == event:  # a program's, that has no session
                        self._addresses[str(event)] = address_of(request)
                    return done, event, how
            except KeyError:
                refused = _NO_SUCH_EVENT
            return False, refused, "error"

        self._queue.push = checked  # type: ignore[method-assign]
        return self

    def _refusal(self, session: str | None, address: str) -> str:
        """Why somebody at an address may not ask for an event now; "" if they may.

        On a shared page one address has so many events that run or wait, and so many messages that
        it hasn't read; of its sessions the oldest are forgotten, and not those of others.
        """
        if session == "":  # None is a program's
            return _NO_SUCH_EVENT
        if not self._is_shared:
            return ""
        if session is not None:
            self._addresses.setdefault(session, address)
        unread = self._queue.pending_messages_per_session
        own = [session for session, owner in self._addresses.items() if owner == address]
        for oldest in [*self._addresses][:-_MOST_KNOWN]:  # Gradio has forgotten them long ago
            del self._addresses[oldest]
        for oldest in own[:-_MOST_SESSIONS]:
            self._addresses.pop(oldest, None)
            self.state_holder.session_data.pop(oldest, None)
            unread.pop(oldest, None)
        events = self._queue.event_ids_to_events.values()
        asked = sum(address_of(event.request) == address for event in events)
        if asked >= _MOST_EVENTS or (
            sum(unread[session].qsize() for session in own if session in unread) > _MOST_UNREAD
        ):
            return "Too much is asked for from your network at once: try again in a moment."
        return ""

    async def process_api(self, block_fn: Any, *args: Any, **named: Any) -> Any:
        """What an event does. Raises gr.Error for one that is the browser's alone."""
        if not block_fn.fn:
            raise gr.Error(_NO_SUCH_EVENT, print_exception=False)
        return await super().process_api(block_fn, *args, **named)

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *args: Any, **named: Any
    ) -> Any:
        """What an event's function gets. Raises gr.Error for values that no component can have."""
        try:
            # As Gradio answers: no halves of characters, no huge numbers. A file that is named by
            # an address would be fetched from there.
            if b'"path":"http' in orjson.dumps(inputs):
                raise ValueError("a file is uploaded")
            return await super().preprocess_data(block_fn, inputs, *args, **named)
        except Exception as error:
            said = "This page can't read what your browser sent: reload it and try again."
            raise gr.Error(said, print_exception=False) from error


def address_of(request: Any) -> str:
    """What a visitor is counted by; of FastAPI's or Gradio's request."""
    # A proxy may add a header of its own instead of adding to the client's.
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    return visitor_address(os.environ, request.client.host, forwarded)


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
