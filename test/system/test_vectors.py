"""Captured requests of real clients come back as the rows that they must become."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from micromegas.flightsql.client import FlightSQLClient
from support.client import ALWAYS, connect, rows
from support.lake import Lake
from support.vectors import Capture

# Texts longer than this many characters stand in the recorded rows as length and hash.
LONG = 100_000

CAPTURES = ["v030", "unreal-synthetic"]

# The columns that the recorded rows have; properties are compared as JSON.
PROPERTIES = "jsonb_format_json(properties) AS properties"
LOG_ENTRIES = f"process_id, stream_id, block_id, time, target, level, msg, {PROPERTIES}"
MEASURES = f"process_id, stream_id, block_id, time, target, name, unit, value, {PROPERTIES}"
PROCESSES = f"""process_id, exe, username, realname, computer, distro, cpu_brand, tsc_frequency,
    start_time, start_ticks, coalesce(parent_process_id, '') AS parent_process_id, {PROPERTIES},
    last_block_end_ticks, last_block_end_time"""
ASYNC_EVENTS = """stream_id, block_id, time, event_type, span_id, parent_span_id, depth, name,
    filename, target, line"""
NET_SPANS = """process_id, stream_id, span_id, parent_span_id, depth, kind, name, connection_name,
    is_outgoing, begin_bits, end_bits, bit_size, begin_time, end_time"""
IMAGES = "process_id, stream_id, block_id, time, name, format, payload_size, data"
THREAD_SPANS = 'id, parent, depth, hash, "begin", "end", duration, name, target, filename, line'


@pytest.fixture(scope="module", params=CAPTURES)
def capture(request: pytest.FixtureRequest) -> Capture:
    return Capture(request.param)


@pytest.fixture(scope="module")
def replayed(
    capture: Capture, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlightSQLClient]:
    """A client of a lake that holds exactly this capture."""
    lake = Lake("one process", tmp_path_factory.mktemp(capture.name))
    try:
        lake.start()
        capture.replay(lake.ingestion)
        yield connect(lake.analytics)
        lake.stop()
    finally:
        lake.abandon()


def normal(view: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in a form and order that compare: properties parsed, bytes as hex, NaN equal to NaN.

    Recorded rows write numbers that JSON lacks, and long texts, as text.
    """
    return sorted((_normal_row(row) for row in view), key=lambda row: json.dumps(row))


def _normal_row(row: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, cell in row.items():
        if name == "properties":
            plain[name] = json.loads(cell) if isinstance(cell, str) else cell
        elif isinstance(cell, str) and len(cell) > LONG:
            text = cell.encode()
            plain[name] = f"@text len={len(text)} sha256={hashlib.sha256(text).hexdigest()}"
        elif isinstance(cell, bytes):
            plain[name] = {"hex": cell.hex()}
        elif isinstance(cell, float) and not math.isfinite(cell):
            plain[name] = str(cell)
        else:
            plain[name] = cell
    return dict(sorted(plain.items()))


@pytest.mark.parametrize(
    ("view", "columns"),
    [("log_entries", LOG_ENTRIES), ("measures", MEASURES), ("processes", PROCESSES)],
)
def test_global_view(replayed: FlightSQLClient, capture: Capture, view: str, columns: str) -> None:
    assert normal(rows(replayed, f"SELECT {columns} FROM {view}")) == normal(capture.rows[view])


@pytest.mark.parametrize(
    ("view", "columns"),
    [
        ("async_events", ASYNC_EVENTS),
        ("net_spans", NET_SPANS),
        ("images", IMAGES),
    ],
)
def test_process_view(replayed: FlightSQLClient, capture: Capture, view: str, columns: str) -> None:
    found = [
        row
        for process in capture.rows["processes"]
        for row in rows(
            replayed,
            f"SELECT {columns} FROM view_instance('{view}', '{process['process_id']}')",
            *ALWAYS,
        )
    ]
    assert normal(found) == normal(capture.rows[view])


def test_thread_spans(replayed: FlightSQLClient, capture: Capture) -> None:
    recorded = capture.rows["thread_spans"]
    found = [
        row | {"stream_id": stream}
        for stream in sorted({row["stream_id"] for row in recorded})
        for row in rows(
            replayed,
            f"SELECT {THREAD_SPANS} FROM view_instance('thread_spans', '{stream}')",
            *ALWAYS,
        )
    ]
    assert normal(found) == normal(recorded)


LEVELS = {"fatal": 1, "error": 2, "warn": 3, "info": 4, "debug": 5, "trace": 6}


def meant_logs(process: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries that the program made; its one huge message is given by a rule."""
    huge = "".join(f"line {i:06} value {i * 7919 % 10007}\n" for i in range(8000))
    return [
        {
            "level": LEVELS[log["level"]],
            "target": log["target"],
            "msg": huge if "msg_rule" in log else log["msg"],
            "properties": log["properties"],
        }
        for log in process["logs"]
    ]


def meant_metrics(process: dict[str, Any], target: str) -> list[dict[str, Any]]:
    """The samples that the program took. Ticks are left out: their value depends on the clock."""
    return [
        {
            "target": metric.get("target", target),
            "name": metric["name"],
            "unit": metric["unit"],
            "value": float(metric["value"]),
            "properties": metric["properties"],
        }
        for metric in process["metrics"]
        if metric["unit"] != "ticks"
    ]


@pytest.mark.parametrize("name", [".", "v030", "v015"], ids=["0.33", "0.30", "0.15"])
def test_what_the_program_meant(new_lake: Callable[..., Lake], name: str) -> None:
    """Of every client version: rows equal what the instrumented program says that it emitted."""
    capture = Capture(name)
    lake = new_lake().start()
    capture.replay(lake.ingestion)
    client = connect(lake.analytics)
    own, *others = capture.expected["rules"]["known_targets"]
    targets = ", ".join(f"'{target}'" for target in (own, *others))
    for process in capture.expected["processes"]:
        of_process = f"WHERE process_id = '{process['process_id']}' AND target IN ({targets})"
        logs = rows(
            client, f"SELECT level, target, msg, {PROPERTIES} FROM log_entries {of_process}"
        )
        assert normal(logs) == normal(meant_logs(process))
        metrics = rows(
            client,
            f"SELECT target, name, unit, value, {PROPERTIES} FROM measures {of_process}",
        )
        without_ticks = [
            row for row in metrics if not row["name"].endswith(("tick_metric", "_ticks"))
        ]
        assert normal(without_ticks) == normal(meant_metrics(process, own))
        assert len(metrics) == len(process["metrics"])
