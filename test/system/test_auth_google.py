"""People log in at a provider that is as particular as Google, with the published Python client,
and what they get is accepted by both servers.

The provider here does what Google documents and a standard provider does not: it wants the secret of
a client although that proves itself with PKCE, refuses the scope offline_access, and hands out
access tokens that are no JWTs.
"""

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pyarrow.flight
import pytest
import requests
from authlib.integrations.base_client.errors import OAuthError
from joserfc import jwt
from joserfc.jwk import RSAKey
from micromegas.auth import OidcAuthProvider
from support.client import Token, connect, value
from support.lake import Lake
from support.vectors import Capture

CLIENT = "1234-desktop.apps.googleusercontent.com"
SECRET = "not-confidential"  # noqa: S105 # as that of Google's desktop clients
CALLBACK = "http://localhost:48080/callback"
SCOPE = "openid email profile"


class Google(ThreadingHTTPServer):
    """The provider. Tokens live for `life` seconds."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "google", "use": "sig", "alg": "RS256"})
        self.life = 3600
        self.codes: dict[str, str] = {}  # to the challenge of PKCE
        self.renewals = 0

    def tokens(self) -> dict[str, object]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "azp": CLIENT,
            "sub": "10769150350006150715113082367",
            "email": "alice@example.com",
            "email_verified": True,
            "iat": now,
            "exp": now + self.life,
        }
        return {
            "access_token": "ya29.a0AfB_opaque",
            "id_token": jwt.encode({"alg": "RS256", "kid": "google"}, claims, self.key),
            "token_type": "Bearer",
            "expires_in": self.life,
        }


class Answers(BaseHTTPRequestHandler):
    server: Google

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        issuer = self.server.issuer
        if url.path == "/.well-known/openid-configuration":
            self.answer(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                    "scopes_supported": ["openid", "email", "profile"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif url.path == "/keys":
            self.answer({"keys": [self.server.key.as_dict(private=False)]})
        elif url.path == "/authorize":
            self.authorize({name: values[0] for name, values in parse_qs(url.query).items()})
        else:
            self.send_error(404)

    def authorize(self, asked: dict[str, str]) -> None:
        if "offline_access" in asked["scope"].split():
            self.answer({"error": "invalid_scope"}, 400)
            return
        if asked["redirect_uri"] != CALLBACK or asked["code_challenge_method"] != "S256":
            self.answer({"error": "redirect_uri_mismatch"}, 400)
            return
        code = f"code-{len(self.server.codes)}"
        self.server.codes[code] = asked["code_challenge"]
        self.send_response(302)
        query = urlencode({"code": code, "state": asked["state"]})
        self.send_header("Location", f"{asked['redirect_uri']}?{query}")
        self.end_headers()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = {name: v[0] for name, v in parse_qs(self.rfile.read(length).decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            missing = {"error": "invalid_request", "error_description": "client_secret is missing."}
            self.answer(missing, 400)
        elif form["grant_type"] == "refresh_token":
            self.server.renewals += 1
            self.answer(self.server.tokens())  # Google sends no new refresh token
        else:
            proof = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
            assert self.server.codes.pop(form["code"]) == challenge
            self.answer(self.server.tokens() | {"refresh_token": "1//refresh"})

    def answer(self, content: dict[str, object], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _the_fixed_port_is_free() -> None:
    """The published client listens on 48080, which an outgoing connection may hold for a minute."""
    give_up = time.monotonic() + 100
    while True:
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the client does
                probe.bind(("", 48080))
            except OSError:
                assert time.monotonic() < give_up, "port 48080 stays in use"
            else:
                return
        time.sleep(0.1)


@pytest.fixture
def google() -> Iterator[Google]:
    with Google() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[requests.Response]:
    """A browser whose user is logged in and agrees to everything; what it was shown."""
    shown: list[requests.Response] = []

    def visit(url: str) -> bool:
        shown.append(requests.get(url, timeout=10))
        if (
            shown[-1].status_code >= 400
        ):  # a person would give up; the client would wait for minutes
            requests.get(CALLBACK, timeout=10)
        return True

    monkeypatch.setattr("webbrowser.open", visit)
    return shown


def lake_of(google: Google, new_lake: Callable[..., Lake]) -> Lake:
    config = {"issuers": [{"issuer": google.issuer, "audience": CLIENT}]}
    return new_lake(environment={"MICROMEGAS_OIDC_CONFIG": json.dumps(config)}).start()


def test_a144_a_login_needs_the_secret_and_so_does_a_renewal(
    google: Google, browser: list[requests.Response], new_lake: Callable[..., Lake], tmp_path: Path
) -> None:
    """A143, A153: with the callback that is registered everywhere; the audience is the client id."""
    file = tmp_path / "own" / "tokens.json"
    login = OidcAuthProvider.login
    with pytest.raises(OAuthError, match="client_secret is missing"):
        login(google.issuer, CLIENT, token_file=str(file), scope=SCOPE)
    google.life = 60  # below the five minutes at which the client renews
    person = login(google.issuer, CLIENT, SECRET, str(file), scope=SCOPE)
    assert "Authentication successful" in browser[-1].text
    assert SECRET not in file.read_text()

    google.life = 3600
    lake = lake_of(google, new_lake)
    assert value(connect(lake.analytics, person), "SELECT 1") == 1
    assert google.renewals == 1
    token = person.get_token()
    answer = requests.post(
        f"{lake.ingestion.url}/ingestion/insert_process",
        data=Capture("unreal-synthetic").body("001-insert_process.bin"),
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.status_code == 200


def test_a146_offline_access_has_to_be_left_out(
    google: Google, browser: list[requests.Response]
) -> None:
    """The published client asks for it unless it is told the scopes: documentation says so."""
    with pytest.raises(Exception, match="Authentication failed"):
        OidcAuthProvider.login(google.issuer, CLIENT, SECRET)
    assert browser[-1].json() == {"error": "invalid_scope"}
    assert OidcAuthProvider.login(google.issuer, CLIENT, SECRET, scope=SCOPE).get_token()


def test_a145_its_access_tokens_are_no_login(google: Google, new_lake: Callable[..., Lake]) -> None:
    """The log says which token to send instead; the caller learns nothing."""
    lake = lake_of(google, new_lake)
    opaque = google.tokens()["access_token"]
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError) as refusal:
        connect(lake.analytics, Token(str(opaque))).query("SELECT 1")
    assert "Google" not in str(refusal.value)
    assert "send the ID token" in lake.programs["micromegas"].output()
