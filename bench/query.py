"""Times a log query through Flight against the duckdb package on the same Parquet files, in turn, in one run.

make build && go run ./bench/fill -rows 10000000 -dir /tmp/lake10m
.build/venv/bin/python bench/query.py --dir /tmp/lake10m
"""

import argparse
import contextlib
import datetime
import operator
import os
import socket
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow
from micromegas.flightsql.client import FlightSQLClient

STATEMENTS = {
    "count with level and word": "SELECT count(*) AS n FROM log_entries WHERE level <= 3 AND msg LIKE '%x%'",
    "errors a minute": "SELECT date_trunc('minute', time) AS t, count(*) AS n FROM log_entries WHERE level <= 2 GROUP BY t ORDER BY t",
    "targets by count": "SELECT target, level, count(*) AS n FROM log_entries GROUP BY target, level ORDER BY n DESC, target, level LIMIT 20",
    "a word, newest first": "SELECT time, target, msg FROM log_entries WHERE msg LIKE '%connection reset%' ORDER BY time DESC LIMIT 100",
}


def live_files(folder: Path, view: str = "log_entries") -> list[str]:
    with sqlite3.connect(f"file:{folder / 'catalog.db'}?mode=ro", uri=True) as db:
        rows = db.execute(
            "SELECT file FROM partitions WHERE view_name = ? AND retired_at IS NULL AND file <> ''",
            (view,),
        )
        return [str(folder / "objects" / name) for (name,) in rows]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port: int, server: subprocess.Popen[bytes]) -> FlightSQLClient:
    for _ in range(100):
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return FlightSQLClient(f"grpc://127.0.0.1:{port}")
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


@contextlib.contextmanager
def serving(binary: str, folder: Path) -> Iterator[tuple[FlightSQLClient, int]]:
    """A client of a server over the folder, and the server's process id."""
    port = free_port()
    command = [binary, "--disable-auth", "--no-maintenance", "--log-level", "error"]
    server = subprocess.Popen(
        [*command, "--listen-endpoint-grpc", f"127.0.0.1:{port}"],
        env=os.environ | {"MICROMEGAS_DATA_DIR": str(folder)},
    )
    try:
        yield connect(port, server), server.pid
    finally:
        server.terminate()
        server.wait()


Rows = list[dict[str, object]]


def in_turn(
    name: str,
    sql: str,
    client: FlightSQLClient,
    direct: duckdb.DuckDBPyConnection,
    warm: int,
    runs: int,
    same: Callable[[Rows, Rows], bool],
) -> float:
    """Asks both by turns, compares the answers, prints the times, and returns the median of the ratios."""
    ours, theirs = [], []
    for run in range(warm + runs):
        begin = time.perf_counter()
        got = client.query_arrow(sql)
        middle = time.perf_counter()
        want = direct.execute(sql).to_arrow_table()
        end = time.perf_counter()
        if run < warm:
            if not same(plain(got), plain(want)):
                raise SystemExit(f"{name}: the answers differ")
        else:
            ours.append(middle - begin)
            theirs.append(end - middle)
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{name}: {statistics.median(ours) * 1e3:.0f} ms through Flight, {statistics.median(theirs) * 1e3:.0f} ms direct, "
        f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--dir", type=Path, required=True, help="a data directory filled by bench/fill"
    )
    parser.add_argument("--server", default="bin/flight-sql-srv")
    parser.add_argument(
        "--runs", type=int, default=15, help="of each statement, after two that do not count"
    )
    args = parser.parse_args()

    files = live_files(args.dir)
    size = sum(os.path.getsize(f) for f in files)
    direct = duckdb.connect()
    direct.execute("SET TimeZone = 'UTC'")
    direct.execute(f"CREATE VIEW log_entries AS SELECT * FROM read_parquet({files!r})")
    rows = direct.execute("SELECT count(*) FROM log_entries").fetchall()[0][0]
    print(
        f"{rows} rows in {len(files)} files of {size / 1e6:.0f} MB, {size / rows:.1f} bytes a row; duckdb {duckdb.__version__}"
    )

    with serving(args.server, args.dir) as (client, _):
        for name, sql in STATEMENTS.items():
            in_turn(name, sql, client, direct, warm=2, runs=args.runs, same=operator.eq)


def plain(table: pyarrow.Table) -> Rows:
    """The rows, times without their zone: the engine has none, the server says +00:00."""
    return [
        {
            k: v.replace(tzinfo=None) if isinstance(v, datetime.datetime) else v
            for k, v in row.items()
        }
        for row in table.to_pylist()
    ]


if __name__ == "__main__":
    main()
