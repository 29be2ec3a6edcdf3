"""A lake copied into another by SQL and bulk ingestion, as existing replication scripts do it."""

import datetime
import json
import secrets
import warnings

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow
import pyarrow.flight
import pytest
from conftest import NewLake
from micromegas.flightsql.client import FlightSQLClient
from support.client import ALWAYS, Token, connect, value
from support.lake import Analytics, Lake
from support.vectors import Capture

TABLES = ("processes", "streams", "blocks", "payloads")


@pytest.fixture
def administrator() -> str:
    return secrets.token_urlsafe(32)


@pytest.fixture
def copies(new_lake: NewLake, administrator: str) -> tuple[Lake, Lake]:
    """A lake with the blocks of a recorded program, and an empty one."""
    keys = json.dumps(
        [
            {"name": "root", "key": administrator, "admin": True},
            {"name": "reader", "key": secrets.token_urlsafe(32)},
        ]
    )
    lakes = tuple(new_lake(environment={"MICROMEGAS_API_KEYS": keys}) for _ in range(2))
    for lake in lakes:
        lake.key = administrator
        lake.start()
    Capture("v030").replay(lakes[0].ingestion)
    return lakes[0], lakes[1]


def table(client: FlightSQLClient, name: str) -> pyarrow.Table:
    if name == "payloads":
        return client.query_arrow(
            "SELECT process_id, stream_id, block_id,"
            " get_payload(process_id, stream_id, block_id) AS payload FROM blocks"
        )
    return client.query_arrow(f"SELECT * FROM {name}")


def everything(client: FlightSQLClient) -> dict[str, list[str]]:
    """All rows of all views, as text, in which NaN equals NaN, sorted."""
    views = {name: f"SELECT * FROM {name}" for name in (*TABLES[:3], "log_entries", "measures")}
    for stream, tags in zip(
        *table(client, "streams").select(["stream_id", "tags"]).to_pydict().values(), strict=True
    ):
        if "cpu" in tags:
            views["spans " + stream] = f"SELECT * FROM view_instance('thread_spans', '{stream}')"
    for process in table(client, "processes")["process_id"].to_pylist():
        views["events " + process] = f"SELECT * FROM view_instance('async_events', '{process}')"
    return {
        name: sorted(map(repr, client.query_arrow(sql, *ALWAYS).to_pylist()))
        for name, sql in views.items()
    }


@pytest.mark.parametrize("order", [TABLES, tuple(reversed(TABLES))])
def test_a_lake_is_copied(copies: tuple[Lake, Lake], order: tuple[str, ...]) -> None:
    """Blocks and payloads come apart, in either order; twice is once."""
    source, target = (connect(lake.analytics) for lake in copies)
    for name in (*order, *order):
        rows = table(source, name)
        assert rows.num_rows > 0
        result = target.bulk_ingest(name, rows)
        assert result.record_count == rows.num_rows
    expected = everything(source)
    assert everything(target) == expected
    assert sum(len(rows) for rows in expected.values()) > 100


def test_halves_do_not_show(copies: tuple[Lake, Lake]) -> None:
    source, target = (connect(lake.analytics) for lake in copies)
    for name in ("processes", "streams", "blocks"):
        target.bulk_ingest(name, table(source, name))
    assert value(target, "SELECT count(*) FROM blocks") == 0
    assert value(target, "SELECT count(*) FROM log_entries") == 0
    payloads = table(source, "payloads")
    target.bulk_ingest("payloads", payloads.slice(0, 1))
    assert value(target, "SELECT count(*) FROM blocks") == 1


def test_as_documented(copies: tuple[Lake, Lake]) -> None:
    """Python datetimes and lists of no type, as the client's documentation has them."""
    client = connect(copies[1].analytics)
    now = datetime.datetime.now(datetime.UTC)
    rows = pyarrow.table(
        {
            "process_id": ["11111111-2222-3333-4444-555555555555"],
            "exe": ["test.exe"],
            "username": ["user"],
            "realname": ["User"],
            "computer": ["computer"],
            "distro": ["Linux"],
            "cpu_brand": ["CPU"],
            "tsc_frequency": [3_000_000_000],
            "start_time": [now],
            "start_ticks": [0],
            "insert_time": [now],
            "parent_process_id": [""],
            "properties": [[]],
        }
    )
    assert client.bulk_ingest("processes", rows).record_count == 1
    frame = client.find_process("11111111-2222-3333-4444-555555555555")
    assert frame["exe"].tolist() == ["test.exe"]
    assert frame["start_time"][0].to_pydatetime() == now
    with pytest.raises(pyarrow.ArrowInvalid, match="missing column 'exe'"):
        client.bulk_ingest("processes", rows.drop_columns(["exe"]))
    with pytest.raises(pyarrow.ArrowInvalid, match="not supported"):
        client.bulk_ingest("log_entries", rows)


def test_adbc_ingests(copies: tuple[Lake, Lake]) -> None:
    source, target = copies
    rows = table(connect(source.analytics), "processes")
    with adbc(target.analytics) as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest("processes", rows, mode="append") == rows.num_rows
        cursor.execute("SELECT count(*) FROM processes")
        assert cursor.fetchall() == [(rows.num_rows,)]
        with pytest.raises(adbc_driver_manager.Error, match="the table exists"):
            cursor.adbc_ingest("processes", rows, mode="create")


def test_others_are_refused(lake: Lake) -> None:
    client = connect(lake.analytics, Token(lake.key))
    with pytest.raises(pyarrow.flight.FlightUnauthorizedError, match="needs an administrator"):
        client.bulk_ingest("processes", pyarrow.table({"process_id": ["x"]}))


def adbc(analytics: Analytics) -> adbc_driver_manager.dbapi.Connection:
    key = adbc_driver_flightsql.DatabaseOptions.AUTHORIZATION_HEADER.value
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Cannot disable autocommit")
        return adbc_driver_flightsql.dbapi.connect(
            analytics.uri, db_kwargs={key: f"Bearer {analytics.token}"}
        )
