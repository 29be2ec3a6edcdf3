"""What our Python client adds to bare pyarrow Flight, and what importing it costs, as ratios in one run.

    scripts/need.sh python package && make build
    .build/venv-python/bin/python bench/python.py --rows 5000000 --published .build/venv/bin/python

Starts a server of its own. Both ways ask for the same rows in turn and end with a pandas DataFrame;
imports are measured in new interpreters, ours and the published one in turn.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "python" / "tests"))

import pandas
from lakes import Lake
from micromegas.flightsql import wire
from micromegas.flightsql.client import FlightSQLClient
from pyarrow import flight

COLUMNS = "i, i * 0.5 AS half, i % 1000 AS kind, 'row ' || (i % 97) AS label"
USES = "import micromegas; micromegas.flightsql.client.FlightSQLClient('grpc://127.0.0.1:1')"


class Key:
    def __init__(self, key: str) -> None:
        self._key = key

    def get_token(self) -> str:
        return self._key


def seconds_of_queries(rows: int, rounds: int) -> tuple[float, float]:
    """Medians: bare Flight, our client."""
    sql = f"SELECT {COLUMNS} FROM range({rows}) AS t(i)"
    bare: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Lake(Path(folder)) as lake:
        connection = flight.connect(lake.uri)
        options = flight.FlightCallOptions(
            headers=[(b"authorization", f"Bearer {lake.key}".encode())]
        )
        with FlightSQLClient(lake.uri, auth_provider=Key(lake.key)) as client:

            def flight_alone() -> pandas.DataFrame:
                ticket = flight.Ticket(wire.ticket_statement_query(sql))
                return connection.do_get(ticket, options).read_all().to_pandas()

            def with_client() -> pandas.DataFrame:
                return client.query(sql)

            for turn in range(rounds + 1):  # the first is not counted
                ways = [(flight_alone, bare), (with_client, ours)]
                for way, seconds in ways[:: 1 if turn % 2 else -1]:  # each goes first in turn
                    gc.collect()
                    begin = time.perf_counter()
                    frame = way()
                    end = time.perf_counter()
                    assert len(frame) == rows  # noqa: S101
                    del frame
                    if turn:
                        seconds.append(end - begin)
        connection.close()
    return statistics.median(bare), statistics.median(ours)


def seconds_of_imports(pythons: list[str], code: str, rounds: int) -> list[float]:
    """Medians of whole processes, less those that import nothing."""
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds + 1):
        for python in pythons:
            for program in ("pass", code):
                begin = time.perf_counter()
                subprocess.run([python, "-c", program], check=True, cwd="/")  # noqa: S603
                times.setdefault((python, program), []).append(time.perf_counter() - begin)
    median = {key: statistics.median(measured[1:]) for key, measured in times.items()}
    return [median[python, code] - median[python, "pass"] for python in pythons]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--published", help="an interpreter with the published client")
    args = parser.parse_args()

    bare, ours = seconds_of_queries(args.rows, args.rounds)
    result = {
        "rows": args.rows,
        "flight_s": round(bare, 3),
        "query_s": round(ours, 3),
        "query_to_flight": round(ours / bare, 3),
    }
    if args.published:
        for name, code in (("import", "import micromegas"), ("import_and_client", USES)):
            published, own = seconds_of_imports([args.published, sys.executable], code, args.rounds)
            result[f"{name}_s"] = round(own, 3)
            result[f"{name}_published_s"] = round(published, 3)
            result[f"{name}_to_published"] = round(own / published, 3)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
