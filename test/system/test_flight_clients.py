"""Every way in which clients of Arrow Flight SQL ask: the published client, pyarrow, and ADBC."""

import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pandas
import pyarrow
import pyarrow.flight
import pytest
from adbc_driver_manager.dbapi import Connection
from micromegas.flightsql import FlightSql_pb2 as pb
from micromegas.flightsql.client import FlightSQLClient
from support.client import ALWAYS, connect
from support.lake import Analytics, Lake
from support.vectors import Capture

# Rows of about a kilobyte, several messages' worth.
WIDE = "SELECT i, repeat('w', 1000) AS w FROM range(20000) t(i)"

# More than any test waits for.
ENDLESS = (
    "SELECT count(*) FROM range(1000000000000) a, range(1000) b WHERE a.range % 7 = b.range % 11"
)

HEADER = adbc_driver_flightsql.StatementOptions.RPC_CALL_HEADER_PREFIX.value


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    """A lake that holds the blocks of a recorded program."""
    capture = Capture("v030")
    lake = Lake("one process", tmp_path_factory.mktemp("flight-clients"))
    try:
        lake.start()
        capture.replay(lake.ingestion)
        yield lake.analytics
        lake.stop()
    finally:
        lake.abandon()


@pytest.fixture
def adbc(analytics: Analytics) -> Iterator[Connection]:
    with adbc_connect(analytics) as connection:
        yield connection


def adbc_connect(analytics: Analytics) -> Connection:
    key = adbc_driver_flightsql.DatabaseOptions.AUTHORIZATION_HEADER.value
    with warnings.catch_warnings():
        # There are no transactions to switch on.
        warnings.filterwarnings("ignore", "Cannot disable autocommit")
        return adbc_driver_flightsql.dbapi.connect(
            analytics.uri, db_kwargs={key: f"Bearer {analytics.token}"}
        )


def flight(analytics: Analytics) -> tuple[pyarrow.flight.FlightClient, list[tuple[bytes, bytes]]]:
    """A client without Flight SQL, and the headers that its calls need."""
    header = (b"authorization", f"Bearer {analytics.token}".encode())
    return pyarrow.flight.connect(analytics.uri), [header]


def wrapped(message: Any) -> bytes:  # noqa: ANN401 # any protobuf message
    from google.protobuf import any_pb2

    outer = any_pb2.Any()
    outer.Pack(message)
    return outer.SerializeToString()


# --- the published client ---------------------------------------------------------------------


def test_an_empty_result_has_its_columns(client: FlightSQLClient) -> None:
    frame = client.query("SELECT time, level, msg FROM log_entries WHERE level = -1")
    assert list(frame.columns) == ["time", "level", "msg"]
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"
    assert list(client.query_stream("SELECT 1 WHERE false")) == []


def test_a_statement_as_the_helpers_write_it(client: FlightSQLClient) -> None:
    frame = client.query("\n      SELECT 1 AS one\n      LIMIT 5;")
    assert frame["one"].tolist() == [1]


def test_large_results_come_in_small_messages(client: FlightSQLClient) -> None:
    batches = list(client.query_stream(WIDE))
    assert len(batches) >= 10
    assert max(batch.nbytes for batch in batches) <= 2 * 1024 * 1024 + 65536
    assert [i for batch in batches for i in batch.column(0).to_pylist()] == list(range(20000))


@pytest.mark.parametrize(
    ("begin", "end", "name"),
    [
        (pandas.Timestamp("2024-01-01"), None, "query_range_begin"),
        (ALWAYS[0], pandas.Timestamp("2024-01-01"), "query_range_end"),
    ],
)
def test_a_time_without_zone(client: FlightSQLClient, begin: Any, end: Any, name: str) -> None:  # noqa: ANN401
    text = f"Unable to parse {name} as a rfc3339 datetime: "
    with pytest.raises(pyarrow.ArrowInvalid, match=text):
        client.query("SELECT 1", begin, end)


