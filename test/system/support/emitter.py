"""The program on the published Rust crates, see test/rust."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.lake import Ingestion
from support.process import ROOT, clean_environment

PROGRAM = ROOT / ".build" / "cargo" / "debug" / "emitter"


@dataclass(frozen=True)
class Emitted:
    """What the program says that it sent."""

    process_id: str
    begin_ns: int
    ready_ns: int  # telemetry was started between begin and here
    end_ns: int
    logs: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    threads: list[dict[str, Any]]
    async_spans: list[dict[str, Any]]
    process_properties: dict[str, str]

    @property
    def range(self) -> tuple[datetime, datetime]:
        """A query range around the life of the program."""
        margin = timedelta(seconds=1)
        begin = datetime.fromtimestamp(self.begin_ns / 1e9, UTC)
        end = datetime.fromtimestamp(self.end_ns / 1e9, UTC)
        return begin - margin, end + margin


def require() -> None:
    """Skips the test where the program could not be built."""
    if not PROGRAM.exists():
        pytest.skip("the Rust test program was not built: no recent Rust here")


def emit(
    ingestion: Ingestion, credentials: Mapping[str, str] | None = None, numbered_logs: int = 20
) -> Emitted:
    """Runs the program to its end; with the lake's API key unless other credentials are given."""
    if credentials is None:
        credentials = {"MICROMEGAS_INGESTION_API_KEY": ingestion.token}
    ended = subprocess.run(
        [str(PROGRAM), str(numbered_logs)],
        env=clean_environment(
            {
                "MICROMEGAS_TELEMETRY_URL": ingestion.url,
                "MICROMEGAS_ENABLE_CPU_TRACING": "true",
                **credentials,
            }
        ),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return Emitted(**json.loads(ended.stdout))
