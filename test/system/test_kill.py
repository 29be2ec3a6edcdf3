"""A server that is killed in the middle of the load: what it acknowledged is there exactly once."""

from collections.abc import Callable

import pytest
from micromegas.flightsql.client import FlightSQLClient
from support.client import connect, rows
from support.lake import FLAVOURS, Flavour, Lake
from support.load import Load
from support.vectors import Capture, post

KILLS = 5
BETWEEN_KILLS = 100  # blocks at least
SENDERS = 4


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_nothing_acknowledged_is_lost_or_doubled(
    new_lake: Callable[..., Lake], flavour: Flavour
) -> None:
    lake = new_lake(flavour).start()
    capture = Capture("v030")
    for request in capture.requests:
        if not request["path"].endswith("insert_block"):
            post(lake.ingestion, request["path"], capture.body(request["file"]))

    load = Load(lake.ingestion, SENDERS)
    load.start()
    try:
        for _ in range(KILLS):
            load.go_on(BETWEEN_KILLS)
            lake.programs[lake.ingestion_program].kill()
            before = dict(load.acknowledged)
            lake.start_program(lake.ingestion_program)
            lake.wait_ready(lake.ingestion_program)
            check(connect(lake.analytics), before, load)
        load.go_on(BETWEEN_KILLS)
    finally:
        load.stop()

    assert not load.unexpected
    check(connect(lake.analytics), load.acknowledged, load)


def check(client: FlightSQLClient, acknowledged: dict[str, int], load: Load) -> None:
    """Every acknowledged block is there, none twice, and so are the rows of each."""
    blocks = rows(client, "SELECT block_id, count(*) AS n FROM blocks GROUP BY block_id")
    assert [row for row in blocks if row["n"] != 1] == []
    assert acknowledged.keys() - {row["block_id"] for row in blocks} == set()

    entries = rows(client, "SELECT block_id, count(*) AS n FROM log_entries GROUP BY block_id")
    counted = {row["block_id"]: row["n"] for row in entries}
    attempted = dict(load.attempted)  # after the answer: the load goes on
    assert acknowledged.keys() - counted.keys() == set()
    assert {id: n for id, n in counted.items() if n != attempted[id]} == {}
