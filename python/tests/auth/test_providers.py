"""Peculiarities of the providers people use, imitated (A142 to A153)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from micromegas.auth import OidcAuthProvider, client

from .conftest import Browser, Store
from .issuer import CLIENT, Issuer


def asked(browser: Browser) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(browser.urls[0]).query))


@pytest.fixture
def google(make_issuer: Callable[..., Issuer], monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """Wants the secret, refuses offline_access, repeats no refresh token."""
    issuer = make_issuer(
        client_secret="GOCSPX-not-confidential",  # noqa: S106
        repeat_refresh_token=False,
        refuse_scope="offline_access",
        metadata={"scopes_supported": ["openid", "email", "profile"]},
    )
    monkeypatch.setattr(client, "GOOGLE", frozenset({issuer.url}))
    return issuer


def test_a143_a144_a146_google(
    google: Issuer, browser: Browser, redirect_uri: str, token_file: Path
) -> None:
    secret = "GOCSPX-not-confidential"  # noqa: S105
    OidcAuthProvider.login(
        google.url, CLIENT, secret, token_file=str(token_file), redirect_uri=redirect_uri
    )
    request = asked(browser)
    assert request["scope"] == "openid email profile"
    assert (request["access_type"], request["prompt"]) == ("offline", "consent")
    for _ in range(2):
        document = json.loads(token_file.read_text())
        document["token"]["id_token"] = google.id_token(lifetime=-5)
        token_file.write_text(json.dumps(document))
        OidcAuthProvider.from_file(str(token_file), secret).get_token()
    assert [form["client_secret"] for form in google.renewals()] == [secret] * 2
    assert {form["scope"] for form in google.renewals()} == {"openid email profile"}


def test_a146_google_refuses_offline_access_even_without_a_list(
    google: Issuer, browser: Browser, redirect_uri: str
) -> None:
    google.knobs.metadata.clear()
    OidcAuthProvider.login(google.url, CLIENT, "GOCSPX-not-confidential", redirect_uri=redirect_uri)
    assert asked(browser)["scope"] == "openid email profile"


def test_a146_nobody_else_gets_googles_parameters(
    issuer: Issuer, browser: Browser, redirect_uri: str
) -> None:
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert asked(browser).keys() & {"access_type", "prompt"} == set()


def test_a146_only_supported_scopes_unless_asked_for(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str
) -> None:
    issuer = make_issuer(metadata={"scopes_supported": ["openid", "offline_access"]})
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    assert asked(browser)["scope"] == "openid offline_access"
    browser.urls.clear()
    wanted = "openid api://lake/.default"
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri, scope=wanted)
    assert asked(browser)["scope"] == wanted


def test_a147_a149_azure(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str, token_file: Path
) -> None:
    """Public client without secret, no email claim, keys without alg, extra token members."""
    issuer = make_issuer(
        metadata={"scopes_supported": ["openid", "profile", "email", "offline_access"]},
        claims={"email": None, "preferred_username": "alice@corp.example", "ver": "2.0"},
    )
    provider = OidcAuthProvider.login(
        issuer.url, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
    )
    assert provider.get_token()
    assert asked(browser)["scope"] == "openid email profile offline_access"
    assert "client_secret" not in issuer.asked("/token")[0]


def test_a147_azures_common_issuer_is_explained(
    make_issuer: Callable[..., Issuer],
) -> None:
    issuer = make_issuer(metadata={"issuer": "https://login.example/{tenantid}/v2.0"})
    with pytest.raises(ValueError, match="tenant's id"):
        OidcAuthProvider(issuer.url, CLIENT)


@pytest.mark.parametrize("given", ["with slash", "without slash"])
def test_a150_auth0s_slash(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str, given: str
) -> None:
    issuer = make_issuer(slash=True)
    url = issuer.url if given == "with slash" else issuer.origin
    OidcAuthProvider.login(url, CLIENT, redirect_uri=redirect_uri).get_token()
    assert issuer.requests[0][0] == "/.well-known/openid-configuration", "no double slash"


def test_a151_auth0s_audience(issuer: Issuer, browser: Browser, redirect_uri: str) -> None:
    OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri, audience="https://api")
    assert asked(browser)["audience"] == "https://api"


def test_a152_oktas_secret_in_the_header_where_it_takes_no_form(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path
) -> None:
    issuer = make_issuer(
        metadata={"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    )
    store(issuer, left=100)
    OidcAuthProvider.from_file(str(token_file), client_secret="a b").get_token()  # noqa: S106
    (form,) = issuer.renewals()
    assert form["authorization"] == f"Basic {b64encode(b'notebook:a+b').decode()}"
    assert "client_secret" not in form


def test_a153_the_registered_redirect_uri(issuer: Issuer, browser: Browser, home: Path) -> None:
    OidcAuthProvider.login(issuer.url, CLIENT)
    assert asked(browser)["redirect_uri"] == "http://localhost:48080/callback"
