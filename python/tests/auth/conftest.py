"""What all tests of authentication stand on: a home of their own and an issuer."""

from __future__ import annotations

import json
import os
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import lakes

from .issuer import CLIENT, Issuer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory and an environment without anybody's settings."""
    for name in list(os.environ):
        if name.startswith(("MICROMEGAS_", "SSH_")) or name in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name)
    directory = tmp_path / "home"
    directory.mkdir()
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("BROWSER", "true")  # so that a browser login is chosen; see `browser`
    # A login that nobody answers ends before the test's time is over.
    monkeypatch.setattr("micromegas.auth.browser.WAIT", 100.0)
    return directory


@pytest.fixture
def make_issuer() -> Iterator[Callable[..., Issuer]]:
    running: list[Issuer] = []

    def start(**knobs: object) -> Issuer:
        issuer = Issuer(**knobs)
        issuer.start()
        running.append(issuer)
        return issuer

    yield start
    for issuer in running:
        issuer.stop()


@pytest.fixture
def issuer(make_issuer: Callable[..., Issuer]) -> Issuer:
    return make_issuer()


@pytest.fixture
def free_port() -> int:
    return lakes.free_port()


@pytest.fixture
def redirect_uri(free_port: int) -> str:
    return f"http://localhost:{free_port}/callback"


class Browser:
    """Stands for the person and the browser: opens the URL and follows the redirects."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.answers: list[requests.Response] = []
        self.before: Callable[[str], None] = lambda url: None

    def open(self, url: str) -> bool:
        self.urls.append(url)
        self.before(url)
        self.answers.append(requests.get(url, timeout=10))
        return True


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    stand_in = Browser()
    monkeypatch.setattr(webbrowser, "open", stand_in.open)
    return stand_in


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> bool:
        pytest.fail(f"a browser was opened on {url}")

    monkeypatch.setattr(webbrowser, "open", refuse)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


Store = Callable[..., dict[str, Any]]


@pytest.fixture
def store(token_file: Path) -> Store:
    """Writes a token file as a login would have left it, `left` seconds before its end."""

    def write(issuer: Issuer, left: float, life: float = 3600, **token: object) -> dict[str, Any]:
        end = int(time.time() + left)
        answer: dict[str, Any] = {
            "access_token": "at-old",
            "id_token": issuer.id_token(exp=end, iat=int(end - life)),
            "refresh_token": issuer.refresh_token(),
            "token_type": "Bearer",
            "expires_in": int(life),
            "expires_at": end,
        }
        answer = {n: v for n, v in {**answer, **token}.items() if v is not None}
        document = {"issuer": issuer.url, "client_id": CLIENT, "token": answer}
        token_file.write_text(json.dumps(document))
        token_file.chmod(0o600)
        return answer

    return write
