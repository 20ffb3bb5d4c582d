"""A Hub on 127.0.0.1 for tests, to which the real huggingface_hub client talks over HTTP.

Serves `tests/hub_api.py` and `tests/hub_spaces.py`, can go down and come back, counts requests and
breaks those that it is told to break. To try things by hand: `python -m tests.hub_server`.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from tests.hub_api import ROUTES, Account, HubState, Refusal, Reply, Request
from tests.hub_spaces import SPACE_ROUTES


@dataclass
class Fault:
    """What goes wrong with the next requests that match: refused, in these words, or, as a
    "portal", answered by a page to log in to in the Hub's place.
    """

    method: str
    path: re.Pattern[str]
    kind: Literal["status", "portal"]
    times: int
    status: int
    words: str


class HubServer(HubState):
    """The Hub: start it, give it accounts and repos, watch `requests`, break it with `fault`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.port = port
        self.requests: list[str] = []
        self.tokens: set[str] = set()  # all that were ever sent
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def start(self) -> HubServer:
        """Listen, on the same port as before if it was stopped."""
        self._server = _Server(self, self.port)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Go down as a machine does: kept-alive connections end too. The repos stay."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None

    def __enter__(self) -> HubServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fault(
        self,
        path: str,
        kind: Literal["status", "portal"] = "status",
        *,
        method: str = "GET",
        times: int = 1,
        status: int = 503,
        words: str = "injected",
    ) -> None:
        """Break the next `times` requests whose path matches the pattern."""
        self._faults.append(Fault(method, re.compile(path), kind, times, status, words))

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request is to suffer, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method == method and fault.path.search(path):
                    fault.times -= 1
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.hub = hub
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours; a test sees it when an answer is missing."""

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side was quicker
                self._open.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet; in two they cost 40 ms of delayed ACK
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        hub, path = self.server.hub, urlsplit(self.path).path
        body = self._read_body()
        if path != "/api/agent-harnesses":  # the client's own telemetry
            hub.requests.append(f"{self.command} {path}")
        fault = hub.take_fault(self.command, path)
        try:
            if fault is not None and fault.kind == "status":
                raise Refusal(fault.status, message=fault.words)
            status, headers, content = self._answer(path, body)
        except Refusal as refusal:
            status, headers, content = refusal.reply()
        if fault is not None and fault.kind == "portal":
            status, headers, content = 200, {}, b"<html>Welcome to our hotel</html>"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = _handle  # noqa: N815  # http.server's names

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, path: str, body: bytes) -> Reply:
        hub = self.server.hub
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        hub.tokens.add(token)
        if token and token not in hub.accounts:
            raise Refusal(401, message="Invalid credentials in Authorization header")
        request = Request(hub, hub.accounts.get(token), body)
        method = "GET" if self.command == "HEAD" else self.command
        for route_method, pattern, answer in (*SPACE_ROUTES, *ROUTES):
            match = re.fullmatch(pattern, path)
            if match and route_method == method:
                groups = match.groupdict().items()  # "a/b" is one branch: unquoted only now
                return answer(request, **{k: v if v is None else unquote(v) for k, v in groups})
        raise Refusal(404, message=f"nothing is at {path}")


def main() -> None:
    """Serve until Ctrl-C, with a token that may write and one that may only read."""
    hub = HubServer(8765)
    hub.accounts = {"hf_write": Account("ann"), "hf_read": Account("ann", "read")}
    with hub:
        print("user ann; tokens hf_write and hf_read; Ctrl-C ends it. Elsewhere:")
        print(
            f"export HF_ENDPOINT={hub.url} HF_TOKEN=hf_write HF_HOME=hub-try HF_HUB_DISABLE_XET=1"
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
