"""A sign-in on 127.0.0.1, as Gradio's OAuth asks Hugging Face for one: consent, code, token, keys.

Whoever looks at /oauth/authorize chooses an account there. Written from what authlib sends and
reads and from the OpenID Connect specification; Hugging Face's own answers may differ.
"""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID = "client-of-this-space"


class OAuthServer(ThreadingHTTPServer):
    """The provider, with a token for each account by its name; use as a context manager."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.tokens = tokens
        self.asked_for: set[str] = set()  # scopes
        self._codes: dict[str, dict[str, str]] = {}
        self._key = RSAKey.generate_key(2048, {"kid": "one"})

    def __enter__(self) -> OAuthServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What the platform tells a Space whose README has `hf_oauth: true`."""
        return {
            "OAUTH_CLIENT_ID": CLIENT_ID,
            "OAUTH_CLIENT_SECRET": "secret-of-this-space",
            "OAUTH_SCOPES": "openid profile contribute-repos",
            "OPENID_PROVIDER_URL": self.url,
        }

    def configuration(self) -> object:
        """Where things are."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/oauth/authorize",
            "token_endpoint": f"{self.url}/oauth/token",
            "jwks_uri": f"{self.url}/oauth/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def consent(self, asked: Mapping[str, str]) -> str:
        """A page with a link for each account, back to the app with a code."""
        self.asked_for.add(asked["scope"])
        # The platform's front speaks TLS for the app; here there is no front.
        redirect = asked["redirect_uri"].replace("https://127.0.0.1", "http://127.0.0.1")
        links = []
        for name in self.tokens:
            code = secrets.token_hex(8)
            self._codes[code] = {**asked, "name": name}
            back = f"{redirect}&{urlencode({'code': code, 'state': asked['state']})}"
            links.append(f'<p><a href="{html.escape(back)}">Authorize as {name}</a></p>')
        return "".join(links)

    def token(self, code: str) -> dict[str, object]:
        """A token for a code, which is good for one."""
        asked = self._codes.pop(code)
        name, now = asked["name"], int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 600, "sub": f"id-{name}",
            "nonce": asked["nonce"], "name": name.title(), "preferred_username": name,
            "profile": f"{self.url}/{name}", "picture": f"{self.url}/{name}.png",
        }  # fmt: skip
        return {
            "access_token": self.tokens[name],
            "token_type": "bearer",
            "expires_in": 28_800,
            "scope": asked["scope"],
            "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key),
        }

    def keys(self) -> object:
        """The public half of what tokens are signed with."""
        return KeySet([self._key]).as_dict(private=False)


class _Handler(BaseHTTPRequestHandler):
    server: OAuthServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/oauth/authorize":
            self._send(self.server.consent(_fields(address.query)), "text/html")
        else:
            is_keys = address.path == "/oauth/jwks"
            known = self.server.keys() if is_keys else self.server.configuration()
            self._send(json.dumps(known))

    def do_POST(self) -> None:
        sent = _fields(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._send(json.dumps(self.server.token(sent["code"])))

    def _send(self, text: str, kind: str = "application/json") -> None:
        data = text.encode("utf-8")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _fields(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
