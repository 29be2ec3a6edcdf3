"""The token file: who may read it, how it is replaced, and what is refused."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from micromegas.auth import OidcAuthProvider, TokenFileError
from micromegas.auth.storage import locked, read_private_json, write_private_json

from .conftest import Browser, Store
from .issuer import CLIENT, Issuer

posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are POSIX's")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_a102_0600_whatever_the_mode_was(
    issuer: Issuer, browser: Browser, redirect_uri: str, token_file: Path
) -> None:
    token_file.write_text("{}")
    token_file.chmod(0o666)
    OidcAuthProvider.login(
        issuer.url, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
    )
    assert mode(token_file) == 0o600


@posix
def test_a102_only_our_directories_are_changed(
    issuer: Issuer, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir(mode=0o755)
    work.chmod(0o755)
    monkeypatch.chdir(work)
    answer = issuer.answer("openid")
    OidcAuthProvider(issuer.url, CLIENT, token_file="tokens.json", token=answer).save()  # noqa: S106
    assert mode(work) == 0o755, "an existing directory is not ours"
    assert mode(work / "tokens.json") == 0o600
    OidcAuthProvider(issuer.url, CLIENT, token_file="new/deep/t.json", token=answer).save()  # noqa: S106
    assert mode(work / "new") == mode(work / "new" / "deep") == 0o700
    (home / ".micromegas").mkdir(mode=0o755)
    (home / ".micromegas").chmod(0o755)
    OidcAuthProvider(issuer.url, CLIENT, token=answer).save()
    assert mode(home / ".micromegas") == 0o700


@posix
def test_b44_a102_a_wide_mode_is_repaired_with_a_warning(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=3000)
    token_file.chmod(0o644)
    with pytest.warns(RuntimeWarning, match="0644.*0600 now"):
        OidcAuthProvider.from_file(str(token_file))
    assert mode(token_file) == 0o600


@posix
def test_b44_symbolic_links_are_refused(
    issuer: Issuer, store: Store, token_file: Path, tmp_path: Path
) -> None:
    store(issuer, left=3000)
    link = tmp_path / "link.json"
    link.symlink_to(token_file)
    before = token_file.read_text()
    with pytest.raises(TokenFileError, match="symbolic link"):
        OidcAuthProvider.from_file(str(link))
    with pytest.raises(TokenFileError, match="symbolic link"):
        write_private_json(link, {})
    assert token_file.read_text() == before
    (tmp_path / "t.json.lock").symlink_to(tmp_path / "planted")
    with pytest.raises(TokenFileError, match="symbolic link"), locked(tmp_path / "t.json"):
        pass
    assert not (tmp_path / "planted").exists()


@posix
def test_b44_files_of_other_users_are_refused(
    issuer: Issuer, store: Store, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(issuer, left=3000)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(TokenFileError, match="another user"):
        OidcAuthProvider.from_file(str(token_file))
    with pytest.raises(TokenFileError, match="another user"):
        write_private_json(token_file, {})


def test_b44_replaced_atomically_and_0600_from_creation(
    token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private_json(token_file, {"n": 1})
    seen: list[tuple[int, str]] = []
    replace = os.replace

    def spy(source: str, target: Path) -> None:
        seen.append((mode(Path(source)), token_file.read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    write_private_json(token_file, {"n": 2})
    assert [json.loads(text) for _, text in seen] == [{"n": 1}], "whole until it is replaced"
    assert os.name != "posix" or seen[0][0] == 0o600

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_private_json(token_file, {"n": 3})
    assert read_private_json(token_file) == {"n": 2}
    assert [p.name for p in token_file.parent.glob(".tokens*")] == [], "nothing is left behind"


def test_b44_readers_never_see_a_mixture(token_file: Path) -> None:
    documents = [{"fill": c * 20000} for c in "ab"]
    write_private_json(token_file, documents[0])
    end = threading.Event()

    def write() -> None:
        for n in range(60):
            write_private_json(token_file, documents[n % 2])
        end.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not end.is_set():
        assert read_private_json(token_file) in documents
    writer.join()


def test_a104_absent_file(issuer: Issuer, tmp_path: Path, no_browser: None) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        OidcAuthProvider.from_file(str(tmp_path / "nowhere.json"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"issuer": 1}', '{"token": {"x": "SECRET"}}'])
def test_a104_unusable_file_says_what_to_do_and_quotes_nothing(token_file: Path, text: str) -> None:
    token_file.write_text(text)
    token_file.chmod(0o600)
    with pytest.raises(TokenFileError, match="log in again") as caught:
        OidcAuthProvider.from_file(str(token_file))
    assert str(token_file) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a103_files_of_published_clients_are_read(
    issuer: Issuer, store: Store, token_file: Path, no_browser: None
) -> None:
    """They lack the top-level copies, and carry whatever the provider sent."""
    answer = store(issuer, left=3000, ext_expires_in=5, not_before_policy=0)
    provider = OidcAuthProvider.from_file(str(token_file))
    assert provider.get_token() == answer["id_token"]
    provider.save()
    assert json.loads(token_file.read_text())["token"] == answer


def test_a103_scope_and_audience_survive_the_file(
    make_issuer: Callable[..., Issuer], browser: Browser, redirect_uri: str, token_file: Path
) -> None:
    issuer = make_issuer(lifetime=300)
    OidcAuthProvider.login(
        issuer.url,
        CLIENT,
        token_file=str(token_file),
        redirect_uri=redirect_uri,
        audience="api://lake",
        scope="openid lake.read",
    )
    provider = OidcAuthProvider.from_file(str(token_file))
    assert (provider.audience, provider.scope) == ("api://lake", "openid lake.read")
    document = json.loads(token_file.read_text())
    document["token"]["id_token"] = issuer.id_token(lifetime=10, iat=1)
    token_file.write_text(json.dumps(document))
    OidcAuthProvider.from_file(str(token_file)).get_token()
    assert issuer.renewals()[0]["scope"] == "openid lake.read"


def test_a103_the_default_scope_is_not_written(
    issuer: Issuer, browser: Browser, redirect_uri: str, token_file: Path
) -> None:
    OidcAuthProvider.login(
        issuer.url, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
    )
    assert json.loads(token_file.read_text()).keys() & {"scope", "audience"} == set()
