"""``micromegas doctor``: what stands between this machine and an answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from micromegas.cli import common

if TYPE_CHECKING:
    from micromegas.flightsql.client import FlightSQLClient
    from micromegas.profiles import ConnectionConfig

_PATIENCE = 10.0  # seconds for each question
_CLOCKS_MAY_DIFFER = 60.0  # seconds; tokens are refused beyond


@dataclass
class _Report:
    failed: bool = field(default=False)

    @contextmanager
    def check(self, what: str) -> Iterator[Callable[[str], None]]:
        """One line, whatever happens inside; what is yielded takes the good news."""
        said: list[str] = []
        try:
            yield said.append
        except Exception as error:  # noqa: BLE001 # shown in one line
            self.failed = True
            click.echo(f"FAIL  {what}: {common.scrub(str(error) or type(error).__name__)}")
        else:
            click.echo(f"ok    {what}{': ' if said else ''}{common.scrub('; '.join(said))}")


@click.command("doctor")
@common.profile_option
def command(profile: str | None) -> int:
    """Check configuration, network, credential, server and clock; exit status 1 if one fails."""
    from micromegas.profiles import resolve_connection

    config = resolve_connection(profile=profile)  # a mistake there is a usage error, and its text
    report = _Report()
    with report.check("configuration") as say:
        say(f"server {config.uri}")
        if config.profile:
            say(f"profile {config.profile}")
    with report.check("network") as say:
        say(f"connected to {_connect(config.uri)}")
    if not report.failed:
        _ask(report, config)
    return common.FAILED if report.failed else 0


def _ask(report: _Report, config: ConnectionConfig) -> None:
    from micromegas.cli.whoami import method
    from micromegas.connection import auth_provider
    from micromegas.flightsql.client import FlightSQLClient

    client: FlightSQLClient | None = None
    with report.check("credential") as say:
        say(method(config))
        provider = auth_provider(config)
        if provider is not None:
            provider.get_token()
        client = FlightSQLClient(
            config.uri,
            auth_provider=provider,
            client_entrypoint="cli-doctor",
            timeout=_PATIENCE,
            progress=False,
        )
    if client is None:
        return
    with client:
        answered = False
        with report.check("query") as say:
            client.query_arrow("SELECT 1")
            answered = True
            say("the server answers and accepts the credential")
        if answered:
            _look(report, client)


def _look(report: _Report, client: FlightSQLClient) -> None:
    with report.check("clock") as say:
        before = common.now()
        theirs = client.query("SELECT now() AS now")["now"].iloc[0].to_pydatetime()
        if theirs.tzinfo is None:  # as DataFusion answers; all servers' time is UTC
            theirs = theirs.replace(tzinfo=timezone.utc)
        difference = abs((theirs - before).total_seconds())
        if difference > _CLOCKS_MAY_DIFFER:
            raise RuntimeError(
                f"this clock and the server's differ by {difference:.0f} s; set them by NTP"
            )
        say(f"{difference:.1f} s from the server's")
    with report.check("data") as say:
        count = client.query("SELECT count(*) AS n FROM processes")["n"].iloc[0]
        say(f"{count} processes have sent telemetry")


def _connect(uri: str) -> str:
    parts = urlsplit(uri)
    host = parts.hostname
    if not host:
        raise ValueError(f"not an address of a server: {uri!r}; write grpc://host:port")
    port = parts.port or (443 if parts.scheme in ("https", "grpc+tls") else 80)
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return f"{host}:{port}"
    except OSError as error:
        raise ConnectionError(f"{host}:{port}: {error.strerror or error}") from None
