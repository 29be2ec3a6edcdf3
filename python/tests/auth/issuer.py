"""An OpenID provider for tests, on a loopback port, with a knob for each peculiarity.

It does what a provider must (PKCE, single-use codes and refresh tokens, redirect URIs compared) and
writes down what it was asked. `start` and `stop` bound its life.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "notebook"
SERVICE = "service"
SECRET = "the-service-secret-7c1f"  # noqa: S105 of the issuer above


@dataclass
class Knobs:
    """How this provider differs from the plainest one."""

    lifetime: int = 3600  # of ID and access tokens, seconds
    client_secret: str | None = None  # refuse token requests without it
    metadata: dict[str, Any] = field(default_factory=dict)  # added to the metadata document
    slash: bool = False  # the issuer ends with one
    claims: dict[str, Any] = field(default_factory=dict)  # replaces claims of ID tokens
    algorithm: str = "RS256"
    forge: bool = False  # sign with another key
    omit_id_token: bool = False
    omit_expires_in: bool = False
    repeat_refresh_token: bool = True  # False: none in the answer to a renewal
    rotate: bool = True  # each refresh token works once
    refresh_tokens: bool = True
    refuse_scope: str | None = None  # authorization and renewals with it are refused
    authorize_error: dict[str, str] = field(default_factory=dict)
    renewal: Callable[[dict[str, str]], tuple[int, dict[str, Any]] | None] = lambda form: None
    redirect_extras: dict[str, str] = field(default_factory=dict)  # added to the redirect
    device_answers: list[str] = field(default_factory=list)  # errors before a device login is done
    device_interval: int = 0
    device_expires_in: int = 60
    device_refused: bool = False
    revocation_status: int = 200


class Issuer:
    """The provider; `requests` is what it was asked: path and parameters."""

    def __init__(self, **knobs: object) -> None:
        self.knobs = Knobs(**knobs)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._lock = threading.Lock()
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: dict[str, str] = {}  # token: scope
        self._key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self._other_key = RSAKey.generate_key(2048, {"kid": "k1"})

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.issuer = self  # type: ignore[attr-defined]
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.origin + ("/" if self.knobs.slash else "")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def asked(self, path: str) -> list[dict[str, str]]:
        with self._lock:
            return [form for asked, form in self.requests if asked == path]

    def renewals(self) -> list[dict[str, str]]:
        return [f for f in self.asked("/token") if f.get("grant_type") == "refresh_token"]

    def note(self, path: str, form: dict[str, str]) -> None:
        with self._lock:
            self.requests.append((path, form))

    # Tokens

    def id_token(self, lifetime: float | None = None, **claims: object) -> str:
        now = int(time.time())
        body = {
            "iss": self.url,
            "sub": "alice",
            "aud": CLIENT,
            "iat": now,
            "exp": now + (self.knobs.lifetime if lifetime is None else int(lifetime)),
            "email": "alice@example.com",
            **claims,
            **self.knobs.claims,
        }
        body = {name: value for name, value in body.items() if value is not None}
        if self.knobs.algorithm == "none":
            return unsigned(body)
        key = self._other_key if self.knobs.forge else self._key
        return jwt.encode({"alg": self.knobs.algorithm, "kid": "k1"}, body, key)

    def refresh_token(self, scope: str = "openid") -> str:
        token = "rt-" + secrets.token_urlsafe(12)
        with self._lock:
            self._refresh_tokens[token] = scope
        return token

    def answer(self, scope: str, nonce: str | None = None, **more: object) -> dict[str, Any]:
        answer = {
            "access_token": "at-" + secrets.token_urlsafe(12),
            "token_type": "Bearer",
            "scope": scope,
            **more,
        }
        if not self.knobs.omit_expires_in:
            answer["expires_in"] = self.knobs.lifetime
        if not self.knobs.omit_id_token:
            answer["id_token"] = self.id_token(nonce=nonce)
        return answer

    # Endpoints

    def metadata(self) -> dict[str, Any]:
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "jwks_uri": f"{self.origin}/jwks",
            "revocation_endpoint": f"{self.origin}/revoke",
            "pushed_authorization_request_endpoint": f"{self.origin}/par",
            **self.knobs.metadata,
        }
        return {name: value for name, value in document.items() if value is not None}

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent."""
        if "request_uri" in query:
            query = self._codes.pop(query["request_uri"])
        extras = self.knobs.redirect_extras
        if self.knobs.authorize_error:
            answer = {**self.knobs.authorize_error, "state": query["state"], **extras}
        elif self.knobs.refuse_scope and self.knobs.refuse_scope in query["scope"].split():
            answer = {"error": "invalid_scope", "state": query["state"], **extras}
        else:
            code = "code-" + secrets.token_urlsafe(12)
            self._codes[code] = query
            answer = {"code": code, "state": query["state"], **extras}
        return query["redirect_uri"] + "?" + urlencode(answer)

    def par(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        uri = "urn:" + secrets.token_urlsafe(8)
        self._codes[uri] = form
        return 201, {"request_uri": uri, "expires_in": 60}

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        wanted = self.knobs.client_secret
        if wanted and form.get("client_secret") != wanted:
            return 401, {"error": "invalid_client"}
        grant = form.get("grant_type")
        if grant == "authorization_code":
            return self._code(form)
        if grant == "refresh_token":
            return self._renew(form)
        if grant == "client_credentials":
            return 200, self.answer(form.get("scope", ""), refresh_token=None)
        if grant == "urn:ietf:params:oauth:grant-type:device_code":
            if self.knobs.device_answers:
                return 400, {"error": self.knobs.device_answers.pop(0)}
            return 200, self.answer("openid", refresh_token=self.refresh_token())
        return 400, {"error": "unsupported_grant_type"}

    def _code(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        query = self._codes.pop(form.get("code", ""), None)
        if query is None or form.get("redirect_uri") != query["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != query.get("code_challenge"):
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        more = {}
        if self.knobs.refresh_tokens:
            more["refresh_token"] = self.refresh_token(query["scope"])
        return 200, self.answer(query["scope"], query.get("nonce"), **more)

    def _renew(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if special := self.knobs.renewal(form):
            return special
        if self.knobs.refuse_scope and self.knobs.refuse_scope in form.get("scope", "").split():
            return 400, {"error": "invalid_scope"}
        token = form.get("refresh_token", "")
        with self._lock:
            scope = self._refresh_tokens.get(token)
            if scope is not None and self.knobs.rotate and self.knobs.repeat_refresh_token:
                del self._refresh_tokens[token]
        if scope is None:
            return 400, {"error": "invalid_grant", "error_description": f"unknown token {token}"}
        if not self.knobs.repeat_refresh_token:
            return 200, self.answer(scope)
        return 200, self.answer(scope, refresh_token=self.refresh_token(scope))

    def revoke(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self._refresh_tokens.pop(form.get("token", ""), None)
        return self.knobs.revocation_status, {}

    def device(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.knobs.device_refused:
            return 400, {"error": "unauthorized_client"}
        return 200, {
            "device_code": "dc-" + secrets.token_urlsafe(8),
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.origin}/enter",
            "verification_uri_complete": f"{self.origin}/enter?user_code=WDJB-MJHT",
            "interval": self.knobs.device_interval,
            "expires_in": self.knobs.device_expires_in,
        }


def unsigned(claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}."


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait for its answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def issuer(self) -> Issuer:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]
        return issuer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        self.issuer.note(url.path, query)
        if url.path == "/.well-known/openid-configuration":
            self._json(200, self.issuer.metadata())
        elif url.path == "/jwks":
            self._json(200, self.issuer.jwks())
        elif url.path == "/authorize":
            self.send_response(303)
            self.send_header("Location", self.issuer.authorize(query))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = dict(parse_qsl(self.rfile.read(length).decode()))
        if authorization := self.headers.get("Authorization"):
            form["authorization"] = authorization
        self.issuer.note(self.path, form)
        endpoints = {
            "/token": self.issuer.token,
            "/par": self.issuer.par,
            "/revoke": self.issuer.revoke,
            "/device": self.issuer.device,
        }
        if self.path in endpoints:
            self._json(*endpoints[self.path](form))
        else:
            self._json(404, {})

    def _json(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
