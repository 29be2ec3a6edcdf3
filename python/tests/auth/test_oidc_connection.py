"""load_or_login: what a tool does at its start."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from micromegas import oidc_connection
from micromegas.auth import OtherClientError, ReauthenticationRequired, TokenRefreshError
from micromegas.oidc_connection import load_or_login

from .conftest import Browser, Store
from .issuer import CLIENT, Issuer


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_connection, "interactive", lambda: True)


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_connection, "interactive", lambda: False)


@pytest.fixture(autouse=True)
def _port(monkeypatch: pytest.MonkeyPatch, redirect_uri: str) -> None:
    """load_or_login uses the registered port 48080; the tests one of their own."""
    login = oidc_connection.OidcAuthProvider.login
    monkeypatch.setattr(
        oidc_connection.OidcAuthProvider,
        "login",
        lambda *args, **named: login(*args, redirect_uri=redirect_uri, **named),
    )


def test_a119_signatures() -> None:
    published = ["issuer", "client_id", "client_secret", "token_file", "audience", "scope"]
    assert list(inspect.signature(load_or_login).parameters)[:6] == published
    assert list(inspect.signature(oidc_connection.connect).parameters)[:9] == [
        "uri", "issuer", "client_id", "client_secret", "token_file", "preserve_dictionary",
        "audience", "scope", "client_entrypoint",
    ]  # fmt: skip


@pytest.mark.usefixtures("no_terminal")
def test_a119_first_use_logs_in_later_uses_do_not(
    issuer: Issuer, browser: Browser, token_file: Path
) -> None:
    first = load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    second = load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    assert first.get_token() == second.get_token()
    assert len(browser.urls) == 1


@pytest.mark.usefixtures("no_terminal", "no_browser")
def test_a119_a121_renews_silently(
    make_issuer: Callable[..., Issuer],
    store: Store,
    token_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    issuer = make_issuer(client_secret="of-the-desktop-app")  # noqa: S106
    old = store(issuer, left=-10)["id_token"]
    provider = load_or_login(issuer.url, CLIENT, "of-the-desktop-app", str(token_file))
    assert provider.get_token() != old
    assert issuer.renewals()[0]["client_secret"] == "of-the-desktop-app"  # noqa: S105
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("token", [{"refresh_token": "revoked"}, {"refresh_token": None}])
def test_a125_a_refused_renewal_logs_in_again_and_says_why(
    issuer: Issuer,
    store: Store,
    browser: Browser,
    token_file: Path,
    capsys: pytest.CaptureFixture[str],
    token: dict[str, str | None],
) -> None:
    store(issuer, left=-10, **token)
    provider = load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    assert provider.get_token()
    assert len(browser.urls) == 1
    assert "A new login is needed" in capsys.readouterr().err
    load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    assert len(browser.urls) == 1


@pytest.mark.usefixtures("no_terminal", "no_browser")
def test_a125_without_terminal_the_failure_names_the_logout_command(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=-10, refresh_token="revoked")  # noqa: S106
    with pytest.raises(ReauthenticationRequired, match=r"Token refresh failed.*micromegas_logout"):
        load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    assert token_file.exists()


@pytest.mark.usefixtures("terminal")
def test_a125_an_unreadable_file_is_replaced_and_named(
    issuer: Issuer, browser: Browser, token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token_file.write_text("junk")
    token_file.chmod(0o600)
    load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    assert str(token_file) in capsys.readouterr().err
    assert json.loads(token_file.read_text())["client_id"] == CLIENT


@pytest.mark.usefixtures("terminal", "no_browser")
def test_a125_a_provider_that_is_away_is_no_reason_to_log_in(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=-10)
    issuer.knobs.renewal = lambda form: (503, {})
    with pytest.raises(TokenRefreshError, match="503"):
        load_or_login(issuer.url, CLIENT, token_file=str(token_file))
    issuer.stop()
    with pytest.raises((TokenRefreshError, requests.exceptions.RequestException)):
        load_or_login(issuer.url, CLIENT, token_file=str(token_file))


@pytest.mark.usefixtures("terminal", "no_browser")
@pytest.mark.parametrize("other", ["client", "issuer"])
def test_a103_a_file_of_another_client_is_refused(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path, other: str
) -> None:
    issuer = make_issuer()
    store(issuer, left=3000)
    before = token_file.read_text()
    args = ("https://other.example", CLIENT) if other == "issuer" else (issuer.url, "other")
    with pytest.raises(OtherClientError, match="MICROMEGAS_TOKEN_FILE"):
        load_or_login(*args, token_file=str(token_file))
    assert token_file.read_text() == before


@pytest.mark.usefixtures("no_browser")
def test_b47_device_on_request(
    make_issuer: Callable[..., Issuer], token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer = make_issuer()
    issuer.knobs.metadata["device_authorization_endpoint"] = f"{issuer.origin}/device"
    provider = load_or_login(issuer.url, CLIENT, token_file=str(token_file), device=True)
    assert provider.get_token()
    assert "WDJB-MJHT" in capsys.readouterr().err
