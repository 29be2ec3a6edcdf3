"""Operations of administrators on the real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from conftest import Token
from lakes import Lake, captured_rows
from micromegas import admin
from micromegas.flightsql import errors
from micromegas.flightsql.client import FlightSQLClient

BEGIN = datetime(2020, 1, 1, tzinfo=timezone.utc)
END = datetime(2100, 1, 1, tzinfo=timezone.utc)
ALL_OF_IT = int((END - BEGIN) / timedelta(seconds=1))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path, MICROMEGAS_ALLOW_KEY_ADMIN="one") as lake:
        lake.replay()
        yield lake


def count(client: FlightSQLClient) -> int:
    return int(client.query("SELECT count(*) AS n FROM log_entries")["n"][0])


def test_partitions_of_the_real_server(own: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    rows = len(captured_rows()["log_entries"])
    with FlightSQLClient(own.uri, auth_provider=Token(own.key)) as client:
        client.materialize_partitions("log_entries", BEGIN, END, ALL_OF_IT)
        listed = client.query("SELECT * FROM list_partitions() WHERE view_set_name = 'log_entries'")
        assert listed["num_rows"].sum() == rows
        assert bytes(listed["file_schema_hash"][0]) == b"\x07"
        client.regenerate_partitions("log_entries", BEGIN, END, ALL_OF_IT)
        assert "nb_source_events=" in capsys.readouterr().out
        assert count(client) == rows
        client.retire_partitions("log_entries", "global", BEGIN, END)
        assert "[RETIRE_FOUND]" in capsys.readouterr().out
        assert count(client) == rows, "retiring takes no row out of answers"
        assert admin.list_incompatible_partitions(client).empty
        assert admin.retire_incompatible_partitions(client).empty
        with pytest.raises(errors.InvalidError, match="view set nothing not found"):
            client.retire_partitions("nothing", "global", BEGIN, END)


def test_nobody_else_may(own: Lake) -> None:
    with (
        FlightSQLClient(own.uri, auth_provider=Token(own.other_key)) as client,
        pytest.raises(errors.UnauthorizedError, match="needs an administrator"),
    ):
        client.retire_partitions("log_entries", "global", BEGIN, END)
