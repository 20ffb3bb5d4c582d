"""A Hub on 127.0.0.1 for tests, to which the real huggingface_hub client talks over HTTP.

Serves `tests/hub_api.py`, can go down, counts requests and breaks those that it is told to break.
"""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.hub_api import ROUTES, HubState, Refusal, Reply, Request


class HubServer(HubState, ThreadingHTTPServer):
    """The Hub: start it, give it accounts and repos, watch `requests`, break it with `fault`."""

    def __init__(self, port: int) -> None:
        HubState.__init__(self, f"http://127.0.0.1:{port}")
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), _Handler)
        self.requests: list[str] = []
        self.tokens: set[str] = set()  # all that were ever sent
        self.faults: list[tuple[str, str, Reply]] = []
        self.answers = threading.Event()  # while this is cleared, whoever asks has to wait
        self.answers.set()

    def stop(self) -> None:
        """Go down; the repos stay."""
        self.shutdown()
        self.server_close()

    def __enter__(self) -> HubServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no error of ours; a test sees it when an answer is missing."""

    def fault(
        self,
        path: str,
        *,
        method: str = "GET",
        times: int = 1,
        status: int = 503,
        words: str = "injected",
    ) -> None:
        """Refuse the next `times` requests whose path matches, or, with 200, answer `words`."""
        refusal = Refusal(status, message=words).reply
        reply = (200, {}, words.encode()) if status == 200 else refusal
        self.faults += [(method, path, reply)] * times

    def reply(self, method: str, path: str, token: str, body: bytes) -> Reply:
        """The answer to a request. Raises Refusal."""
        if token and token not in self.accounts:
            raise Refusal(401, message="Invalid credentials in Authorization header")
        for methods, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method in methods:
                groups = {k: v and unquote(v) for k, v in match.groupdict().items()}
                kind, repo = groups.pop("kind", None) or "models", groups.pop("repo", None) or ""
                request = Request(self, self.accounts.get(token), body, kind, repo)
                if repo and method == "POST":
                    request.check_may_write()
                return answer(request, **groups)
        raise Refusal(404, message=f"nothing is at {path}")


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0: no connection is kept alive, so none outlives the server.
    wbufsize = -1  # head and body in one packet; in two they cost 40 ms of delayed ACK
    server: HubServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        hub, path, body = self.server, urlsplit(self.path).path, self._read_body()
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        hub.tokens.add(token)
        if path != "/api/agent-harnesses":  # the client's own telemetry
            hub.requests.append(f"{self.command} {path}")
        hub.answers.wait()
        faults = [f for f in hub.faults if f[0] == self.command and re.search(f[1], path)]
        if faults:
            hub.faults.remove(faults[0])
            status, headers, content = faults[0][2]
        else:
            method = self.command.replace("HEAD", "GET")
            try:
                status, headers, content = hub.reply(method, path, token, body)
            except Refusal as refusal:
                status, headers, content = refusal.reply
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
