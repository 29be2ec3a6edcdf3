"""The functions that existing statements call, through the published client: exact types, bytes,
errors, and what the published definitions of traces make of a trace."""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from micromegas import perfetto as client_perfetto
from micromegas.flightsql.client import FlightSQLClient
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as trace_pb
from support.client import ALWAYS, connect, rows, value
from support.lake import Lake
from support.process import ROOT
from support.vectors import Capture

NOBODY = "00000000-0000-4000-8000-000000000000"
CAPTURE = Capture("v030")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlightSQLClient]:
    """A lake with one captured session."""
    lake = Lake("one process", tmp_path_factory.mktemp("functions"))
    try:
        lake.start()
        CAPTURE.replay(lake.ingestion)
        yield connect(lake.analytics)
        lake.stop()
    finally:
        lake.abandon()


@pytest.fixture(scope="module")
def process_id() -> str:
    """The process that recorded spans."""
    streams = {row["stream_id"] for row in CAPTURE.rows["thread_spans"]}
    return next(block["process_id"] for block in decoded() if block["stream_id"] in streams)


def decoded() -> list[dict[str, Any]]:
    return json.loads((CAPTURE.folder / "decoded.json").read_text())


def test_jsonb_bytes(client: FlightSQLClient) -> None:
    table = client.query_arrow(
        """SELECT jsonb_parse('{ "name" : "value" }') AS a, jsonb_parse('{ not json... }') AS b"""
    )
    assert table.schema.field("a").type == pyarrow.binary()
    assert table.to_pylist() == [
        {"a": bytes.fromhex("400000011000000410000005") + b"namevalue", "b": None}
    ]


def test_jsonb_types(client: FlightSQLClient) -> None:
    table = client.query_arrow(
        """
        SELECT jsonb_entries(j) AS e, jsonb_elements(jsonb_get(j, 'a')) AS l, jsonb_as_i64(j) AS i,
               jsonb_path_elements(j, '$.a[*]') AS p, properties_to_dict(j) AS d,
               properties_length(j) AS n, jsonb_object_keys(j) AS k
        FROM (SELECT jsonb_parse('{"a": [1]}') AS j)
        """
    )
    text, binary = pyarrow.string(), pyarrow.binary()
    entry = pyarrow.struct([pyarrow.field("key", text, nullable=False), ("value", binary)])
    pair = pyarrow.struct(
        [pyarrow.field("key", text, nullable=False), pyarrow.field("value", text, nullable=False)]
    )
    assert table.schema.types == [
        pyarrow.list_(pyarrow.field("item", entry)),
        pyarrow.list_(pyarrow.field("item", binary)),
        pyarrow.int64(),
        pyarrow.list_(pyarrow.field("item", binary)),
        pyarrow.list_(pyarrow.field("item", pair)),
        pyarrow.int32(),
        pyarrow.list_(pyarrow.field("item", text)),
    ]


def test_histograms(client: FlightSQLClient) -> None:
    table = client.query_arrow(
        "SELECT make_histogram(0.0, 100.0, 4, value) AS h FROM generate_series(0, 104) t(value)"
    )
    f64, u64 = pyarrow.float64(), pyarrow.uint64()
    names = ["start", "end", "min", "max", "sum", "sum_sq"]
    fields = [pyarrow.field(name, f64, nullable=False) for name in names]
    fields.append(pyarrow.field("count", u64, nullable=False))
    bins = pyarrow.list_(pyarrow.field("bin", u64, nullable=False))
    fields.append(pyarrow.field("bins", bins, nullable=False))
    assert table.schema.field("h").type == pyarrow.struct(fields)
    (histogram,) = table.column("h").to_pylist()
    assert histogram["bins"] == [25, 25, 25, 30]

    expanded = client.query_arrow(
        """
        SELECT bin_center, count FROM expand_histogram((
          SELECT make_histogram(0.0, 100.0, 4, value) FROM generate_series(0, 104) t(value)))
        """
    )
    assert expanded.schema == pyarrow.schema(
        [
            pyarrow.field("bin_center", f64, nullable=False),
            pyarrow.field("count", u64, nullable=False),
        ]
    )
    assert expanded.column("bin_center").to_pylist() == [12.5, 37.5, 62.5, 87.5]


def test_process_spans_are_those_of_the_threads(client: FlightSQLClient, process_id: str) -> None:
    answer = rows(client, f"SELECT * FROM process_spans('{process_id}', 'thread')")
    assert list(answer[0]) == [
        "stream_id", "thread_name", "id", "parent", "depth", "hash", "begin", "end", "duration",
        "name", "target", "filename", "line", "properties",
    ]  # fmt: skip
    streams = sorted({row["stream_id"] for row in answer})
    assert [row["stream_id"] for row in answer] == sorted(row["stream_id"] for row in answer)
    for stream in streams:
        mine = [row for row in answer if row["stream_id"] == stream]
        spans = rows(client, f"SELECT * FROM view_instance('thread_spans', '{stream}')", *ALWAYS)
        assert [{k: row[k] for k in spans[0]} for row in mine] == spans
        assert {row["thread_name"] for row in mine} == {mine[0]["name"]}, "its root is the thread"


