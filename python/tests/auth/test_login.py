"""Login in a browser, played by a stand-in; test_browser.py has a real one."""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from micromegas.auth import LoginError, OidcAuthProvider
from micromegas.auth.callback import Listener, Redirect

from .conftest import Browser
from .issuer import CLIENT, Issuer


def parameters(browser: Browser) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(browser.urls[0]).query))


def test_a87_a88_signatures() -> None:
    login = inspect.signature(OidcAuthProvider.login).parameters
    assert {name: p.default for name, p in login.items() if p.default is not p.empty} == {
        "client_secret": None,
        "token_file": None,
        "redirect_uri": "http://localhost:48080/callback",
        "audience": None,
        "scope": None,
    }
    assert list(login)[:2] == ["issuer", "client_id"]
    assert list(inspect.signature(OidcAuthProvider.from_file).parameters) == [
        "token_file",
        "client_secret",
    ]
    assert list(inspect.signature(OidcAuthProvider.__init__).parameters) == [
        "self", "issuer", "client_id", "client_secret", "token_file", "token", "audience", "scope",
    ]  # fmt: skip


def test_a87_a89_a92_a100_the_seeds_two_examples_one_after_the_other(
    issuer: Issuer, browser: Browser, home: Path
) -> None:
    auth = OidcAuthProvider.login(
        issuer=issuer.url,
        client_id=CLIENT,
        client_secret="a-secret",  # noqa: S106 no issuer's
        token_file="~/.micromegas/tokens.json",  # noqa: S106 a path
    )
    again = OidcAuthProvider.from_file("~/.micromegas/tokens.json", client_secret="a-secret")  # noqa: S106
    assert auth.get_token() == again.get_token()
    assert (home / ".micromegas" / "tokens.json").exists(), "A100: ~ is expanded on login too"
    assert not Path("~").exists()
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            assert probe.connect_ex((address, 48080)) != 0, "A92: the port is free again"


def test_a90_a91_a94_parameters_of_the_authorization_request(
    issuer: Issuer, browser: Browser, redirect_uri: str
) -> None:
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri, audience="api://lake")
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    first, second = (dict(parse_qsl(urlsplit(url).query)) for url in browser.urls)
    assert first.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce",
        "code_challenge", "code_challenge_method", "audience",
    }  # fmt: skip
    assert first["response_type"] == "code"
    assert first["redirect_uri"] == redirect_uri
    assert first["scope"] == "openid email profile offline_access"
    assert first["audience"] == "api://lake"
    assert "audience" not in second
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name], f"{name} is fresh for every login"
        assert len(first[name]) >= 43


@pytest.mark.parametrize("secret", [None, "s3cret-of-desktop"])
def test_a90_a98_token_request_with_and_without_secret(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str, secret: str | None
) -> None:
    issuer = make_issuer(client_secret=secret)
    OidcAuthProvider.login(issuer.url, CLIENT, secret, redirect_uri=redirect_uri)
    (form,) = issuer.asked("/token")
    assert form["grant_type"] == "authorization_code"
    assert form["redirect_uri"] == redirect_uri
    assert form["client_id"] == CLIENT
    assert form.get("client_secret") == secret
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    challenge = parameters(browser)["code_challenge"]
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
    assert parameters(browser)["code_challenge_method"] == "S256"


def test_a93_a94_listens_on_loopback_only_and_the_pages_headers(
    issuer: Issuer, browser: Browser, redirect_uri: str, free_port: int
) -> None:
    listening: list[str] = []

    def look(_url: str) -> None:
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                address, port = local.split(":")
                if state == "0A" and int(port, 16) == free_port:
                    listening.append(address)

    browser.before = look
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    loopback = ["0100007F"] + ["0" * 24 + "01000000"] * ipv6()  # as /proc/net writes them
    assert listening == loopback
    (page,) = browser.answers
    assert page.status_code == 200
    assert "close this window" in page.text
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Content-Security-Policy"] == "default-src 'none'"


def ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a94_a95_stray_requests_do_not_end_the_wait(
    issuer: Issuer, browser: Browser, redirect_uri: str, free_port: int
) -> None:
    statuses: dict[str, int] = {}
    idle = socket.socket()

    def disturb(_url: str) -> None:
        origin = f"http://127.0.0.1:{free_port}"
        for target in (
            "/favicon.ico",
            "/callback",
            "/callback?state=wrong&code=planted",
            "/callback?state=wrong&error=access_denied",
            "/callback?code=planted",
        ):
            statuses[target] = requests.get(origin + target, timeout=10).status_code
        statuses["POST"] = requests.post(origin + "/callback", timeout=10).status_code
        idle.connect(("127.0.0.1", free_port))  # as browsers do in advance
        with socket.create_connection(("127.0.0.1", free_port)) as noise:
            noise.sendall(b"\x16\x03\x01 not http\r\n\r\n")

    browser.before = disturb
    with idle:
        OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert statuses["/favicon.ico"] == 404
    assert statuses["/callback?state=wrong&code=planted"] == 400
    assert all(status >= 400 for status in statuses.values()), statuses
    assert len(issuer.asked("/token")) == 1, "a planted code is not tried"


def test_a94_wrong_state_alone_ends_as_authentication_failed(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, redirect_uri: str
) -> None:
    answers: list[int] = []
    attacked = threading.Event()
    wait = Listener.wait

    def wait_for_attack(listener: Listener, _seconds: float) -> Redirect:
        assert attacked.wait(30)
        return wait(listener, 0.1)

    monkeypatch.setattr(Listener, "wait", wait_for_attack)

    def attack(url: str) -> bool:
        answers.append(requests.get(f"{redirect_uri}?state=x&code=y", timeout=10).status_code)
        attacked.set()
        return True

    monkeypatch.setattr(webbrowser, "open", attack)
    with pytest.raises(LoginError, match="Authentication failed"):
        OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert answers == [400]
    assert not issuer.asked("/token")


def test_a96_provider_error_is_shown_and_raised_at_once(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str, free_port: int
) -> None:
    issuer = make_issuer(
        authorize_error={"error": "access_denied", "error_description": "<b>not for you</b>"}
    )
    with pytest.raises(LoginError, match=r"Authentication failed: .*access_denied.*not for you"):
        OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    with socket.socket() as again:  # A92: free after failure too
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", free_port))
    for _ in range(1000):  # the page may arrive after the exception
        if browser.answers:
            break
        threading.Event().wait(0.01)
    (page,) = browser.answers
    assert "access_denied" in page.text
    assert "<b>" not in page.text, "what the provider says is text"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a97_b51_port_in_use_names_the_port(
    issuer: Issuer, no_browser: None, redirect_uri: str, free_port: int, address: str
) -> None:
    if address == "::1" and not ipv6():
        pytest.skip("this machine has no IPv6")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as other:
        other.bind((address, free_port))
        other.listen()
        with pytest.raises(LoginError, match=rf"port {free_port} .*in use"):
            OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)


@pytest.mark.parametrize(
    "uri", ["http://0.0.0.0:48080/callback", "http://example.com:1/x", "http://localhost/callback"]
)
def test_a93_b51_redirect_uri_must_be_loopback(issuer: Issuer, no_browser: None, uri: str) -> None:
    with pytest.raises(ValueError, match="localhost"):
        OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=uri)


def test_a99_a101_a103_saved_without_token_file(
    issuer: Issuer, browser: Browser, redirect_uri: str, home: Path
) -> None:
    provider = OidcAuthProvider.login(
        issuer.url,
        CLIENT,
        "never-write-me",
        redirect_uri=redirect_uri,
        audience="api://lake",
        scope="openid",
    )
    file = home / ".micromegas" / "tokens.json"
    stored = json.loads(file.read_text())
    assert provider.token_file == str(file)
    assert stored.keys() == {
        "issuer", "client_id", "token", "audience", "scope", "expires_at", "refresh_token",
    }  # fmt: skip
    token = stored["token"]
    assert token.keys() >= {
        "access_token", "id_token", "refresh_token", "token_type", "scope", "expires_in",
        "expires_at",
    }  # fmt: skip
    assert stored["expires_at"] == token["expires_at"]
    assert isinstance(token["expires_at"], int)
    assert stored["refresh_token"] == token["refresh_token"]
    assert "never-write-me" not in file.read_text()


