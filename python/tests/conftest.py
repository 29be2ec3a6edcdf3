"""Fixtures: the real server from bin/ with what a real client sent, a recording server, commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakes import BIN, Lake
from micromegas.flightsql.client import FlightSQLClient
from recorder import Recorder

Run = Callable[..., "subprocess.CompletedProcess[str]"]

COMMAND_WITHIN = 60.0  # seconds; an interpreter with pyarrow on a busy machine


class Token:
    """An authentication provider that always hands out the same token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self) -> str:
        return self._token


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """One server for all tests that only read."""
    if not (BIN / "micromegas").exists():
        pytest.fail(f"{BIN}/micromegas is missing: make build")
    with Lake(tmp_path_factory.mktemp("lake")) as lake:
        lake.replay()
        yield lake


@pytest.fixture
def client(lake: Lake) -> Iterator[FlightSQLClient]:
    with FlightSQLClient(lake.uri, auth_provider=Token(lake.key)) as client:
        yield client


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is set around the tests takes part in them."""
    for name in [*os.environ]:
        if name.startswith(("MICROMEGAS_", "CLAUDE")):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def run(home: Path) -> Run:
    """Runs a command as a process of its own, in an empty home."""

    def run(
        *args: str, env: dict[str, str] | None = None, stdin: str = "", module: str = "main"
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"micromegas.cli.{module}", *args],
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=home,
            timeout=COMMAND_WITHIN,
            check=False,
        )

    return run


@pytest.fixture
def ask(run: Run, lake: Lake) -> Run:
    """Runs a command that asks the lake."""
    settings = {
        "MICROMEGAS_ANALYTICS_URI": lake.uri,
        "MICROMEGAS_ANALYTICS_API_KEY": lake.key,
    }

    def ask(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run(*args, env=settings, **more)

    return ask
