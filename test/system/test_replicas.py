"""Two ingestion and two analytics servers on one PostgreSQL and one S3, each in maintenance, some of them killed under way."""

import time
from collections.abc import Callable
from pathlib import Path

from micromegas.flightsql.client import FlightSQLClient
from support.client import connect, rows
from support.lake import Lake
from support.load import Load
from support.postgres import Postgres
from support.s3 import S3
from support.vectors import Capture, post

ROUNDS = 4  # in each, one server is killed
BETWEEN_KILLS = 50  # blocks at least, on each ingestion server
SENDERS = 2  # for each ingestion server


def test_replicas(new_lake: Callable[..., Lake], postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.new_database()
    with S3(tmp_path) as s3:
        lakes = [
            new_lake(
                "PostgreSQL",
                environment=s3.environment() | {"MICROMEGAS_SQL_CONNECTION_STRING": database},
            )
            for _ in range(2)
        ]
        key = lakes[0].environment["MICROMEGAS_API_KEYS"]
        for lake in lakes:
            lake.key = lakes[0].key
            lake.environment["MICROMEGAS_API_KEYS"] = key
            lake.start()
        try:
            exercise(lakes)
        finally:
            for lake in lakes:  # before their stores end
                lake.stop()


def exercise(lakes: list[Lake]) -> None:
    capture = Capture("v030")
    for request in capture.requests:
        if not request["path"].endswith("insert_block"):
            post(lakes[0].ingestion, request["path"], capture.body(request["file"]))

    loads = [Load(lake.ingestion, SENDERS) for lake in lakes]
    for load in loads:
        load.start()
    try:
        for turn in range(ROUNDS):
            for load in loads:
                load.go_on(BETWEEN_KILLS)
            victim = lakes[turn % 2]
            name = ["telemetry-ingestion-srv", "flight-sql-srv"][turn // 2 % 2]
            victim.programs[name].kill()
            before = [dict(load.acknowledged) for load in loads]
            survivors = [lake for lake in lakes if lake.programs["flight-sql-srv"].running]
            for lake in survivors:
                check(connect(lake.analytics), before, loads)
            victim.start_program(name)
            victim.wait_ready(name)
            for lake in lakes:
                check(connect(lake.analytics), before, loads)
        for load in loads:
            load.go_on(BETWEEN_KILLS)
    finally:
        for load in loads:
            load.stop()
    for load in loads:
        assert not load.unexpected
    final = [dict(load.acknowledged) for load in loads]
    for lake in lakes:
        check(connect(lake.analytics), final, loads)
    wait_for_partitions(connect(lakes[1].analytics), len(final[0]) + len(final[1]))
    for lake in lakes:
        check(connect(lake.analytics), final, loads)


def check(client: FlightSQLClient, acknowledged: list[dict[str, int]], loads: list[Load]) -> None:
    """Every acknowledged block is there once with all of its rows, and nothing that nobody sent."""
    entries = rows(client, "SELECT block_id, count(*) AS n FROM log_entries GROUP BY block_id")
    attempted = {id: n for load in loads for id, n in dict(load.attempted).items()}
    counted = {row["block_id"]: row["n"] for row in entries}
    missing = {id for each in acknowledged for id in each} - counted.keys()
    assert missing == set()
    assert {id: n for id, n in counted.items() if n != attempted.get(id)} == {}
    blocks = rows(client, "SELECT block_id, count(*) AS n FROM blocks GROUP BY block_id")
    assert [row for row in blocks if row["n"] != 1] == []


def wait_for_partitions(client: FlightSQLClient, blocks: int) -> None:
    """Maintenance of the servers that are left finishes what the killed ones had begun, once their leases are over."""
    sql = "SELECT sum(num_rows) AS n FROM list_partitions() WHERE view_set_name = 'log_entries'"
    give_up = time.monotonic() + 60
    while not (rows(client, sql)[0]["n"] or 0) > blocks:
        assert time.monotonic() < give_up, "no partitions are made"
        time.sleep(0.2)
