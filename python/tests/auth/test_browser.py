"""Logins in a real browser, at a real provider: Chromium and npm's oidc-provider, to the end."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from micromegas.auth import LoginError, OidcAuthProvider, ReauthenticationRequired, idtoken, logout

ROOT = Path(__file__).resolve().parents[3]
OIDC = ROOT / "test" / "oidc"
CLIENT = "notebook"


def require(condition: object, what: str) -> None:
    """Skips without what is needed; CI has it, so there it is a failure."""
    if condition:
        return
    message = f"{what} is missing: run scripts/need.sh python node chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def node() -> str:
    own = ROOT / ".build" / "venv" / "bin" / "node"  # see need.sh
    found = str(own) if own.exists() else shutil.which("node")
    require(found, "Node.js")
    require((OIDC / "node_modules" / "playwright-core").exists(), "npm's playwright-core")
    assert found
    return found


@pytest.fixture(scope="module")
def chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    require(found, "Chromium")
    assert found
    return found


@pytest.fixture(scope="module")
def issuer(node: str) -> Iterator[str]:
    process = subprocess.Popen(
        [node, str(OIDC / "login.mjs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["issuer"]
    finally:
        process.terminate()
        process.wait(30)


class Person:
    """Sits at the browser."""

    def __init__(self, node: str, chromium: str) -> None:
        self.command = [node, str(OIDC / "person.mjs")]
        self.environment = os.environ | {"CHROMIUM": chromium}
        self.saw: list[dict[str, Any]] = []
        self.done = threading.Event()

    def open(self, url: str) -> bool:
        done = subprocess.run(
            [*self.command, url],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        self.saw.append(json.loads(done.stdout) if done.stdout else {"text": done.stderr})
        self.done.set()
        return True


@pytest.fixture
def person(node: str, chromium: str, monkeypatch: pytest.MonkeyPatch) -> Person:
    person = Person(node, chromium)
    monkeypatch.setattr(webbrowser, "open", person.open)
    return person


def ends_in(file: Path, seconds: int) -> str:
    """Rewrites the times of the stored ID token, whose signature was checked when it came."""
    document = json.loads(file.read_text())
    head, _, signature = document["token"]["id_token"].split(".")
    end = int(time.time()) + seconds
    claims = idtoken.unverified_claims(document["token"]["id_token"])
    claims |= {"exp": end, "iat": end - 3600}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    token = document["token"]["id_token"] = f"{head}.{body}.{signature}"
    file.write_text(json.dumps(document))
    return token


def renewals(issuer: str) -> int:
    count: int = requests.get(f"{issuer}/renewals", timeout=10).json()
    return count


def test_a89_a92_b49_login_consent_renewal_logout(
    issuer: str, person: Person, token_file: Path
) -> None:
    auth = OidcAuthProvider.login(issuer, CLIENT, token_file=str(token_file))
    assert person.done.wait(60)
    (page,) = person.saw
    assert "close this window" in page["text"], page
    assert page["at"] == "http://localhost:48080/callback"
    claims = idtoken.unverified_claims(auth.get_token())
    assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, CLIENT, "alice")
    assert claims["email"] == "alice@example.com"
    assert token_file.stat().st_mode & 0o777 == 0o600

    for _ in range(2):  # refresh tokens rotate: the second needs the first one's
        old = ends_in(token_file, 20)
        new = OidcAuthProvider.from_file(str(token_file)).get_token()
        assert new != old
        assert idtoken.unverified_claims(new)["sub"] == "alice"

    ends_in(token_file, 20)
    before, start = renewals(issuer), threading.Barrier(8)
    tokens: list[str] = []

    def ask() -> None:
        provider = OidcAuthProvider.from_file(str(token_file))  # as if a process of its own
        start.wait(30)
        tokens.append(provider.get_token())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(tokens) == 8
    assert len(set(tokens)) == 1
    assert renewals(issuer) == before + 1, "B45, with refresh tokens that really work once"

    ends_in(token_file, -5)
    stolen = token_file.read_text()
    done = logout(token_file)
    assert (done.removed, done.revoked, done.problem) == (True, True, "")
    token_file.write_text(stolen)
    token_file.chmod(0o600)
    with pytest.raises(ReauthenticationRequired, match="invalid_grant"):  # B52: really revoked
        OidcAuthProvider.from_file(str(token_file)).get_token()


def test_a96_refused_consent_is_shown_in_the_browser_and_raised(
    issuer: str, person: Person, token_file: Path, redirect_uri: str
) -> None:
    """B51 too: the provider takes any loopback port for a native client."""
    person.command.append("--deny")
    with pytest.raises(LoginError, match=r"Authentication failed: .*access_denied"):
        OidcAuthProvider.login(
            issuer, CLIENT, token_file=str(token_file), redirect_uri=redirect_uri
        )
    assert person.done.wait(60)
    assert "access_denied" in person.saw[0]["text"]
    assert not token_file.exists()


def test_b47_device_login_at_a_real_provider(
    issuer: str, person: Person, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    class Terminal:
        def write(self, text: str) -> int:
            for word in text.split():
                if "user_code=" in word:
                    threads.append(threading.Thread(target=person.open, args=(word,)))
                    threads[-1].start()
            return len(text)

        def flush(self) -> None: ...

    monkeypatch.setattr(sys, "stderr", Terminal())
    provider = OidcAuthProvider.login_with_device(issuer, CLIENT, token_file=str(token_file))
    for thread in threads:
        thread.join(60)
    claims = idtoken.unverified_claims(provider.get_token())
    assert claims["email"] == "alice@example.com", person.saw
    old = ends_in(token_file, 20)
    assert OidcAuthProvider.from_file(str(token_file)).get_token() != old


def test_a87_a89_the_documented_example_with_the_systems_browser(
    issuer: str, node: str, chromium: str, home: Path
) -> None:
    """Nothing is replaced: a Python process, $BROWSER, Chromium, and port 48080."""
    program = f"""
from micromegas.auth import OidcAuthProvider
auth = OidcAuthProvider.login(
    issuer={issuer!r},
    client_id={CLIENT!r},
    token_file="~/.micromegas/tokens.json",
)
auth = OidcAuthProvider.from_file("~/.micromegas/tokens.json")
print(auth.get_token().count("."))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"CHROMIUM": chromium, "BROWSER": f"{node} {OIDC / 'person.mjs'} %s"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2" in done.stdout.splitlines()
    assert f"{issuer}/auth?" in done.stderr, "A126"
    assert (home / ".micromegas" / "tokens.json").stat().st_mode & 0o777 == 0o600
