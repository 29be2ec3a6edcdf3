"""The device login (RFC 8628), B47."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable

import pytest

from micromegas.auth import LoginError, OidcAuthProvider, device

from .conftest import Browser
from .issuer import CLIENT, Issuer


def with_device(make_issuer: Callable[..., Issuer], **knobs: object) -> Issuer:
    issuer = make_issuer(**knobs)
    issuer.knobs.metadata["device_authorization_endpoint"] = f"{issuer.origin}/device"
    return issuer


class Clock(threading.Event):
    """Notes how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(device, "_never", clock)
    return clock


@pytest.mark.usefixtures("no_browser")
def test_b47_chosen_explicitly_and_shows_what_to_enter(
    make_issuer: Callable[..., Issuer], clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer = with_device(make_issuer, device_answers=["authorization_pending"] * 2)
    provider = OidcAuthProvider.login_with_device(issuer.url, CLIENT, audience="api://lake")
    shown = capsys.readouterr().err
    assert f"{issuer.origin}/enter" in shown
    assert "WDJB-MJHT" in shown
    (asked,) = issuer.asked("/device")
    assert asked == {
        "client_id": CLIENT,
        "scope": "openid email profile offline_access",
        "audience": "api://lake",
    }
    assert provider.get_token() == OidcAuthProvider.from_file(provider.token_file).get_token()
    device_code = issuer.asked("/token")[0]["device_code"]
    assert device_code not in shown, "A127: the device code is a secret"


def test_b47_interval_and_slow_down(make_issuer: Callable[..., Issuer], clock: Clock) -> None:
    issuer = with_device(
        make_issuer,
        device_interval=7,
        device_answers=["authorization_pending", "slow_down", "authorization_pending"],
    )
    OidcAuthProvider.login_with_device(issuer.url, CLIENT)
    assert clock.waits == [7, 7, 12, 12]


@pytest.mark.parametrize(
    ("answers", "words"),
    [(["access_denied"], "access_denied"), (["expired_token"], "expired")],
)
def test_b47_refused_or_expired(
    make_issuer: Callable[..., Issuer], clock: Clock, answers: list[str], words: str
) -> None:
    issuer = with_device(make_issuer, device_answers=answers)
    with pytest.raises(LoginError, match=f"Authentication failed: .*{words}"):
        OidcAuthProvider.login_with_device(issuer.url, CLIENT)


def test_b47_expiry_ends_the_wait(make_issuer: Callable[..., Issuer], clock: Clock) -> None:
    issuer = with_device(
        make_issuer, device_expires_in=1, device_answers=["authorization_pending"] * 100000
    )
    with pytest.raises(LoginError, match="expired"):
        OidcAuthProvider.login_with_device(issuer.url, CLIENT)


@pytest.mark.parametrize("where", ["no display", "ssh"])
@pytest.mark.usefixtures("no_browser")
def test_b47_chosen_without_display_or_over_ssh(
    make_issuer: Callable[..., Issuer], clock: Clock, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.delenv("BROWSER")
    if where == "ssh":
        monkeypatch.setenv("DISPLAY", ":0")
        monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
    issuer = with_device(make_issuer)
    OidcAuthProvider.login(issuer.url, CLIENT).get_token()
    assert issuer.asked("/device")


@pytest.mark.parametrize("why", ["not offered", "refused", "display"])
def test_b47_browser_otherwise(
    make_issuer: Callable[..., Issuer],
    browser: Browser,
    redirect_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
) -> None:
    monkeypatch.delenv("BROWSER")
    if why == "display":
        monkeypatch.setenv("DISPLAY", ":0")
    issuer = make_issuer() if why == "not offered" else with_device(make_issuer)
    issuer.knobs.device_refused = why == "refused"
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri).get_token()
    assert browser.urls
    assert webbrowser.open == browser.open


def test_b47_not_offered(issuer: Issuer) -> None:
    with pytest.raises(LoginError, match="offers no device login"):
        OidcAuthProvider.login_with_device(issuer.url, CLIENT)
