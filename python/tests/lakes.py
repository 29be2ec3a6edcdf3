"""The server under test, fed with requests that a real client sent."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).parents[2]
BIN = ROOT / "bin"
CAPTURE = ROOT / "wire" / "testdata" / "native" / "v030"

READY_WITHIN = 60.0  # seconds; a cold start on two busy cores
STOPPED_WITHIN = 30.0


# Below what Linux gives to outgoing connections, which would take a port between the look and the
# server's start; each is tried once in a run.
_ports = iter(random.sample(range(15_000, 32_000), 16_000))


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    for port in _ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port left")


class Lake:
    """``micromegas serve`` on free loopback ports over a folder of its own; ``settings`` are variables."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.key = secrets.token_urlsafe(32)
        self.other_key = secrets.token_urlsafe(32)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.uri = f"grpc://127.0.0.1:{free_port()}"
        self._log = folder / "server.log"
        keys = [{"name": "one", "key": self.key}, {"name": "other", "key": self.other_key}]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("MICROMEGAS_")}
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    str(BIN / "micromegas"),
                    "serve",
                    "--listen-endpoint-http",
                    self.url.removeprefix("http://"),
                    "--listen-endpoint-grpc",
                    self.uri.removeprefix("grpc://"),
                ],
                env=inherited
                | {
                    "MICROMEGAS_DATA_DIR": str(folder / "data"),
                    "MICROMEGAS_API_KEYS": json.dumps(keys),
                }
                | settings,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def __enter__(self) -> Self:
        give_up = time.monotonic() + READY_WITHIN
        while not self._ready():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < give_up, f"not ready: {self._log.read_text()}"
            time.sleep(0.05)  # between two questions; the server has no other way to say it
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def replay(self, first: int | None = None, last: int | None = None) -> None:
        """Sends the captured requests, or some of them, in the order in which they arrived."""
        for request in json.loads((CAPTURE / "index.json").read_text())["requests"][first:last]:
            self.post(request["path"], (CAPTURE / request["file"]).read_bytes())

    def post(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(  # noqa: S310
            self.url + path, data=body, headers={"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            assert answer.status == 200


def captured_rows() -> dict[str, list[dict[str, Any]]]:
    """The rows that must come of them, by view; times in ns since 1970, properties as JSON."""
    rows: dict[str, list[dict[str, Any]]] = json.loads((CAPTURE / "rows.json").read_text())
    return rows
