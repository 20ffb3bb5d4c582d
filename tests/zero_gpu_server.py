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
_REFUSED = {"X-Approve-Result": "quota-exceeded", "X-Authenticated": "regular"}


class ZeroGPUServer(ThreadingHTTPServer):
    """The scheduler; use as a context manager."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reports = 0  # apps that have started
        self.asked: list[int] = []  # seconds of each request for a GPU
        self.given: list[float] = []  # when each was given
        self.workers: list[int] = []  # process of each worker that has begun
        self.released: list[bool] = []  # whether each call that has ended had failed
        # "hold" keeps a caller waiting until the mood changes; "refuse": its quota is spent
        self.mood: Literal["give", "hold", "refuse", "fail"] = "give"

    @property
    def environment(self) -> dict[str, str]:
        """What makes an app believe that it is on ZeroGPU."""
        url = f"http://127.0.0.1:{self.server_address[1]}"
        return {"SPACES_ZERO_GPU": "1", "SPACES_ZERO_DEVICE_API_URL": url}

    def __enter__(self) -> ZeroGPUServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.mood = "fail"
        self.shutdown()
        self.server_close()
        for pid in self.workers:  # a worker waits for more work even when its app has gone
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away while it waits is no error of ours."""

    def take(self) -> dict[str, object]:
        """A GPU of its own for each call."""
        self.given.append(time.time())
        gpu = {"nvidiaIndex": len(self.given), "nvidiaUUID": f"GPU-{len(self.given)}"}
        return {"idle": True, "allowToken": f"token-{len(self.given)}", **gpu}


def visitor_token() -> str:
    """The header that the platform's proxy adds for each visitor: with it, quotas have numbers."""
    payload = base64.urlsafe_b64encode(b'{"ip": "192.0.2.1"}').decode().rstrip("=")
    return f"e30.{payload}.e30"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ZeroGPUServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(200, 0)  # the length of its queue

    def do_POST(self) -> None:
        gpus, address = self.server, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/schedule":
            gpus.asked.append(int(query["durationSeconds"]))
            if gpus.mood == "give":
                self._answer(200, gpus.take())
            elif gpus.mood == "refuse":
                self._answer(429, {"left": 10, "wait": 3_600}, _REFUSED)
            else:
                self._keep_waiting()
            return
        if address.path == "/startup-report":
            gpus.reports += 1
        elif address.path == "/allow":
            gpus.workers.append(int(query["pid"]))
        elif address.path == "/release":
            gpus.released.append(query["fail"] == "true")
        self._answer(200)

    def _keep_waiting(self) -> None:
        """Server-sent events, one a chunk, as the client reads them."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while self.server.mood == "hold":
            self._send_event("event: ping")
            time.sleep(_PING_S)
        if self.server.mood == "give":
            self._send_event(f"event: succeeded\ndata: {json.dumps(self.server.take())}")
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
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)
