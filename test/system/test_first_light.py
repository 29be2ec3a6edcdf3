"""An instrumented program sends; the very next query sees everything that it sent, exactly.

No test here waits for rows: what was acknowledged is visible.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from micromegas.flightsql.client import FlightSQLClient
from support import emitter
from support.client import connect, rows, value
from support.emitter import Emitted
from support.lake import Lake
from support.oidc import OidcProvider

Credentials = Callable[[Lake, OidcProvider], tuple[Mapping[str, str], FlightSQLClient]]


def with_api_key(lake: Lake, _oidc: OidcProvider) -> tuple[Mapping[str, str], FlightSQLClient]:
    return {"MICROMEGAS_INGESTION_API_KEY": lake.key}, connect(lake.analytics)


def with_oidc(lake: Lake, oidc: OidcProvider) -> tuple[Mapping[str, str], FlightSQLClient]:
    return (
        oidc.program_environment("service"),
        connect(lake.analytics, oidc.provider("service")),
    )


@pytest.mark.parametrize("credentials", [with_api_key, with_oidc])
def test_next_query_sees_everything(
    lake: Lake, oidc: OidcProvider, credentials: Credentials
) -> None:
    emitter.require()
    for_program, client = credentials(lake, oidc)

    sent = emitter.emit(lake.ingestion, for_program, numbered_logs=1000)

    assert log_rows(client, sent) == sent.logs
    assert metric_rows(client, sent) == sent.metrics


def log_rows(client: FlightSQLClient, sent: Emitted) -> list[dict[str, Any]]:
    """The program's own entries in the order in which it made them.

    The crates that it stands on log too, under their own names.
    """
    answer = rows(
        client,
        f"""
        SELECT l.time, l.level, l.target, l.msg, jsonb_format_json(l.properties) AS properties,
               b.object_offset
        FROM log_entries l JOIN blocks b ON l.block_id = b.block_id
        WHERE l.process_id = '{sent.process_id}' AND l.target IN ('emitter', 'billing::invoice')
        """,
    )
    return [
        {
            "level": row["level"],
            "target": row["target"],
            "msg": row["msg"],
            "properties": json.loads(row["properties"]),
        }
        for row in in_order(answer, sent)
    ]


def metric_rows(client: FlightSQLClient, sent: Emitted) -> list[dict[str, Any]]:
    answer = rows(
        client,
        f"""
        SELECT m.time, m.target, m.name, m.unit, m.value,
               jsonb_format_json(m.properties) AS properties, b.object_offset
        FROM measures m JOIN blocks b ON m.block_id = b.block_id
        WHERE m.process_id = '{sent.process_id}' AND m.target = 'emitter'
        """,
    )
    return [
        {
            "target": row["target"],
            "name": row["name"],
            "unit": row["unit"],
            "value": row["value"],
            "properties": json.loads(row["properties"]),
        }
        for row in in_order(answer, sent)
    ]


def in_order(answer: list[dict[str, Any]], sent: Emitted) -> list[dict[str, Any]]:
    """Rows by block, then by time. Every block has its own estimate of the tick frequency, so times
    of two blocks may overlap by a hair."""
    answer.sort(key=lambda row: (row["object_offset"], row["time"]))
    # Ticks and times are read one after the other, at the start of telemetry and in each block. At
    # the start it may be off by what starting took, and never beyond the end of a block.
    slack = sent.ready_ns - sent.begin_ns
    for row in answer:
        assert sent.begin_ns - slack <= row["time"] <= sent.end_ns + slack, row
    return answer


def test_times_increase_within_a_block(client: FlightSQLClient, emitted: Emitted) -> None:
    answer = rows(
        client,
        f"""
        SELECT block_id, time, msg FROM log_entries
        WHERE process_id = '{emitted.process_id}' AND msg LIKE 'line %' ORDER BY time
        """,
    )
    assert [row["msg"] for row in answer] == [
        entry["msg"] for entry in emitted.logs if entry["msg"].startswith("line ")
    ]
    assert len({row["time"] for row in answer}) == len(answer), "times are finer than events"
    assert any(row["time"] % 1000 for row in answer), "times have nanoseconds"


def test_properties_can_be_asked_for(client: FlightSQLClient, emitted: Emitted) -> None:
    answer = rows(
        client,
        f"""
        SELECT msg, property_get(properties, 'request') AS request,
               property_get(properties, 'ATTEMPTS') AS attempts,
               property_get(properties, 'absent') AS absent,
               property_get(process_properties, 'suite') AS suite
        FROM log_entries
        WHERE process_id = '{emitted.process_id}' AND property_get(properties, 'request') = 'c0ffee'
        """,
    )
    assert answer == [
        {
            "msg": "gave up",
            "request": "c0ffee",
            "attempts": "3",
            "absent": None,
            "suite": "system-test",
        }
    ]


def test_a_query_range_selects_by_time(client: FlightSQLClient, emitted: Emitted) -> None:
    begin, end = emitted.range
    count = f"SELECT count(*) AS n FROM log_entries WHERE process_id = '{emitted.process_id}'"
    everything = value(client, count)
    assert rows(client, count, begin, end) == [{"n": everything}]
    assert rows(client, count, end, end.replace(year=end.year + 1)) == [{"n": 0}]
    assert rows(client, count, begin.replace(year=begin.year - 1), begin) == [{"n": 0}]


def test_one_processs_view_equals_the_filtered_view(
    client: FlightSQLClient, emitted: Emitted
) -> None:
    for view in ("log_entries", "measures"):
        filtered = f"SELECT count(*) FROM {view} WHERE process_id = '{emitted.process_id}'"
        instance = f"SELECT count(*) FROM view_instance('{view}', '{emitted.process_id}')"
        assert value(client, instance) == value(client, filtered) > 0


@pytest.mark.parametrize("thread", [0, 1])
def test_thread_spans(client: FlightSQLClient, emitted: Emitted, thread: int) -> None:
    sent = emitted.threads[thread]
    stream = value(
        client,
        f"""
        SELECT stream_id FROM streams WHERE process_id = '{emitted.process_id}'
        AND array_has(tags, 'cpu') AND property_get(properties, 'thread-name') = '{sent["thread_name"]}'
        """,
    )
    spans = rows(
        client,
        f"""
        SELECT id, parent, depth, "begin", "end", duration, name, target, filename, line
        FROM view_instance('thread_spans', '{stream}')
        """,
        *emitted.range,
    )

    root, *spans = spans
    assert (root["id"], root["parent"], root["depth"]) == (-1, 0, 0)
    assert sent["thread_name"] in root["name"]
    by_id = {span["id"]: span for span in spans}
    assert len(by_id) == len(spans)
    spans.sort(key=lambda span: span["id"])  # a span's id is the place of its begin in the stream
    assert [
        {
            "name": span["name"],
            "depth": span["depth"],
            "parent": by_id[span["parent"]]["name"] if span["parent"] != -1 else None,
        }
        for span in spans
    ] == sent["spans"]
    for span in spans:
        assert span["duration"] == span["end"] - span["begin"] >= 0
        outer = by_id.get(span["parent"], root)
        assert outer["begin"] <= span["begin"] <= span["end"] <= outer["end"]
        assert span["target"] == "emitter"
        assert span["filename"].endswith("main.rs")
        assert span["line"] > 0
    leaves = [span for span in spans if span["name"] == "emitter::leaf"]
    assert all(span["duration"] >= 200_000 for span in leaves), "each slept for 200 µs"


def test_async_spans(client: FlightSQLClient, emitted: Emitted) -> None:
    events = rows(
        client,
        f"""
        SELECT time, event_type, span_id, parent_span_id, depth, name
        FROM view_instance('async_events', '{emitted.process_id}')
        """,
        *emitted.range,
    )
    begins = {e["span_id"]: e for e in events if e["event_type"] == "begin"}
    ends = {e["span_id"]: e for e in events if e["event_type"] == "end"}
    assert len(events) == 2 * len(emitted.async_spans)
    assert begins.keys() == ends.keys()
    for span_id, begin in begins.items():
        end = ends[span_id]
        assert begin["time"] <= end["time"]
        assert {k: begin[k] for k in ("parent_span_id", "depth", "name")} == {
            k: end[k] for k in ("parent_span_id", "depth", "name")
        }
    spans = [
        {
            "name": begin["name"],
            "parent": begins[begin["parent_span_id"]]["name"] if begin["parent_span_id"] else None,
            "depth": begin["depth"],
        }
        for begin in sorted(begins.values(), key=lambda begin: begin["time"])
    ]
    assert spans == emitted.async_spans


def test_process_streams_and_blocks(client: FlightSQLClient, emitted: Emitted) -> None:
    (process,) = rows(client, f"SELECT * FROM processes WHERE process_id = '{emitted.process_id}'")
    assert process["exe"].endswith("emitter")
    assert emitted.begin_ns <= process["start_time"] <= emitted.ready_ns
    assert process["last_update_time"] >= process["insert_time"]
    assert (
        value(
            client,
            f"""
        SELECT property_get(properties, 'suite') FROM processes
        WHERE process_id = '{emitted.process_id}'
        """,
        )
        == emitted.process_properties["suite"]
    )

    streams = rows(
        client,
        f"SELECT stream_id, tags, format FROM streams WHERE process_id = '{emitted.process_id}'",
    )
    tags = sorted(tag for stream in streams for tag in stream["tags"])
    assert {"log", "metrics"} <= set(tags)
    assert tags.count("log") == tags.count("metrics") == 1
    assert tags.count("cpu") >= len(emitted.threads) + 1, (
        "two threads and at least one async worker"
    )
    assert {stream["format"] for stream in streams} == {"micromegas-transit"}

    blocks = rows(
        client,
        f"""
        SELECT block_id, stream_id, nb_objects, object_offset, payload_size, insert_time,
               "processes.exe" AS exe, "streams.tags" AS tags
        FROM blocks WHERE process_id = '{emitted.process_id}'
        """,
    )
    assert {block["stream_id"] for block in blocks} <= {stream["stream_id"] for stream in streams}
    assert all(block["exe"] == process["exe"] for block in blocks)
    assert all(block["payload_size"] > 0 for block in blocks)
    for tag, view in (("log", "log_entries"), ("metrics", "measures")):
        events = sum(block["nb_objects"] for block in blocks if tag in block["tags"])
        counted = f"SELECT count(*) FROM {view} WHERE process_id = '{emitted.process_id}'"
        assert value(client, counted) == events


def test_helpers_of_the_published_client(client: FlightSQLClient, emitted: Emitted) -> None:
    begin, end = emitted.range
    assert len(client.find_process(emitted.process_id)) == 1
    assert client.find_process("00000000-0000-0000-0000-000000000000").empty
    streams = client.query_streams(begin, end, 100, process_id=emitted.process_id, tag_filter="cpu")
    assert len(streams) >= 2
    stream = streams["stream_id"].iloc[0]
    assert not client.query_blocks(begin, end, 100, stream).empty
    assert not client.query_spans(begin, end, 100, stream).empty
    batches = list(client.query_stream("SELECT 1 AS one"))
    assert sum(batch.num_rows for batch in batches) == 1