def test_process_spans_pair_asynchronous_events(client: FlightSQLClient, process_id: str) -> None:
    answer = rows(client, f"SELECT * FROM process_spans('{process_id}', 'async')")
    events = rows(client, f"SELECT * FROM view_instance('async_events', '{process_id}')", *ALWAYS)
    begins = {event["span_id"]: event for event in events if event["event_type"] == "begin"}
    ends = {event["span_id"]: event for event in events if event["event_type"] == "end"}
    assert {row["id"] for row in answer} == {i for i in begins if i in ends}
    assert [row["begin"] for row in answer] == sorted(row["begin"] for row in answer)
    for row in answer:
        begin, end = begins[row["id"]], ends[row["id"]]
        assert (row["stream_id"], row["thread_name"]) == ("", "async")
        assert (row["begin"], row["end"]) == (begin["time"], end["time"])
        assert (row["name"], row["parent"]) == (begin["name"], begin["parent_span_id"])
    both = rows(client, f"SELECT thread_name FROM process_spans('{process_id}', 'both')")
    kinds = [row["thread_name"] == "async" for row in both]
    assert kinds == sorted(kinds)
    assert sum(kinds) == len(answer)


def test_a_range_selects_spans(client: FlightSQLClient, process_id: str) -> None:
    count = f"SELECT count(*) AS n FROM process_spans('{process_id}', 'both')"
    begin, end = ALWAYS
    assert rows(client, count, begin, end) == rows(client, count)
    assert rows(client, count, begin, begin.replace(year=1991)) == [{"n": 0}]


