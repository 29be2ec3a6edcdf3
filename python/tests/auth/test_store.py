"""MICROMEGAS_TOKEN_STORE, B46."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from micromegas.auth import OidcAuthProvider, TokenFileError, logout, store

from .conftest import Browser
from .issuer import CLIENT, Issuer


class FakeKeyring(types.ModuleType):
    """The package's interface, with a dictionary behind it."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False
        self.errors = types.ModuleType("keyring.errors")
        self.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]

    def _check(self) -> None:
        if self.locked:
            raise self.errors.KeyringError("the collection is locked")

    def get_password(self, service: str, name: str) -> str | None:
        self._check()
        return self.entries.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self._check()
        self.entries[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        self._check()
        del self.entries[service, name]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    keyring = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", keyring.errors)
    return keyring


@pytest.mark.usefixtures("browser", "keyring")
@pytest.mark.parametrize("kind", ["memory", "keyring"])
def test_b46_login_renewal_and_logout_without_a_token_file(
    issuer: Issuer, redirect_uri: str, home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("MICROMEGAS_TOKEN_STORE", kind)
    with pytest.raises(FileNotFoundError):
        OidcAuthProvider.from_file("~/.micromegas/tokens.json")
    issuer.knobs.lifetime = -30  # of the first tokens: used up, within the clocks' difference
    provider = OidcAuthProvider.login(issuer.url, CLIENT, redirect_uri=redirect_uri)
    issuer.knobs.lifetime = 3600
    token = provider.get_token()
    assert len(issuer.renewals()) == 1
    assert OidcAuthProvider.from_file(provider.token_file).get_token() == token
    files = {file.name for file in home.rglob("*") if file.is_file()}
    assert files == (set() if kind == "memory" else {"tokens.json.lock"})
    assert logout().revoked
    with pytest.raises(FileNotFoundError):
        OidcAuthProvider.from_file("~/.micromegas/tokens.json")


def test_b46_a_locked_keyring_is_no_reason_to_write_a_file(
    issuer: Issuer,
    browser: Browser,
    redirect_uri: str,
    token_file: Path,
    keyring: FakeKeyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MICROMEGAS_TOKEN_STORE", "keyring")
    keyring.locked = True
    with pytest.raises(TokenFileError, match="the collection is locked"):
        OidcAuthProvider.login(
            issuer.url, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
        )
    assert not token_file.exists()


def test_b46_an_absent_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("MICROMEGAS_TOKEN_STORE", "keyring")
    with pytest.raises(TokenFileError, match=r"micromegas\[keyring\]"):
        OidcAuthProvider.from_file("t.json")


def test_b46_other_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_TOKEN_STORE", "cloud")
    with pytest.raises(ValueError, match="'cloud'; it must be file, memory or keyring"):
        logout()


def test_b46_a_strange_entry_is_not_quoted(keyring: FakeKeyring, token_file: Path) -> None:
    keyring.entries["micromegas", str(token_file)] = "SECRET"
    with pytest.raises(TokenFileError, match="log in again") as caught:
        store.KeyringStore().read(token_file)
    assert "SECRET" not in str(caught.value)
    keyring.entries["micromegas", str(token_file)] = json.dumps({"a": 1})
    assert store.KeyringStore().read(token_file) == {"a": 1}
