"""A lake under test: the servers in one of the ways to run them, and how to reach them."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from support.process import Program, free_port

# One process on embedded storage; the two servers side by side on the same embedded storage; the
# two servers as if on two machines, sharing only a PostgreSQL database and an object store.
Flavour = Literal["one process", "two processes", "PostgreSQL"]
FLAVOURS: tuple[Flavour, ...] = ("one process", "two processes", "PostgreSQL")


@dataclass(frozen=True)
class Ingestion:
    url: str
    token: str


@dataclass(frozen=True)
class Analytics:
    uri: str
    token: str


@dataclass
class Lake:
    """Servers on free loopback ports over one data folder; started, stopped and killed at will."""

    flavour: Flavour
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    database: str = ""  # of the flavour PostgreSQL
    programs: dict[str, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = secrets.token_urlsafe(32)
        self.http_port = free_port()
        self.grpc_port = free_port()
        self.health_port = free_port()
        if self.flavour == "PostgreSQL":
            self.environment.setdefault("MICROMEGAS_SQL_CONNECTION_STRING", self.database)
            self.environment.setdefault(
                "MICROMEGAS_OBJECT_STORE_URI", f"file://{self.folder}/objects"
            )
        if "--disable-auth" not in self.flags:
            self.environment.setdefault(
                "MICROMEGAS_API_KEYS", json.dumps([{"name": "system-test", "key": self.key}])
            )

    def data(self, program: str) -> Path:
        """The data folder of the program: its own where nothing but the stores is shared."""
        return self.folder / (f"data-{program}" if self.flavour == "PostgreSQL" else "data")

    @property
    def ingestion(self) -> Ingestion:
        return Ingestion(f"http://127.0.0.1:{self.http_port}", self.key)

    @property
    def analytics(self) -> Analytics:
        return Analytics(f"grpc://127.0.0.1:{self.grpc_port}", self.key)

    def start(self) -> "Lake":
        """Starts everything and waits until it says that it is ready."""
        if self.flavour == "one process":
            self.start_program("micromegas")
        else:
            self.start_program("telemetry-ingestion-srv")
            self.start_program("flight-sql-srv")
        for name in self.programs:
            self.wait_ready(name)
        return self

    def command(self, name: str) -> list[str]:
        http = ["--listen-endpoint-http", f"127.0.0.1:{self.http_port}"]
        grpc = ["--listen-endpoint-grpc", f"127.0.0.1:{self.grpc_port}"]
        health = ["--health-listen-addr", f"127.0.0.1:{self.health_port}"]
        own = {
            "micromegas": ["serve", *http, *grpc],
            "telemetry-ingestion-srv": http,
            "flight-sql-srv": [*grpc, *health],
        }
        return [*own[name], *self.flags]

    def start_program(self, name: str, environment: Mapping[str, str] | None = None) -> Program:
        program = Program(
            name,
            self.command(name),
            {"MICROMEGAS_DATA_DIR": str(self.data(name))}
            | self.environment
            | dict(environment or {}),
            self.folder / f"{name}.log",
        )
        self.programs[name] = program
        return program

    def wait_ready(self, name: str) -> None:
        port = self.health_port if name == "flight-sql-srv" else self.http_port
        self.programs[name].wait_ready(f"http://127.0.0.1:{port}/ready")

    @property
    def ingestion_program(self) -> str:
        return "micromegas" if self.flavour == "one process" else "telemetry-ingestion-srv"

    def stop(self) -> None:
        """Stops everything, the side that takes data first, and checks that it went well."""
        while self.programs:
            name = next(iter(self.programs))
            self.programs.pop(name).stop_cleanly()

    def abandon(self) -> None:
        """Ends whatever still runs after a failed test."""
        for program in self.programs.values():
            if program.running:
                program.kill()
        self.programs.clear()
