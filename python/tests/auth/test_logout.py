"""Logout: revocation where possible, and always a file less."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from micromegas.auth import OidcAuthProvider, ReauthenticationRequired, logout, metadata

from .conftest import Store
from .issuer import CLIENT, SECRET, Issuer


def test_b52_revokes_then_deletes(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path
) -> None:
    issuer = make_issuer()
    old = store(issuer, left=-10)
    running = OidcAuthProvider.from_file(str(token_file))
    done = logout(token_file, SECRET)
    assert (done.path, done.removed, done.revoked, done.problem) == (token_file, True, True, "")
    assert issuer.asked("/revoke") == [
        {
            "token": old["refresh_token"],
            "token_type_hint": "refresh_token",
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
    ]
    assert not token_file.exists()
    assert not metadata.cache_path(token_file).exists()
    with pytest.raises(ReauthenticationRequired):
        running.get_token()


def test_b52_local_leaves_the_provider_out(issuer: Issuer, store: Store, token_file: Path) -> None:
    store(issuer, left=100)
    done = logout(token_file, local=True)
    assert (done.removed, done.revoked, done.problem) == (True, False, "")
    assert not token_file.exists()
    assert not issuer.requests


@pytest.mark.parametrize("trouble", ["away", "no endpoint", "refuses", "no refresh token", "junk"])
def test_a113_b52_deletes_whatever_the_provider_does(
    issuer: Issuer, store: Store, token_file: Path, trouble: str
) -> None:
    store(issuer, left=100, **({"refresh_token": None} if trouble == "no refresh token" else {}))
    if trouble == "away":
        issuer.stop()
    elif trouble == "no endpoint":
        issuer.knobs.metadata["revocation_endpoint"] = None
    elif trouble == "refuses":
        issuer.knobs.revocation_status = 503
    elif trouble == "junk":
        token_file.write_text("junk")
    done = logout(token_file)
    assert (done.removed, done.revoked) == (True, False)
    assert bool(done.problem) == (trouble != "no refresh token")
    assert not token_file.exists()


def test_a124_nothing_to_log_out_from(home: Path) -> None:
    done = logout()
    assert done.path == home / ".micromegas" / "tokens.json"
    assert not done.removed
    assert list(home.iterdir()) == [], "looking leaves nothing behind"


def test_a123_tilde_is_expanded(issuer: Issuer, store: Store, token_file: Path, home: Path) -> None:
    store(issuer, left=100)
    token_file.rename(home / "t.json")
    assert logout("~/t.json").path == home / "t.json"
    assert not (home / "t.json").exists()
