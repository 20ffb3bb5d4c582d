"""ZeroGPU's scheduler on 127.0.0.1 for tests, to which the platform's own `spaces` package talks.

Gives "GPUs" at once, keeps a caller waiting, or refuses; writes down what it was asked. What a
worker then computes on is the processor of this machine.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

_PING_S = 0.2


class ZeroGPUServer:
    """The scheduler; use as a context manager.

    `reports` counts the apps that have started, `asked` holds the seconds of each request for a
    GPU, `given` when each was given, `workers` the process of each worker that has begun,
    `released` whether each call that has ended had failed. `refusal` is what is answered instead.
    """

    def __init__(self) -> None:
        self.reports = 0
        self.asked: list[int] = []
        self.given: list[float] = []
        self.workers: list[int] = []
        self.released: list[bool] = []
        self.mood: Literal["give", "hold", "fail"] = "give"
        self.refusal: tuple[dict[str, object], dict[str, str]] | None = None
        self._server = _Server(self)

    @property
    def environment(self) -> dict[str, str]:
        """What makes an app believe that it is on ZeroGPU."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {"SPACES_ZERO_GPU": "1", "SPACES_ZERO_DEVICE_API_URL": url}

    def __enter__(self) -> ZeroGPUServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.mood = "fail"
        self._server.shutdown()
        self._server.server_close()
        for pid in self.workers:  # a worker waits for more work even when its app has gone
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def refuse(self, result: str, *, left: int, wait: int) -> None:
        """Refuse visitors with a free account from now on, until `refusal` is None again.

        Args:
            result: the platform's word for it.
            left: seconds of the visitor's quota.
            wait: seconds until there are more; below 0: so much is never given at once.
        """
        headers = {"X-Approve-Result": result, "X-Authenticated": "regular"}
        self.refusal = ({"left": left, "wait": wait}, headers)

    def take(self) -> dict[str, object]:
        """A GPU of its own for each call."""
        self.given.append(time.time())
        index = len(self.given)
        token = f"token-{index}"
        return {
            "idle": True,
            "nvidiaIndex": index,
            "nvidiaUUID": f"GPU-{index}",
            "allowToken": token,
        }


def visitor_token() -> str:
    """The header that the platform's proxy adds for each visitor: with it, quotas have numbers."""
    payload = base64.urlsafe_b64encode(b'{"ip": "192.0.2.1"}').decode().rstrip("=")
    return f"e30.{payload}.e30"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, scheduler: ZeroGPUServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheduler = scheduler

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away while it waits is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(200, 0)  # the length of its queue

    def do_POST(self) -> None:
        scheduler, address = self.server.scheduler, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/schedule":
            scheduler.asked.append(int(query["durationSeconds"]))
            self._schedule(scheduler)
            return
        if address.path == "/startup-report":
            scheduler.reports += 1
        elif address.path == "/allow":
            scheduler.workers.append(int(query["pid"]))
        elif address.path == "/release":
            scheduler.released.append(query["fail"] == "true")
        self._answer(200)

    def _schedule(self, scheduler: ZeroGPUServer) -> None:
        if scheduler.refusal is not None:
            content, headers = scheduler.refusal
            self._answer(429, content, headers)
        elif scheduler.mood == "give":
            self._answer(200, scheduler.take())
        else:
            self._keep_waiting(scheduler)

    def _keep_waiting(self, scheduler: ZeroGPUServer) -> None:
        """Server-sent events, one a chunk, as the client reads them."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while scheduler.mood == "hold":
            self._send_event("event: ping")
            time.sleep(_PING_S)
        if scheduler.mood == "give":
            self._send_event(f"event: succeeded\ndata: {json.dumps(scheduler.take())}")
        else:
            self._send_event("event: failed")
        self.wfile.write(b"0\r\n\r\n")

    def _send_event(self, event: str) -> None:
        data = f"{event}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _answer(self, status: int, content: object = None, headers: Mapping[str, str] = {}) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
