"""Fixtures: the real binaries from bin/ on loopback ports, each lake in a folder of its own.

`lake` is shared by the whole run and started in every way that there is; `ingestion` and
`analytics` say how to reach it. A test that changes or breaks a server takes `new_lake`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from micromegas.flightsql.client import FlightSQLClient
from support import emitter, vectors
from support.client import connect
from support.emitter import Emitted
from support.lake import FLAVOURS, Analytics, Flavour, Ingestion, Lake
from support.oidc import OidcProvider
from support.postgres import Postgres
from support.process import BIN

NewLake = Callable[..., Lake]


@pytest.fixture(scope="session", autouse=True)
def _prerequisites() -> None:
    for name in ("micromegas", "telemetry-ingestion-srv", "flight-sql-srv"):
        if not (BIN / name).exists():
            pytest.exit(f"bin/{name} is missing: make build", returncode=1)
    if not vectors.FOLDER.exists():
        pytest.exit(f"{vectors.FOLDER} is missing", returncode=1)


@pytest.fixture(scope="session")
def oidc() -> Iterator[OidcProvider]:
    """The issuer that the shared lake trusts."""
    with OidcProvider() as provider:
        yield provider


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def new_database(request: pytest.FixtureRequest, flavour: Flavour) -> str:
    """A database for lakes that need one; the server starts with the first."""
    return request.getfixturevalue("postgres").new_database() if flavour == "PostgreSQL" else ""


@pytest.fixture(scope="session", params=FLAVOURS)
def lake(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, oidc: OidcProvider
) -> Iterator[Lake]:
    flavour: Flavour = request.param
    lake = Lake(
        flavour,
        tmp_path_factory.mktemp(flavour.replace(" ", "-")),
        environment={
            "MICROMEGAS_OIDC_CONFIG": oidc.server_config(),
            "MICROMEGAS_ADMINS": json.dumps(["admin@example.com"]),
        },
        database=new_database(request, flavour),
    )
    try:
        yield lake.start()
        lake.stop()
    finally:
        lake.abandon()


@pytest.fixture
def ingestion(lake: Lake) -> Ingestion:
    return lake.ingestion


@pytest.fixture
def analytics(lake: Lake) -> Analytics:
    return lake.analytics


@pytest.fixture
def client(analytics: Analytics) -> FlightSQLClient:
    return connect(analytics)


@pytest.fixture(scope="session")
def emitted(lake: Lake) -> Emitted:
    """One run of the Rust program into the shared lake."""
    emitter.require()
    return emitter.emit(lake.ingestion)


@pytest.fixture
def new_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewLake]:
    """Makes lakes for one test, not yet started; what still runs at the end is stopped cleanly."""
    lakes: list[Lake] = []

    def make(
        flavour: Flavour = "one process",
        *,
        environment: dict[str, str] | None = None,
        flags: tuple[str, ...] = (),
    ) -> Lake:
        lake = Lake(
            flavour,
            tmp_path / f"lake-{len(lakes)}",
            dict(environment or {}),
            flags,
            new_database(request, flavour),
        )
        lakes.append(lake)
        return lake

    try:
        yield make
        for lake in lakes:
            lake.stop()
    finally:
        for lake in lakes:
            lake.abandon()