def test_half_open_ranges_and_ends_of_time(captured: Analytics) -> None:
    client = connect(captured)
    count = "SELECT count(*) AS n FROM log_entries"

    def n(begin: Any, end: Any) -> int:  # noqa: ANN401
        return int(client.query(count, begin, end)["n"][0])

    everything = n(None, None)
    assert everything > 0
    assert n(ALWAYS[0], None) == n(None, ALWAYS[1]) == n(*ALWAYS) == everything
    assert n("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z") == everything
    assert n(None, "0001-01-01T00:00:00Z") == n("9999-12-31T23:59:59Z", None) == 0
    assert n(ALWAYS[1], None) == n(None, ALWAYS[0]) == n(ALWAYS[1], ALWAYS[0]) == 0


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELEC 1", pyarrow.ArrowInvalid),
        ("SELECT * FROM no_such_table", pyarrow.ArrowInvalid),
        ("SELECT no_such_column FROM log_entries", pyarrow.ArrowInvalid),
        ("SELECT no_such_function(1)", pyarrow.ArrowInvalid),
        ("SELECT CAST('x' AS INT)", pyarrow.ArrowInvalid),
        ("", pyarrow.ArrowInvalid),
        ("SELECT '" + "x" * 5_000_000 + "'", pyarrow.ArrowInvalid),
        ("SELECT " + "no_such_column + " * 1000 + "1 FROM log_entries", pyarrow.ArrowInvalid),
    ],
)
def test_errors_name_the_query(client: FlightSQLClient, sql: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r" \(query_id=[0-9a-f-]{36}\)"):
        client.query(sql)


def test_prepared_statements(captured: Analytics) -> None:
    client = connect(captured)
    prepared = client.prepare_statement("SELECT count(*) FROM log_entries")
    assert prepared.query == "SELECT count(*) FROM log_entries"
    assert prepared.dataset_schema.names == ["count(*)"]
    assert prepared.dataset_schema.field(0).type == pyarrow.int64()
    (batch,) = client.prepared_statement_stream(prepared)
    assert batch.num_rows == 1

    sql = "SELECT time, target, properties FROM log_entries"
    kept = connect(captured, preserve_dictionary=True).query_arrow(sql).schema
    assert client.prepare_statement(sql).dataset_schema == kept


def test_dictionaries_kept_and_unpacked_say_the_same(captured: Analytics) -> None:
    sql = "SELECT time, target, level, msg, exe, properties FROM log_entries ORDER BY time, msg"
    plain = connect(captured).query_arrow(sql)
    kept = connect(captured, preserve_dictionary=True).query_arrow(sql)
    assert not any(pyarrow.types.is_dictionary(field.type) for field in plain.schema)
    assert pyarrow.types.is_dictionary(kept.schema.field("target").type)
    assert kept.to_pylist() == plain.to_pylist()
    assert plain.num_rows > 0


def test_queries_that_nobody_waits_for_end(analytics: Analytics, client: FlightSQLClient) -> None:
    """More of them than may run at the same time; a query after them is answered at once."""
    low, headers = flight(analytics)
    ticket = pyarrow.flight.Ticket(
        wrapped(pb.TicketStatementQuery(statement_handle=ENDLESS.encode()))
    )
    for _ in range(12):
        options = pyarrow.flight.FlightCallOptions(timeout=0.3, headers=headers)
        # The server may notice the deadline before the client does, and resets the stream.
        with pytest.raises(
            (pyarrow.flight.FlightTimedOutError, pyarrow.flight.FlightCancelledError)
        ):
            low.do_get(ticket, options).read_all()
    begin = time.monotonic()
    assert client.query("SELECT 1 AS one")["one"].tolist() == [1]
    assert time.monotonic() - begin < 10


# --- pyarrow, below Flight SQL ----------------------------------------------------------------


def test_flight_info_then_get(analytics: Analytics) -> None:
    """As the Grafana plugin asks: it needs exactly one endpoint, and passes the same metadata on."""
    low, headers = flight(analytics)
    options = pyarrow.flight.FlightCallOptions(headers=[*headers, (b"limit", b"3")])
    command = wrapped(pb.CommandStatementQuery(query="SELECT i FROM range(10) t(i)"))
    info = low.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command), options)
    (endpoint,) = info.endpoints
    assert endpoint.locations == []
    assert (info.total_records, info.total_bytes) == (-1, -1)
    table = low.do_get(endpoint.ticket, options).read_all()
    assert table.schema == info.schema
    assert table.num_rows == 3

    bare = pb.TicketStatementQuery()
    bare.ParseFromString(endpoint.ticket.ticket)
    assert bare.statement_handle == b"SELECT i FROM range(10) t(i)"
    result = low.get_schema(pyarrow.flight.FlightDescriptor.for_command(command), options)
    assert result.schema == info.schema


