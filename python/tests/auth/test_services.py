"""Credentials without a person: services, keys, files and commands."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from micromegas.auth import (
    ApiKeyAuthProvider,
    AuthError,
    BearerFileAuthProvider,
    OidcClientCredentialsProvider,
    StaticTokenAuthProvider,
    TokenCommandAuthProvider,
    TokenRefreshError,
    client_credentials,
)

from .issuer import SECRET, SERVICE, Issuer


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(client_credentials, "time", clock)
    return clock


def test_a142_client_credentials_signature_and_request(issuer: Issuer) -> None:
    signature = inspect.signature(OidcClientCredentialsProvider.__init__)
    assert list(signature.parameters) == [
        "self", "issuer", "client_id", "client_secret", "audience",
    ]  # fmt: skip
    provider = OidcClientCredentialsProvider(issuer.url, SERVICE, SECRET, audience="api://lake")
    assert provider.get_token().startswith("at-")
    assert issuer.asked("/token") == [
        {
            "grant_type": "client_credentials",
            "client_id": SERVICE,
            "client_secret": SECRET,
            "audience": "api://lake",
        }
    ]
    assert SECRET not in repr(provider)


@pytest.mark.parametrize(
    ("lifetime", "kept", "gone"), [(3600, 3290, 3310), (300, 235, 245), (60, 47, 49)]
)
def test_b50_client_credentials_are_kept(
    make_issuer: Callable[..., Issuer], clock: Clock, lifetime: int, kept: int, gone: int
) -> None:
    issuer = make_issuer(lifetime=lifetime)
    provider = OidcClientCredentialsProvider(issuer.url, SERVICE, SECRET)
    first = provider.get_token()
    clock.now = 1000 + kept
    assert provider.get_token() == first
    clock.now = 1000 + gone
    assert provider.get_token() != first


def test_b50_client_credentials_without_lifetime_are_kept_for_an_hour(
    make_issuer: Callable[..., Issuer], clock: Clock
) -> None:
    issuer = make_issuer(omit_expires_in=True)
    provider = OidcClientCredentialsProvider(issuer.url, SERVICE, SECRET)
    first = provider.get_token()
    clock.now = 1000 + 3290
    assert provider.get_token() == first
    clock.now = 1000 + 3310
    assert provider.get_token() != first


def test_a109_client_credentials_with_time_left(issuer: Issuer, clock: Clock) -> None:
    provider = OidcClientCredentialsProvider(issuer.url, SERVICE, SECRET)
    first = provider.get_token()
    issuer.stop()
    clock.now = 1000 + 3400
    with pytest.warns(RuntimeWarning, match="Token refresh failed"):
        assert provider.get_token() == first
    clock.now = 1000 + 3601
    with pytest.raises(TokenRefreshError):
        provider.get_token()


def test_a110_client_credentials_once_for_all_threads(issuer: Issuer) -> None:
    provider = OidcClientCredentialsProvider(issuer.url, SERVICE, SECRET)
    start, tokens = threading.Barrier(12), []

    def ask() -> None:
        start.wait(30)
        tokens.append(provider.get_token())

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(tokens) == 12
    assert len(set(tokens)) == len(issuer.asked("/token")) == 1


def test_a127_a_wrong_secret_does_not_come_back(make_issuer: Callable[..., Issuer]) -> None:
    issuer = make_issuer(client_secret="right")  # noqa: S106
    with pytest.raises(TokenRefreshError, match="invalid_client") as caught:
        OidcClientCredentialsProvider(issuer.url, SERVICE, SECRET).get_token()
    assert SECRET not in str(caught.value)


def test_a118_client_credentials_from_env(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"ISSUER.*CLIENT_ID.*CLIENT_SECRET"):
        OidcClientCredentialsProvider.from_env()
    monkeypatch.setenv("MICROMEGAS_OIDC_ISSUER", issuer.url)
    monkeypatch.setenv("MICROMEGAS_OIDC_CLIENT_ID", SERVICE)
    with pytest.raises(ValueError, match=r"^MICROMEGAS_OIDC_CLIENT_SECRET"):
        OidcClientCredentialsProvider.from_env()
    monkeypatch.setenv("MICROMEGAS_OIDC_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("MICROMEGAS_OIDC_AUDIENCE", "api://lake")
    OidcClientCredentialsProvider.from_env().get_token()
    assert issuer.asked("/token")[0]["audience"] == "api://lake"


def test_b48_static_token(tmp_path: Path, home: Path) -> None:
    assert StaticTokenAuthProvider("  abc.def \n").get_token() == "abc.def"
    (home / "key").write_text("k-1\n")
    assert StaticTokenAuthProvider.from_file("~/key").get_token() == "k-1"
    with pytest.raises(FileNotFoundError):
        StaticTokenAuthProvider.from_file(tmp_path / "none")


@pytest.mark.parametrize("token", ["", " \n", "two words", "Bearer abc", "tab\tin", "ü", "a\x00b"])
def test_b48_tokens_that_no_header_carries(token: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be the credential itself"):
        StaticTokenAuthProvider(token)
    (tmp_path / "t").write_text(token)
    with pytest.raises(ValueError, match="must be the credential itself") as caught:
        StaticTokenAuthProvider.from_file(tmp_path / "t")
    assert not token.strip() or token not in str(caught.value).replace("'Bearer' before", "")


def test_b48_api_key_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="MICROMEGAS_ANALYTICS_API_KEY is not set"):
        ApiKeyAuthProvider.from_env()
    monkeypatch.setenv("MICROMEGAS_ANALYTICS_API_KEY", "key-123")
    assert ApiKeyAuthProvider.from_env().get_token() == "key-123"


def test_b48_bearer_file_is_read_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv("MICROMEGAS_BEARER_TOKEN_FILE", str(file))
    provider = BearerFileAuthProvider.from_env()
    with pytest.raises(FileNotFoundError):
        provider.get_token()
    file.write_text("first\n")
    assert provider.get_token() == "first"
    new = tmp_path / "new"
    new.write_text("secon\n")
    os.replace(new, file)
    assert provider.get_token() == "secon"
    file.write_text("")
    assert provider.get_token() == "secon", "a careless writer is in the middle of it"
    file.unlink()
    assert provider.get_token() == "secon"


def test_b48_token_command(issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, count = tmp_path / "token", tmp_path / "count"
    monkeypatch.setenv("MICROMEGAS_TOKEN_COMMAND", f"echo x >> '{count}'; cat '{token}'")
    provider = TokenCommandAuthProvider.from_env()
    token.write_text(issuer.id_token(lifetime=3000))
    assert provider.get_token() == provider.get_token() == token.read_text()
    assert count.read_text() == "x\n"
    provider = TokenCommandAuthProvider.from_env()
    token.write_text(issuer.id_token(lifetime=0))
    provider.get_token()
    provider.get_token()
    assert count.read_text() == "x\n" * 3, "asked again when it expires"
    token.write_text("opaque")
    assert [provider.get_token() for _ in range(2)] == ["opaque"] * 2
    assert count.read_text() == "x\n" * 4


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        ("echo SECRET; exit 3", AuthError, "ended with status 3"),
        ("true", ValueError, "output is empty"),
        ("echo two SECRETs", ValueError, "output contains blanks"),
    ],
)
def test_b48_a127_token_command_fails(command: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        TokenCommandAuthProvider(command).get_token()
    assert "SECRET" not in str(caught.value)


def test_b48_token_command_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micromegas.auth.static.COMMAND_TIMEOUT", 0.2)
    with pytest.raises(AuthError, match=r"ran for over 0\.2 s"):
        TokenCommandAuthProvider("exec sleep 30").get_token()


def test_a127_repr_hides_secrets(tmp_path: Path) -> None:
    for provider in (
        StaticTokenAuthProvider("s3cret"),
        ApiKeyAuthProvider("s3cret"),
        TokenCommandAuthProvider("vault read s3cret"),
    ):
        assert "s3cret" not in f"{provider!r} {provider}"
