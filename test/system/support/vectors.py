"""Requests that real clients sent, byte for byte, and the rows that must come of them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from support.lake import Ingestion
from support.process import ROOT

FOLDER = ROOT / "wire" / "testdata" / "native"


@dataclass(frozen=True)
class Capture:
    """One captured session: its requests in the order of arrival."""

    name: str

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @cached_property
    def requests(self) -> list[dict[str, Any]]:
        return json.loads((self.folder / "index.json").read_text())["requests"]

    @cached_property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Rows by view, times in ns since 1970, properties as JSON text."""
        return json.loads((self.folder / "rows.json").read_text())

    @cached_property
    def expected(self) -> dict[str, Any]:
        """What the instrumented program says that it emitted."""
        return json.loads((self.folder / "expected.json").read_text())

    def body(self, file: str) -> bytes:
        return (self.folder / file).read_bytes()

    def replay(self, ingestion: Ingestion) -> None:
        with requests.Session() as session:
            for request in self.requests:
                post(ingestion, request["path"], self.body(request["file"]), session)


def post(
    ingestion: Ingestion, path: str, body: bytes, session: requests.Session | None = None
) -> None:
    """Sends one request of the native protocol, which must be accepted."""
    answer = (session or requests).post(
        ingestion.url + path,
        data=body,
        headers={"Authorization": f"Bearer {ingestion.token}"},
        timeout=30,
    )
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
