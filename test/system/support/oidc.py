"""A real OpenID provider as a child process: the npm package oidc-provider, see test/oidc."""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from micromegas.auth import OidcClientCredentialsProvider

from support.process import ROOT

STARTED_WITHIN = 30.0  # seconds


@dataclass(frozen=True)
class Client:
    id: str
    secret: str


class OidcProvider:
    """An issuer on a loopback port, with a key of its own, until the end of the with block."""

    def __init__(self, port: int = 0) -> None:
        self._start(["node", "server.js", "--port", str(port)], ROOT / "test" / "oidc")

    def _start(self, command: Sequence[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        said = self._listen()
        self.issuer: str = said["issuer"]
        self.token_endpoint: str = said["token_endpoint"]
        self.audience: str = said["audience"]
        self._clients = {id: Client(id, c["secret"]) for id, c in said["clients"].items()}

    def _listen(self) -> dict[str, Any]:
        """What the provider says next."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the provider ended with {self._process.wait(STARTED_WITHIN)}"
        return json.loads(line)

    def kill(self) -> None:
        """The provider is gone, without a goodbye."""
        self._process.kill()
        self._process.wait(STARTED_WITHIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(STARTED_WITHIN)

    def client(self, id: str) -> Client:
        """service, admin, short-lived (tokens that live for a second) or elsewhere (another
        audience)."""
        return self._clients[id]

    def token(self, client_id: str) -> str:
        """A fresh access token."""
        client = self.client(client_id)
        answer = requests.post(
            self.token_endpoint,
            data={
                "grant_type": "client_credentials",
                "client_id": client.id,
                "client_secret": client.secret,
            },
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def provider(self, client_id: str) -> OidcClientCredentialsProvider:
        """What a service of the published package authenticates with."""
        client = self.client(client_id)
        return OidcClientCredentialsProvider(self.issuer, client.id, client.secret)

    def server_config(self) -> str:
        """The value of MICROMEGAS_OIDC_CONFIG that trusts this issuer."""
        return json.dumps({"issuers": [self.entry()]})

    def entry(self) -> dict[str, str]:
        """The entry of issuers that trusts this issuer."""
        return {"issuer": self.issuer, "audience": self.audience}

    def program_environment(self, client_id: str) -> dict[str, str]:
        """What an instrumented program needs to authenticate as this client."""
        client = self.client(client_id)
        return {
            "MICROMEGAS_OIDC_TOKEN_ENDPOINT": self.token_endpoint,
            "MICROMEGAS_OIDC_CLIENT_ID": client.id,
            "MICROMEGAS_OIDC_CLIENT_SECRET": client.secret,
            "MICROMEGAS_OIDC_AUDIENCE": self.audience,
        }


class ZitadelProvider(OidcProvider):
    """An issuer of another make: the example provider of zitadel/oidc in Go, see test/zitadel.

    Its clients are service, expired (tokens that are too old when they are made) and elsewhere.
    """

    def __init__(self) -> None:
        folder = ROOT / "test" / "zitadel"
        binary = ROOT / ".build" / "zitadel"
        build = ["go", "build", "-o", str(binary), "."]
        subprocess.run(build, cwd=folder, env=os.environ | {"GOFLAGS": ""}, check=True)
        self._start([str(binary)], folder)

    def rotate(self) -> None:
        """From here on it signs with a new key, and publishes that one alone."""
        self._process.send_signal(signal.SIGHUP)
        assert self._listen() == {"rotated": True}
