"""Renewal: when, how often, and what happens when it does not work."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from micromegas.auth import (
    AuthError,
    OidcAuthProvider,
    ReauthenticationRequired,
    TokenRefreshError,
    idtoken,
    metadata,
    oidc,
    storage,
)

from .conftest import Store
from .issuer import CLIENT, Issuer, unsigned

pytestmark = pytest.mark.usefixtures("no_browser")
NO_CONTENT: dict[str, Any] = {}


def stored(token_file: Path) -> dict[str, Any]:
    token: dict[str, Any] = json.loads(token_file.read_text())["token"]
    return token


@pytest.mark.parametrize(
    ("life", "left", "renewed"),
    [
        (3600, 310, False),
        (3600, 290, True),
        (86400, 310, False),
        (86400, 290, True),
        (300, 70, False),  # B50: a fifth of 300 s is 60 s
        (300, 50, True),
        (60, 20, False),
        (60, 8, True),
        (3600, -5, True),
    ],
)
def test_a105_b50_when_it_is_renewed(
    issuer: Issuer, store: Store, token_file: Path, life: int, left: int, renewed: bool
) -> None:
    old = store(issuer, left=left, life=life)["id_token"]
    token = OidcAuthProvider.from_file(str(token_file)).get_token()
    assert (token != old) == renewed
    assert len(issuer.renewals()) == int(renewed)
    assert token == stored(token_file)["id_token"]


@pytest.mark.parametrize("secret", [None, "desktop-secret"])
def test_a107_a121_renewal_request(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path, secret: str | None
) -> None:
    issuer = make_issuer(client_secret=secret)
    old = store(issuer, left=100)
    OidcAuthProvider.from_file(str(token_file), client_secret=secret).get_token()
    (form,) = issuer.renewals()
    expected = {
        "grant_type": "refresh_token",
        "refresh_token": old["refresh_token"],
        "scope": "openid email profile offline_access",
        "client_id": CLIENT,
    }
    assert form == (expected | {"client_secret": secret} if secret else expected)


def test_a107_less_scope_granted_than_asked_for(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path
) -> None:
    issuer = make_issuer(refuse_scope="offline_access")
    old = store(issuer, left=100)["id_token"]
    assert OidcAuthProvider.from_file(str(token_file)).get_token() != old
    assert [form.get("scope") for form in issuer.renewals()][1:] == [None]


def test_a108_refresh_token_kept_when_not_repeated(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path
) -> None:
    issuer = make_issuer(repeat_refresh_token=False)
    old = store(issuer, left=100)
    for _ in range(2):  # the second renewal is the one that used to fail
        provider = OidcAuthProvider.from_file(str(token_file))
        provider.get_token()
        assert stored(token_file)["refresh_token"] == old["refresh_token"]
        document = json.loads(token_file.read_text())
        assert document["refresh_token"] == old["refresh_token"]
        document["token"]["id_token"] = old["id_token"]
        token_file.write_text(json.dumps(document))
    assert len(issuer.renewals()) == 2


def test_a108_refresh_token_replaced_when_a_new_one_comes(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    old = store(issuer, left=100)
    OidcAuthProvider.from_file(str(token_file)).get_token()
    new = json.loads(token_file.read_text())
    assert new["token"]["refresh_token"] != old["refresh_token"]
    assert new["refresh_token"] == new["token"]["refresh_token"]


def test_a108_answer_without_id_token(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path
) -> None:
    issuer = make_issuer(omit_id_token=True)
    old = store(issuer, left=100)
    provider = OidcAuthProvider.from_file(str(token_file))
    assert provider.get_token() == old["id_token"], "still valid"
    store(issuer, left=-1)
    with pytest.raises(TokenRefreshError, match=r"Token refresh failed: .*no new id token"):
        OidcAuthProvider.from_file(str(token_file)).get_token()


@pytest.mark.parametrize(
    "status", [(400, {"error": "invalid_grant"}), (500, NO_CONTENT), (200, NO_CONTENT)]
)
def test_a109_failed_renewal_with_time_left_warns_and_returns(
    make_issuer: Callable[..., Issuer],
    store: Store,
    token_file: Path,
    status: tuple[int, dict[str, Any]],
) -> None:
    issuer = make_issuer(renewal=lambda form: status)
    old = store(issuer, left=250)["id_token"]
    provider = OidcAuthProvider.from_file(str(token_file))
    if status[0] != 200:
        with pytest.warns(RuntimeWarning, match="Token refresh failed"):
            assert provider.get_token() == old
        asked = len(issuer.renewals())
        assert provider.get_token() == old
        assert len(issuer.renewals()) == asked, "not asked again with every call"
    else:
        assert provider.get_token() == old  # no new ID token: the old one is kept


def test_a109_the_next_try_comes_later(
    issuer: Issuer, store: Store, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "RETRY_AFTER", 0.0)
    old = store(issuer, left=250)["id_token"]
    issuer.knobs.renewal = lambda form: (503, {})
    provider = OidcAuthProvider.from_file(str(token_file))
    with pytest.warns(RuntimeWarning, match="503"):
        assert provider.get_token() == old
    issuer.knobs.renewal = lambda form: None
    assert provider.get_token() != old


def test_a109_provider_away(issuer: Issuer, store: Store, token_file: Path) -> None:
    old = store(issuer, left=250)["id_token"]
    provider = OidcAuthProvider.from_file(str(token_file))
    issuer.stop()
    with pytest.warns(RuntimeWarning, match="cannot connect"):
        assert provider.get_token() == old


def test_a110_threads_cause_one_renewal(issuer: Issuer, store: Store, token_file: Path) -> None:
    store(issuer, left=10)
    threads = 24
    start, results = threading.Barrier(threads), []
    provider = OidcAuthProvider.from_file(str(token_file))

    def ask() -> None:
        start.wait(30)
        results.append(provider.get_token())

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert len(results) == threads
    assert set(results) == {stored(token_file)["id_token"]}
    assert len(issuer.renewals()) == 1


@pytest.mark.parametrize(
    ("token", "error", "words"),
    [
        ({}, ReauthenticationRequired, "No tokens available"),
        ({"access_token": "a"}, ReauthenticationRequired, "No ID token available"),
        (
            {"access_token": "a", "refresh_token": "r"},
            ReauthenticationRequired,
            "No ID token available",
        ),
    ],
)
def test_a111_nothing_to_return(
    issuer: Issuer, token: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        OidcAuthProvider(issuer.url, CLIENT, token=token).get_token()


@pytest.mark.parametrize("left", [200, -10])
def test_a111_no_refresh_token(issuer: Issuer, store: Store, token_file: Path, left: int) -> None:
    store(issuer, left=left, refresh_token=None)
    with pytest.raises(
        ReauthenticationRequired, match=r"No refresh token available.*re-authenticate"
    ):
        OidcAuthProvider.from_file(str(token_file)).get_token()
    assert not issuer.renewals()


def test_a111_renewal_refused(issuer: Issuer, store: Store, token_file: Path) -> None:
    store(issuer, left=-10, refresh_token="revoked-rt")  # noqa: S106 nobody's
    with pytest.raises(
        ReauthenticationRequired, match=r"Token refresh failed:.*invalid_grant.*re-authenticate"
    ) as caught:
        OidcAuthProvider.from_file(str(token_file)).get_token()
    assert "revoked-rt" not in str(caught.value), "A127: though the provider's text repeats it"


def test_a111_does_not_hang_on_a_slow_provider(
    make_issuer: Callable[..., Issuer],
    store: Store,
    token_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def slow(form: dict[str, str]) -> None:
        release.wait(30)

    issuer = make_issuer(renewal=slow)
    store(issuer, left=-10)
    provider = OidcAuthProvider.from_file(str(token_file))
    monkeypatch.setattr("micromegas.auth.http.TIMEOUT", 0.3)  # for the renewal alone
    try:
        with pytest.raises(TokenRefreshError, match="no answer in time"):
            provider.get_token()
    finally:
        release.set()


def test_a112_unsigned_id_token_is_never_returned(issuer: Issuer) -> None:
    for left in (3000, 100):
        claims = {"iss": issuer.url, "sub": "a", "aud": CLIENT, "exp": int(time.time()) + left}
        provider = OidcAuthProvider(
            issuer.url,
            CLIENT,
            token={"id_token": unsigned(claims), "refresh_token": issuer.refresh_token()},
        )
        with pytest.raises(AuthError, match="alg=none"):
            provider.get_token()


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        ({"claims": {"sub": "mallory"}}, "another user"),
        ({"claims": {"aud": "x"}}, "not for client"),
        ({"forge": True}, "signature"),
        ({"algorithm": "none"}, "alg=none"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_b49_a_bad_renewed_id_token_is_not_stored(
    issuer: Issuer, store: Store, token_file: Path, knobs: dict[str, Any], why: str
) -> None:
    old = store(issuer, left=-10)
    vars(issuer.knobs).update(knobs)
    with pytest.raises(TokenRefreshError, match=why):
        OidcAuthProvider.from_file(str(token_file)).get_token()
    assert stored(token_file) == old


def test_a113_deleting_the_file_is_a_logout_of_running_programs_too(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=100)
    provider = OidcAuthProvider.from_file(str(token_file))
    token_file.unlink()
    with pytest.raises(ReauthenticationRequired, match="logout"):
        provider.get_token()
    assert not token_file.exists()
    assert not issuer.renewals()


RENEW = """
import sys
from micromegas.auth import OidcAuthProvider
provider = OidcAuthProvider.from_file(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(provider.get_token(), flush=True)
"""


def test_b45_twenty_processes_renew_once(
    make_issuer: Callable[..., Issuer], store: Store, token_file: Path
) -> None:
    """With single-use refresh tokens: a second use would be refused."""
    issuer = make_issuer(renewal=lambda form: threading.Event().wait(0.3) or None)
    store(issuer, left=10)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", RENEW, str(token_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(20)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate(timeout=30)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert [process.returncode for process in processes] == [0] * 20, outputs
    assert {out.strip() for out, _ in outputs} == {stored(token_file)["id_token"]}
    assert len(issuer.renewals()) == 1
    assert token_file.with_name("tokens.json.lock").exists()


def test_b45_invalid_grant_reads_the_file_again(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    """A published client, which knows no lock, renews between our reading and our asking."""
    store(issuer, left=-10)
    provider = OidcAuthProvider.from_file(str(token_file))

    def overtaken(form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        store(issuer, left=3000)
        return 400, {"error": "invalid_grant"}

    issuer.knobs.renewal = overtaken
    assert provider.get_token() == stored(token_file)["id_token"]
    assert len(issuer.renewals()) == 1


def test_b45_invalid_grant_tries_a_newer_refresh_token_once(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=-10)
    provider = OidcAuthProvider.from_file(str(token_file))

    def overtaken(form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        issuer.knobs.renewal = lambda form: None
        store(issuer, left=-5)
        return 400, {"error": "invalid_grant"}

    issuer.knobs.renewal = overtaken
    assert provider.get_token() == stored(token_file)["id_token"]
    first, second = issuer.renewals()
    assert first["refresh_token"] != second["refresh_token"]


def test_b45_the_lock_has_a_time_limit(
    issuer: Issuer, store: Store, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "LOCK_TIMEOUT", 0.2)
    old = store(issuer, left=100)["id_token"]
    provider = OidcAuthProvider.from_file(str(token_file))
    with storage.locked(token_file):
        with pytest.warns(RuntimeWarning, match=r"tokens\.json\.lock"):
            assert provider.get_token() == old
        store(issuer, left=-10)
        with pytest.raises(TokenRefreshError, match=r"tokens\.json\.lock for 0\.2 s"):
            OidcAuthProvider.from_file(str(token_file)).get_token()


def test_b45_a_file_of_another_client_is_not_used_or_overwritten(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=-10)
    provider = OidcAuthProvider.from_file(str(token_file))
    document = json.loads(token_file.read_text()) | {"client_id": "another"}
    token_file.write_text(json.dumps(document))
    with pytest.raises(TokenRefreshError, match="another"):
        provider.get_token()
    assert json.loads(token_file.read_text()) == document


def test_b52_a_start_with_a_valid_token_needs_no_provider(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    old = store(issuer, left=3000)["id_token"]
    OidcAuthProvider.from_file(str(token_file))
    assert len(issuer.asked("/.well-known/openid-configuration")) == 1
    OidcAuthProvider.from_file(str(token_file))
    assert len(issuer.asked("/.well-known/openid-configuration")) == 1
    issuer.stop()
    assert OidcAuthProvider.from_file(str(token_file)).get_token() == old


def test_b52_metadata_is_kept_for_an_hour(issuer: Issuer, store: Store, token_file: Path) -> None:
    store(issuer, left=100)
    provider = OidcAuthProvider.from_file(str(token_file))
    cache = metadata.cache_path(token_file)
    document = json.loads(cache.read_text())
    cache.write_text(json.dumps(document | {"fetched_at": int(time.time()) - 3700}))
    OidcAuthProvider.from_file(str(token_file))
    assert len(issuer.asked("/.well-known/openid-configuration")) == 2
    assert cache.stat().st_mode & 0o777 == 0o600
    provider.get_token()


def test_b52_metadata_of_another_issuer_or_broken_is_not_used(
    issuer: Issuer, store: Store, token_file: Path
) -> None:
    store(issuer, left=100)
    cache = metadata.cache_path(token_file)
    fresh = {"fetched_at": int(time.time())}
    for planted in (
        {"issuer": "https://evil.example", "document": {"issuer": "https://evil.example"}, **fresh},
        {"issuer": issuer.url, "document": {}, **fresh},
        {"issuer": issuer.url, "document": "?", **fresh},
    ):
        cache.write_text(json.dumps(planted))
        cache.chmod(0o600)
        OidcAuthProvider.from_file(str(token_file))
    assert len(issuer.asked("/.well-known/openid-configuration")) == 3


def test_a89_discovery_fails_with_requests_exceptions(issuer: Issuer, token_file: Path) -> None:
    issuer.stop()
    with pytest.raises(requests.exceptions.RequestException):
        OidcAuthProvider(issuer.url, CLIENT)
    with pytest.raises(requests.exceptions.RequestException):
        OidcAuthProvider.login(issuer.url, CLIENT)
    token_file.write_text(json.dumps({"issuer": issuer.url, "client_id": CLIENT, "token": {}}))
    token_file.chmod(0o600)
    with pytest.raises(requests.exceptions.RequestException):
        OidcAuthProvider.from_file(str(token_file))


def test_b54_access_token_mode(
    make_issuer: Callable[..., Issuer],
    store: Store,
    token_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = make_issuer(lifetime=1000)
    monkeypatch.setenv("MICROMEGAS_OIDC_BEARER", "access")
    store(issuer, left=1000)
    provider = OidcAuthProvider.from_file(str(token_file))
    assert provider.get_token() == "at-old"
    store(issuer, left=200)
    provider = OidcAuthProvider.from_file(str(token_file))
    assert provider.get_token() == stored(token_file)["access_token"] != "at-old"
    assert provider.get_token() == stored(token_file)["access_token"]
    assert len(issuer.renewals()) == 1
    with pytest.raises(ReauthenticationRequired, match="No access token"):
        OidcAuthProvider(issuer.url, CLIENT, token={"id_token": "x"}).get_token()


def test_b54_other_values_are_refused(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_OIDC_BEARER", "both")
    with pytest.raises(ValueError, match=r"MICROMEGAS_OIDC_BEARER is 'both'"):
        OidcAuthProvider(issuer.url, CLIENT)


@pytest.mark.parametrize(
    "algorithm",
    ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512"],
)
def test_b49_signatures_of_every_kind(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    """Among keys that cannot be used: of unknown types, broken, for encryption, symmetric."""
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    key = (
        ECKey.generate_key(curves[algorithm]) if algorithm in curves else RSAKey.generate_key(2048)
    )
    other = OctKey.import_key("shared-secret-of-thirty-two-bytes")
    keys = [
        {}, "junk", {"kty": "new"}, {"kty": "RSA", "n": "!", "e": "AQAB"},
        key.as_dict(private=False) | {"use": "enc"}, other.as_dict(), key.as_dict(private=False),
    ]  # fmt: skip
    monkeypatch.setattr("micromegas.auth.http.get_json", lambda url: {"keys": keys})
    known = metadata.Metadata({"issuer": "https://i", "jwks_uri": "https://i/keys"}, time.time())
    claims = {"iss": "https://i", "aud": CLIENT, "sub": "a", "iat": 1, "exp": time.time() + 60}
    token = jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])
    assert idtoken.verify(token, known, CLIENT)["sub"] == "a"
    head, body, _ = token.split(".")
    for bad in (
        f"{head}.{body}.{'A' * 86}",
        jwt.encode({"alg": "HS256"}, claims, other),
        "not.a.token",
        "",
    ):
        with pytest.raises(idtoken.InvalidToken):
            idtoken.verify(bad, known, CLIENT)


def test_b49_a_key_for_encryption_signs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    key = RSAKey.generate_key(2048)
    keys = [key.as_dict(private=False) | {"use": "enc"}]
    monkeypatch.setattr("micromegas.auth.http.get_json", lambda url: {"keys": keys})
    known = metadata.Metadata({"issuer": "https://i", "jwks_uri": "https://i/keys"}, time.time())
    claims = {"iss": "https://i", "aud": CLIENT, "sub": "a", "iat": 1, "exp": time.time() + 60}
    token = jwt.encode({"alg": "RS256"}, claims, key)
    with pytest.raises(idtoken.InvalidToken, match="signature"):
        idtoken.verify(token, known, CLIENT)