@pytest.mark.parametrize("types", ["thread", "async", "both"])
def test_trace(client: FlightSQLClient, process_id: str, types: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.perfetto"
    client_perfetto.write_process_trace(client, process_id, *ALWAYS, str(path), types)
    spans = rows(
        client,
        f"""
        SELECT *, jsonb_format_json(properties) AS args FROM process_spans('{process_id}', '{types}')
        """,
    )
    found = slices(path.read_bytes())
    assert sorted(found) == sorted(
        (row["begin"], row["end"], row["name"], row["target"], row["thread_name"], row["args"])
        for row in spans
    )
    assert found


def slices(data: bytes) -> list[tuple[Any, ...]]:
    """The slices of a trace, read as the published definitions say."""
    trace = trace_pb.Trace()
    trace.ParseFromString(data)
    assert trace.packet[0].track_descriptor.HasField("process")
    assert trace.packet[0].sequence_flags & 1, "the state of the sequence is cleared"
    tracks: dict[int, str] = {}
    names: dict[int, str] = {}
    categories: dict[int, str] = {0: ""}
    arguments: dict[int, str] = {}
    open_slices: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    found = []
    for packet in trace.packet:
        assert len(UnknownFieldSet(packet)) == 0
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert track.uuid not in tracks
            assert track.parent_uuid in tracks or not tracks
            tracks[track.uuid] = track.thread.thread_name or track.name
            continue
        for name in packet.interned_data.event_names:
            names[name.iid] = name.name
        for category in packet.interned_data.event_categories:
            categories[category.iid] = category.name
        for name in packet.interned_data.debug_annotation_names:
            arguments[name.iid] = name.name
        event = packet.track_event
        if event.type == trace_pb.TrackEvent.TYPE_SLICE_BEGIN:
            args = {
                arguments[a.name_iid]: a.string_value
                for a in sorted(event.debug_annotations, key=lambda a: arguments[a.name_iid])
            }
            open_slices[event.track_uuid].append(
                (
                    packet.timestamp,
                    names[event.name_iid],
                    categories[event.category_iids[0] if event.category_iids else 0],
                    tracks[event.track_uuid],
                    json.dumps(args, separators=(",", ":")),
                )
            )
        else:
            assert event.type == trace_pb.TrackEvent.TYPE_SLICE_END
            begin, *rest = open_slices[event.track_uuid].pop()
            found.append((begin, packet.timestamp, *rest))
    assert not any(open_slices.values())
    return found


def test_trace_chunks(client: FlightSQLClient, process_id: str) -> None:
    statement = f"""SELECT chunk_id, chunk_data FROM perfetto_trace_chunks('{process_id}', 'both',
        TIMESTAMP '1990-01-01T00:00:00Z', NOW() + INTERVAL '1000 days')"""
    table = client.query_arrow(statement)
    assert table.schema == pyarrow.schema(
        [
            pyarrow.field("chunk_id", pyarrow.int32(), nullable=False),
            pyarrow.field("chunk_data", pyarrow.binary(), nullable=False),
        ]
    )
    assert table.column("chunk_id").to_pylist() == list(range(table.num_rows))
    assert table.column("chunk_data")[0].as_py()[0] == 0x0A
    assert value(client, f"SELECT count(*) AS n FROM ({statement})") == table.num_rows


def plain(v: Any) -> Any:  # noqa: ANN401 # any member
    """A member of decoded.json as parse_block shows it."""
    if not isinstance(v, dict):
        return v
    if "type" in v:
        return {"__type": v["type"]} | {k: plain(m) for k, m in v["members"].items()}
    ((kind, content),) = v.items()
    if kind == "bytes_hex":
        return base64.b64encode(bytes.fromhex(content)).decode()
    return None if isinstance(content, str) else content


def test_parse_block(client: FlightSQLClient) -> None:
    for block in decoded():
        answer = rows(
            client,
            f"""
            SELECT object_index, type_name, jsonb_format_json(value) AS value
            FROM parse_block('{block["block_id"]}')
            """,
        )
        assert [row["object_index"] for row in answer] == [
            block["object_offset"] + i for i in range(block["nb_objects"])
        ]
        for row, event in zip(answer, block["events"], strict=True):
            assert row["type_name"] == event["type"]
            got, want = json.loads(row["value"]), plain(event)
            if not str(want.get("msg", "")).startswith("@text len="):
                assert got == want


def test_get_payload(client: FlightSQLClient) -> None:
    answer = rows(
        client,
        """
        SELECT block_id, payload_size, get_payload(process_id, stream_id, block_id) AS payload,
               get_payload(NULL, stream_id, block_id) AS nothing
        FROM blocks
        """,
    )
    assert len(answer) == len(decoded())
    bodies = {block["block_id"]: CAPTURE.body(block["file"]) for block in decoded()}
    for row in answer:
        payload = row["payload"]
        assert row["nothing"] is None
        assert payload[:1] == b"\xa2", "a CBOR map of two"
        assert b"dependencies" in payload[:20]
        frame = payload.index(bytes.fromhex("04224d18"))
        assert payload[frame : frame + 16] in bodies[row["block_id"]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "process_spans('x', 'both')",
            "First argument to process_spans must be a valid UUID (the process ID), given 'x'",
        ),
        (
            f"process_spans('{NOBODY}', 'all')",
            "span_types must be 'thread', 'async', or 'both', given: all",
        ),
        (f"process_spans('{NOBODY}', 'both')", "not found or not accessible"),
        (f"process_spans('{NOBODY}')", "process_spans wants"),
        (
            "perfetto_trace_chunks('x', 'both', now(), now())",
            "First argument to perfetto_trace_chunks must be",
        ),
        (
            f"perfetto_trace_chunks('{NOBODY}', 7, now(), now())",
            "Second argument to perfetto_trace_chunks must be",
        ),
        (f"perfetto_trace_chunks('{NOBODY}', 'all', now(), now())", "span_types must be"),
        (
            f"perfetto_trace_chunks('{NOBODY}', 'both', 'then', now())",
            "Third argument to perfetto_trace_chunks must be",
        ),
        (
            f"perfetto_trace_chunks('{NOBODY}', 'both', now(), 'then')",
            "Fourth argument to perfetto_trace_chunks must be",
        ),
        (f"perfetto_trace_chunks('{NOBODY}', 'both')", "perfetto_trace_chunks wants"),
        (
            f"perfetto_trace_chunks('{NOBODY}', 'both', now(), now())",
            f"Trace generation failed: Process {NOBODY} not found",
        ),
        ("parse_block('x')", "parse_block: 'x' is not a valid block id"),
        (f"parse_block('{NOBODY}')", "widen the time range"),
        ("jsonb_each((SELECT properties FROM processes WHERE exe = ''))", "returned no rows"),
    ],
)
def test_wrong_calls(client: FlightSQLClient, call: str, message: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)):
        client.query_arrow(f"SELECT * FROM {call}")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (f"'{NOBODY}', stream_id, block_id", f"process '{NOBODY}' not found or not accessible"),
        (f"process_id, stream_id, '{NOBODY}'", f"block '{NOBODY}' not found"),
        ("'x', stream_id, block_id", "get_payload: 'x' is not a valid process id"),
    ],
)
def test_wrong_payloads(client: FlightSQLClient, ids: str, message: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)):
        client.query_arrow(f"SELECT get_payload({ids}) AS p FROM blocks")


def test_a_block_outside_of_the_range(client: FlightSQLClient) -> None:
    block = decoded()[0]["block_id"]
    begin, _ = ALWAYS
    with pytest.raises(Exception, match="widen the time range"):
        client.query_arrow(f"SELECT * FROM parse_block('{block}')", begin, begin)


def test_the_examples_of_the_documentation(client: FlightSQLClient, process_id: str) -> None:
    """Those that need a lake; the others run in a Go test."""
    examples = [
        example
        for example in re.findall(
            r"^\| `(SELECT [^`]+)`", (ROOT / "docs/sql.md").read_text(), re.MULTILINE
        )
        if "<" in example and "_id>" in example
    ]
    assert len(examples) >= 4
    for example in examples:
        statement = (
            example.replace("<process_id>", process_id)
            .replace("<block_id>", decoded()[0]["block_id"])
            .replace("<begin>", "1990-01-01")
            .replace("<end>", "2200-01-01")
        )
        assert client.query_arrow(statement).num_rows > 0, statement