@pytest.mark.parametrize("garbage", [b"", b"SELECT 1", b"\xff" * 64, b"\x0a\x7fx"])
def test_garbage_is_refused(analytics: Analytics, garbage: bytes) -> None:
    low, headers = flight(analytics)
    options = pyarrow.flight.FlightCallOptions(headers=headers)
    with pytest.raises(pyarrow.ArrowInvalid):
        low.do_get(pyarrow.flight.Ticket(garbage), options).read_all()
    with pytest.raises(pyarrow.ArrowInvalid):
        low.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(garbage), options)
    with pytest.raises(pyarrow.ArrowInvalid):
        list(low.do_action(("CreatePreparedStatement", garbage), options))


def test_writing_is_refused(client: FlightSQLClient) -> None:
    with pytest.raises(pyarrow.flight.FlightUnauthorizedError, match="needs an administrator"):
        client.bulk_ingest("processes", pyarrow.table({"process_id": ["x"]}))


# --- ADBC -------------------------------------------------------------------------------------


def test_adbc_runs_statements(adbc: Connection) -> None:
    with adbc.cursor() as cursor:
        cursor.execute("SELECT 1 AS one, 'x' AS text UNION ALL SELECT 2, NULL ORDER BY one")
        assert cursor.fetchall() == [(1, "x"), (2, None)]
        cursor.execute("SELECT * FROM log_entries WHERE level = -1")
        assert "msg" in cursor.fetch_arrow_table().schema.names
        cursor.execute(WIDE)
        assert cursor.fetch_arrow_table().num_rows == 20000


def test_adbc_raises_its_own_errors(adbc: Connection) -> None:
    with adbc.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.ProgrammingError, match="no_such_table"):
            cursor.execute("SELECT * FROM no_such_table")
        with pytest.raises(adbc_driver_manager.ProgrammingError, match="without parameters"):
            cursor.execute("SELECT 1", [1])


def test_adbc_prepares(adbc: Connection) -> None:
    with adbc.cursor() as cursor:
        cursor.adbc_prepare("SELECT count(*) FROM log_entries")
        assert cursor.adbc_execute_schema("SELECT count(*) FROM log_entries").names == ["count(*)"]


def test_adbc_binds_parameters(captured: Analytics) -> None:
    """Existing servers describe prepared statements, but do not run them with values."""
    moment = datetime(2001, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
    with adbc_connect(captured) as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT ? AS a, ? AS b, ? AS c, ? AS d", [1, "it's; -- ?", None, moment])
        ((a, b, c, d),) = cursor.fetchall()
        assert (a, b, c) == (1, "it's; -- ?", None)
        assert d == pandas.Timestamp(moment)
        cursor.execute("SELECT $2 || $1 AS x", ["a", "b"])
        assert cursor.fetchall() == [("ba",)]

        cursor.execute(
            "SELECT count(*) FROM log_entries WHERE level <= ? AND time >= ?", [6, moment]
        )
        ((n,),) = cursor.fetchall()
        assert n > 0
        cursor.execute(
            "SELECT count(*) FROM log_entries WHERE level <= ? AND time >= ?",
            ["6", "2001-02-03T04:05:06Z"],
        )
        assert cursor.fetchall() == [(n,)]
        cursor.execute("SELECT msg FROM log_entries WHERE level = ? LIMIT ?", [-1, 3])
        assert cursor.fetch_arrow_table().schema.names == ["msg"]


def test_adbc_binds_several_rows(adbc: Connection) -> None:
    rows = pyarrow.record_batch({"i": [1, 10, 100], "name": ["a", None, "c"]})
    with adbc.cursor() as cursor:
        cursor.adbc_prepare("SELECT ? * i AS x, ? AS name FROM range(2) r(i)")
        cursor.execute("SELECT ? * i AS x, ? AS name FROM range(2) r(i)", rows)
        assert cursor.fetchall() == [
            (0, "a"), (1, "a"), (0, None), (10, None), (0, "c"), (100, "c"),
        ]  # fmt: skip


def test_adbc_binds_what_must_be_constant(captured: Analytics) -> None:
    sql = "SELECT count(*) FROM view_instance('log_entries', ?) WHERE level <= ?"
    with adbc_connect(captured) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT process_id FROM streams WHERE array_has(tags, 'cpu') AND process_id IN"
            " (SELECT process_id FROM log_entries) ORDER BY 1 LIMIT 1"
        )
        ((process,),) = cursor.fetchall()
        cursor.execute(sql.replace("?", f"'{process}'", 1), [6])
        ((n,),) = cursor.fetchall()
        assert n > 0
        schema = cursor.adbc_prepare(sql)
        assert schema.types == [pyarrow.string(), pyarrow.int32()]
        cursor.execute(sql, [process, 6])
        assert cursor.fetchall() == [(n,)]
        cursor.execute(
            "SELECT count(*), min(stream_id) FROM process_spans($1, 'thread') WHERE depth >= 1",
            [process],
        )
        (want,) = cursor.fetchall()
        assert want[0] > 0
        cursor.execute(
            "SELECT count(*), min(stream_id) FROM process_spans($1, $3) WHERE depth >= $2",
            [process, 1, "thread"],
        )
        assert cursor.fetchall() == [want]