def test_a106_the_bearer_is_the_id_token(
    issuer: Issuer, browser: Browser, redirect_uri: str, token_file: Path
) -> None:
    provider = OidcAuthProvider.login(
        issuer.url, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
    )
    assert provider.get_token() == json.loads(token_file.read_text())["token"]["id_token"]


def test_a126_the_url_is_printed(
    issuer: Issuer,
    monkeypatch: pytest.MonkeyPatch,
    redirect_uri: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No browser opens; the person copies the URL from the terminal."""
    opened = threading.Event()

    def broken(_url: str) -> bool:
        opened.set()
        raise webbrowser.Error("no browser here")

    monkeypatch.setattr(webbrowser, "open", broken)
    printed: list[str] = []

    class Terminal:
        def write(self, text: str) -> int:
            if "/authorize?" in text:
                url = next(word for word in text.split() if "/authorize?" in word)
                printed.append(url)
                threading.Thread(target=requests.get, args=(url,), kwargs={"timeout": 10}).start()
            return len(text)

        def flush(self) -> None: ...

    monkeypatch.setattr("sys.stderr", Terminal())
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert printed
    assert opened.wait(10)


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        ({"claims": {"nonce": "of another login"}}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"iss": "https://evil.example"}}, "evil.example"),
        ({"claims": {"aud": "another-client"}}, "another-client"),
        ({"claims": {"aud": [CLIENT, "x"], "azp": "x"}}, "issued to 'x'"),
        ({"claims": {"exp": 1}}, "expired"),
        ({"claims": {"exp": None}}, "expires"),
        ({"claims": {"nbf": 9999999999}}, "future"),
        ({"claims": {"iat": 9999999999}}, "future"),
        ({"claims": {"sub": None}}, "subject"),
        ({"forge": True}, "signature"),
        ({"algorithm": "none"}, "alg=none"),
        ({"omit_id_token": True}, "no ID token"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_b49_a_bad_id_token_is_not_stored(
    make_issuer: Callable[..., Issuer],
    browser: Browser,
    redirect_uri: str,
    token_file: Path,
    knobs: dict[str, object],
    why: str,
) -> None:
    issuer = make_issuer(**knobs)
    with pytest.raises(LoginError, match=f"Authentication failed: .*{why}"):
        OidcAuthProvider.login(
            issuer.url, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
        )
    assert not token_file.exists()


@pytest.mark.parametrize("iss", [None, "https://evil.example"])
def test_b49_rfc_9207_the_redirect_must_be_from_the_issuer_asked(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str, iss: str | None
) -> None:
    issuer = make_issuer(
        metadata={"authorization_response_iss_parameter_supported": True},
        redirect_extras={"iss": iss} if iss else {},
    )
    with pytest.raises(LoginError, match="the answer is from issuer"):
        OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert not issuer.asked("/token")
    issuer.knobs.redirect_extras = {"iss": issuer.url}
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)


def test_b49_pushed_authorization_request_where_required(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str
) -> None:
    issuer = make_issuer(metadata={"require_pushed_authorization_requests": True})
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert parse_qs(urlsplit(browser.urls[0]).query).keys() == {"client_id", "request_uri"}
    assert issuer.asked("/par")[0]["redirect_uri"] == redirect_uri


def test_b51_a_plain_http_issuer_elsewhere_is_refused(no_browser: None) -> None:
    with pytest.raises(ValueError, match="not https"):
        OidcAuthProvider.login("http://idp.example", CLIENT)
