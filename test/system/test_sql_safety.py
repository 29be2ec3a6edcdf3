"""No statement reaches past the telemetry, none brings the server down, and no error tells of it."""

import time
from collections.abc import Callable

import pyarrow.lib
import pytest
from micromegas.flightsql.client import FlightSQLClient
from support.client import connect, value
from support.lake import Lake

REFUSED = {
    "copy out": "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "copy in": "COPY log_entries FROM '/etc/passwd'",
    "a file as function": "SELECT * FROM read_csv('/etc/passwd')",
    "a text file": "SELECT * FROM read_text('/etc/passwd')",
    "a binary file": "SELECT content FROM read_blob('/etc/passwd')",
    "a file as table": "SELECT * FROM '/etc/passwd'",
    "a quoted file": 'SELECT * FROM "/etc/passwd.csv"',
    "a file in a subquery": "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
    "a file in a CTE": "WITH f AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM f",
    "Parquet files": "SELECT * FROM read_parquet('**/*.parquet')",
    "Parquet metadata": "SELECT * FROM parquet_metadata('**/*.parquet')",
    "folders": "SELECT * FROM glob('/*')",
    "sniffing": "FROM sniff_csv('/etc/passwd')",
    "text as statement": "SELECT * FROM query('SELECT 1')",
    "text as table": "SELECT * FROM query_table('/etc/passwd')",
    "attach a file": "ATTACH '/tmp/other.db' AS other",
    "attach memory": "ATTACH ':memory:' AS other",
    "detach": "DETACH memory",
    "use": "USE temp",
    "install": "INSTALL httpfs",
    "load": "LOAD httpfs",
    "set": "SET memory_limit = '1TB'",
    "reset": "RESET memory_limit",
    "pragma": "PRAGMA database_list",
    "pragma with a value": "PRAGMA threads = 64",
    "call": "CALL pragma_version()",
    "checkpoint": "CHECKPOINT",
    "vacuum": "VACUUM",
    "export": "EXPORT DATABASE '/tmp/stolen'",
    "create a table": "CREATE TABLE mine AS SELECT 1 AS x",
    "create a view": "CREATE VIEW mine AS SELECT 1 AS x",
    "create a macro": "CREATE MACRO now() AS 1",
    "drop": "DROP VIEW log_entries",
    "insert": "INSERT INTO log_entries SELECT * FROM log_entries",
    "update": "UPDATE log_entries SET msg = ''",
    "delete": "DELETE FROM log_entries",
    "transaction": "BEGIN TRANSACTION",
    "two statements": "SELECT 1; SELECT 2",
    "hidden second": "SELECT 1; COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "environment": "SELECT getenv('PATH')",
    "environment of the process": "SELECT * FROM duckdb_settings()",
    "secrets": "SELECT * FROM duckdb_secrets()",
    "functions": "SELECT * FROM duckdb_functions()",
    "settings": "SELECT current_setting('temp_directory')",
    "another schema": "SELECT * FROM pg_catalog.pg_class",
    "SQLite schema": "SELECT * FROM sqlite_master",
    "prepare": "PREPARE p AS SELECT 1",
    "execute": "EXECUTE p",
    "nothing": "",
    "only a comment": "-- nothing",
    "not SQL": "SELEC 1",
    "unbalanced": "SELECT (((1",
    "unknown table": "SELECT * FROM no_such_table",
    "unknown column": "SELECT no_such_column FROM log_entries",
    "unknown function": "SELECT no_such_function(1)",
    "unknown view": "SELECT * FROM view_instance('no_such_view', 'x')",
    "bad instance": "SELECT * FROM view_instance('log_entries', 'it''s; DROP')",
    "missing instance": "SELECT * FROM view_instance('thread_spans')",
    "nested instance": "SELECT * FROM view_instance('log_entries', (SELECT 'x'))",
    "nul": "SELECT 'a\0b'; \0",
    "depth": "SELECT " + "(" * 3000 + "1" + ")" * 3000,
}

# Parts of file names and addresses that no caller has any business to see.
INNER = ("/root", "/home/", "/usr/", "/var/", ".parquet", ".go:", "goroutine", "sqlite", "0x")


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(lake: Lake, client: FlightSQLClient, name: str) -> None:
    sql = REFUSED[name]
    with pytest.raises(pyarrow.lib.ArrowException) as refusal:
        client.query(sql)
    text = str(refusal.value)
    assert len(text) > 10, "an error says what was wrong"
    assert str(lake.folder) not in text
    for inner in INNER:
        if inner not in sql:
            assert inner not in text.replace(sql, ""), text
    assert value(client, "SELECT 1") == 1


def test_the_same_when_prepared(client: FlightSQLClient) -> None:
    for name in ("copy out", "a file as function", "attach memory", "set", "two statements"):
        with pytest.raises(pyarrow.lib.ArrowException):
            client.prepare_statement(REFUSED[name])
    assert value(client, "SELECT 1") == 1


HEAVY = {
    "recursion without an end": (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    ),
    "recursion that doubles": (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t, range(2)) SELECT max(n)"
        " FROM t"
    ),
    "cross join": (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"
    ),
    "huge text": "SELECT length(repeat(repeat('x', 1000000), 1000000))",
    "huge list": "SELECT sum(x) FROM (SELECT unnest(range(100000000000)) AS x)",
    "huge sort": "SELECT * FROM range(100000000000) ORDER BY md5(range::varchar) LIMIT 1",
}
TIME_LIMIT = 3  # seconds
ENDED_WITHIN = 30.0  # seconds; cancelling takes a moment, and two cores are shared


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_statement_ends_at_the_time_limit(heavy_lake: Lake, name: str) -> None:
    client = connect(heavy_lake.analytics)
    begin = time.monotonic()
    with pytest.raises(pyarrow.lib.ArrowException) as refusal:
        client.query(HEAVY[name])
    assert time.monotonic() - begin < ENDED_WITHIN
    assert len(str(refusal.value)) > 10
    assert value(client, "SELECT 1") == 1


@pytest.fixture
def heavy_lake(new_lake: Callable[..., Lake]) -> Lake:
    """A server that gives a query little time."""
    return new_lake(environment={"MICROMEGAS_QUERY_TIMEOUT_SECONDS": str(TIME_LIMIT)}).start()