def test_adbc_describes_parameters(adbc: Connection) -> None:
    with adbc.cursor() as cursor:
        schema = cursor.adbc_prepare("SELECT msg FROM log_entries WHERE level = ? AND time > ?")
        assert schema.types == [pyarrow.int32(), pyarrow.timestamp("ns", "+00:00")]
        with pytest.raises(adbc_driver_manager.ProgrammingError, match="no values are bound"):
            cursor.execute("SELECT ?")
        with pytest.raises(adbc_driver_manager.ProgrammingError, match="only 1 value is bound"):
            cursor.execute("SELECT ?, ?", [1])


def test_adbc_passes_the_range_and_the_rest_on(captured: Analytics) -> None:
    with adbc_connect(captured) as adbc:
        years = {HEADER + "query_range_begin": datetime(2200, 1, 1, tzinfo=UTC).isoformat()}
        with adbc.cursor(adbc_stmt_kwargs=years) as cursor:
            cursor.execute("SELECT * FROM log_entries")
            assert cursor.fetch_arrow_table().num_rows == 0
        with adbc.cursor(
            adbc_stmt_kwargs={HEADER + "limit": "2", HEADER + "preserve_dictionary": "true"}
        ) as cursor:
            cursor.execute("SELECT * FROM log_entries")
            table = cursor.fetch_arrow_table()
            assert table.num_rows == 2
            assert pyarrow.types.is_dictionary(table.schema.field("target").type)


def test_adbc_explores(adbc: Connection) -> None:
    info = adbc.adbc_get_info()
    assert info["vendor_name"] == "Micromegas Flight SQL Server"
    assert adbc.adbc_get_table_types() == ["table"]

    def tables(**filters: str) -> dict[str, list[str]]:
        (catalog,) = adbc.adbc_get_objects(**filters).read_all().to_pylist()
        (schema,) = catalog["catalog_db_schemas"]
        return {
            table["table_name"]: [column["column_name"] for column in table["table_columns"] or []]
            for table in schema["db_schema_tables"]
        }

    everything = tables(depth="all")
    assert {"log_entries", "measures", "processes", "streams", "blocks"} <= everything.keys()
    assert {"time", "level", "msg"} <= set(everything["log_entries"])
    assert tables(depth="tables", table_name_filter="log%").keys() == {
        name for name in everything if name.startswith("log")
    }
    schema = adbc.adbc_get_table_schema("log_entries")
    assert schema.names == everything["log_entries"]


def test_adbc_cancels(analytics: Analytics) -> None:
    with adbc_connect(analytics) as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchall()
        cancel: Callable[[], None] = cursor.adbc_cancel
        cancel()  # of nothing: no error, and the cursor goes on
        cursor.execute("SELECT 2")
        assert cursor.fetchall() == [(2,)]
