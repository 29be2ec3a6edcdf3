"""The Arrow schema of every view: names, order, types, time zone and nullability, exactly.

A dictionary column is unpacked unless the client asks to keep it; a prepared statement always
tells of the dictionary.
"""

import pyarrow as pa
import pytest
from micromegas.flightsql.client import FlightSQLClient
from support.client import ALWAYS, connect, value
from support.emitter import Emitted
from support.lake import Analytics

TS = pa.timestamp("ns", tz="+00:00")
TEXT = pa.string()
BYTES = pa.binary()
TAGS = pa.list_(pa.field("tag", TEXT, nullable=False))
D_TEXT = pa.dictionary(pa.int32(), TEXT)
JSONB = pa.dictionary(pa.int32(), BYTES)
I32, I64, U32, F64 = pa.int32(), pa.int64(), pa.uint32(), pa.float64()

Columns = dict[str, pa.DataType]


def all_required(columns: Columns) -> pa.Schema:
    return schema(columns, required=set(columns))


def schema(columns: Columns, required: set[str]) -> pa.Schema:
    return pa.schema(
        [pa.field(name, kind, nullable=name not in required) for name, kind in columns.items()]
    )


EVENT: Columns = {
    "process_id": D_TEXT,
    "stream_id": D_TEXT,
    "block_id": D_TEXT,
    "insert_time": TS,
    "exe": D_TEXT,
    "username": D_TEXT,
    "computer": D_TEXT,
    "time": TS,
}

LOG_ENTRIES = all_required(
    EVENT
    | {
        "target": D_TEXT,
        "level": I32,
        "msg": TEXT,
        "properties": JSONB,
        "process_properties": JSONB,
        "audience": D_TEXT,
    }
)

MEASURES = all_required(
    EVENT
    | {
        "target": D_TEXT,
        "name": D_TEXT,
        "unit": D_TEXT,
        "value": F64,
        "properties": JSONB,
        "process_properties": JSONB,
        "audience": D_TEXT,
    }
)

PROCESSES = schema(
    {
        "process_id": TEXT,
        "exe": TEXT,
        "username": TEXT,
        "realname": TEXT,
        "computer": TEXT,
        "distro": TEXT,
        "cpu_brand": TEXT,
        "tsc_frequency": I64,
        "start_time": TS,
        "start_ticks": I64,
        "insert_time": TS,
        "parent_process_id": TEXT,
        "properties": JSONB,
        "last_update_time": TS,
        "last_block_end_ticks": I64,
        "last_block_end_time": TS,
        "audience": D_TEXT,
    },
    required={"process_id"},
)

STREAMS = schema(
    {
        "stream_id": TEXT,
        "process_id": TEXT,
        "dependencies_metadata": BYTES,
        "objects_metadata": BYTES,
        "tags": TAGS,
        "properties": JSONB,
        "insert_time": TS,
        "format": TEXT,
        "last_update_time": TS,
        "audience": D_TEXT,
    },
    required={"stream_id"},
)

_BLOCKS: Columns = {
    "block_id": TEXT,
    "stream_id": TEXT,
    "process_id": TEXT,
    "begin_time": TS,
    "begin_ticks": I64,
    "end_time": TS,
    "end_ticks": I64,
    "nb_objects": I32,
    "object_offset": I64,
    "payload_size": I64,
    "insert_time": TS,
    "streams.dependencies_metadata": BYTES,
    "streams.objects_metadata": BYTES,
    "streams.tags": TAGS,
    "streams.properties": JSONB,
    "streams.insert_time": TS,
    "streams.format": TEXT,
    "processes.start_time": TS,
    "processes.start_ticks": I64,
    "processes.tsc_frequency": I64,
    "processes.exe": TEXT,
    "processes.username": TEXT,
    "processes.realname": TEXT,
    "processes.computer": TEXT,
    "processes.distro": TEXT,
    "processes.cpu_brand": TEXT,
    "processes.insert_time": TS,
    "processes.parent_process_id": TEXT,
    "processes.properties": JSONB,
    "audience": D_TEXT,
}
BLOCKS = schema(_BLOCKS, required=set(_BLOCKS) - {"processes.parent_process_id"})

LOG_STATS = all_required(
    {
        "time_bin": TS,
        "process_id": D_TEXT,
        "level": I32,
        "target": D_TEXT,
        "count": I64,
        "audience": D_TEXT,
    }
)

THREAD_SPANS = all_required(
    {
        "id": I64,
        "parent": I64,
        "depth": U32,
        "hash": U32,
        "begin": TS,
        "end": TS,
        "duration": I64,
        "name": D_TEXT,
        "target": D_TEXT,
        "filename": D_TEXT,
        "line": U32,
        "properties": JSONB,
    }
)

ASYNC_EVENTS = all_required(
    {
        "stream_id": D_TEXT,
        "block_id": D_TEXT,
        "time": TS,
        "event_type": D_TEXT,
        "span_id": I64,
        "parent_span_id": I64,
        "depth": U32,
        "hash": U32,
        "name": D_TEXT,
        "filename": D_TEXT,
        "target": D_TEXT,
        "line": U32,
        "properties": JSONB,
    }
)

NET_SPANS = all_required(
    {
        "process_id": D_TEXT,
        "stream_id": D_TEXT,
        "span_id": I64,
        "parent_span_id": I64,
        "depth": U32,
        "kind": D_TEXT,
        "name": D_TEXT,
        "connection_name": D_TEXT,
        "is_outgoing": pa.bool_(),
        "begin_bits": I64,
        "end_bits": I64,
        "bit_size": I64,
        "begin_time": TS,
        "end_time": TS,
    }
)

IMAGES = all_required(EVENT | {"name": TEXT, "format": D_TEXT, "payload_size": I64, "data": BYTES})

_OTEL_SPANS: Columns = {
    "process_id": D_TEXT,
    "stream_id": D_TEXT,
    "block_id": D_TEXT,
    "insert_time": TS,
    "exe": TEXT,
    "username": TEXT,
    "computer": TEXT,
    "process_properties": JSONB,
    "trace_id": pa.binary(16),
    "span_id": pa.binary(8),
    "parent_span_id": pa.binary(8),
    "start_time": TS,
    "end_time": TS,
    "duration": I64,
    "name": D_TEXT,
    "kind": D_TEXT,
    "status": D_TEXT,
    "status_message": TEXT,
    "properties": JSONB,
    "events": BYTES,
    "links": BYTES,
}
OTEL_SPANS = schema(_OTEL_SPANS, required=set(_OTEL_SPANS) - {"parent_span_id", "status_message"})

GLOBAL = {
    "log_entries": LOG_ENTRIES,
    "measures": MEASURES,
    "processes": PROCESSES,
    "streams": STREAMS,
    "blocks": BLOCKS,
    "log_stats": LOG_STATS,
}

BY_PROCESS = {
    "log_entries": LOG_ENTRIES,
    "measures": MEASURES,
    "async_events": ASYNC_EVENTS,
    "net_spans": NET_SPANS,
    "images": IMAGES,
    "otel_spans": OTEL_SPANS,
}


def unpacked(expected: pa.Schema) -> pa.Schema:
    return pa.schema(
        [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in expected
        ]
    )


def check(analytics: Analytics, sql: str, expected: pa.Schema) -> None:
    plain, keeping = connect(analytics), connect(analytics, preserve_dictionary=True)
    for what, found, wanted in (
        ("prepared", plain.prepare_statement(sql).dataset_schema, expected),
        ("plain", plain.query_arrow(sql, *ALWAYS).schema, unpacked(expected)),
        ("keeping dictionaries", keeping.query_arrow(sql, *ALWAYS).schema, expected),
    ):
        assert described(found) == described(wanted), what


def described(found: pa.Schema) -> list[str]:
    """One line a column; pyarrow's own comparison does not look into a list's field."""
    return [_describe(field) for field in found]


def _describe(field: pa.Field) -> str:
    kind = str(field.type)
    if pa.types.is_list(field.type):
        kind = f"list of ({_describe(field.type.value_field)})"
    return f"{field.name}: {kind}{'' if field.nullable else ' not null'}"


@pytest.mark.usefixtures("emitted")
@pytest.mark.parametrize("view", GLOBAL)
@pytest.mark.parametrize("condition", ["", " WHERE 1 = 0"], ids=["rows", "no rows"])
def test_global_view(analytics: Analytics, view: str, condition: str) -> None:
    check(analytics, f"SELECT * FROM {view}{condition}", GLOBAL[view])


@pytest.mark.parametrize("view", BY_PROCESS)
def test_view_of_a_process(analytics: Analytics, emitted: Emitted, view: str) -> None:
    sql = f"SELECT * FROM view_instance('{view}', '{emitted.process_id}')"
    check(analytics, sql, BY_PROCESS[view])


def test_view_of_a_stream(analytics: Analytics, client: FlightSQLClient, emitted: Emitted) -> None:
    stream = value(
        client,
        f"""
        SELECT min(stream_id) FROM streams
        WHERE process_id = '{emitted.process_id}' AND array_has(tags, 'cpu')
        """,
    )
    check(analytics, f"SELECT * FROM view_instance('thread_spans', '{stream}')", THREAD_SPANS)


@pytest.mark.parametrize(
    ("sql", "name", "kind"),
    [
        ("SELECT count(*) FROM log_entries", "count(*)", I64),
        ("SELECT msg AS Foo FROM log_entries", "foo", TEXT),
        ('SELECT msg AS "Foo" FROM log_entries', "Foo", TEXT),
        ("SELECT time FROM log_entries", "time", TS),
    ],
)
def test_an_expressions_column(
    analytics: Analytics, sql: str, name: str, kind: pa.DataType
) -> None:
    prepared = connect(analytics).prepare_statement(sql).dataset_schema
    table = connect(analytics).query_arrow(sql)
    for found in (prepared, table.schema):
        assert [(field.name, field.type) for field in found] == [(name, kind)]


def test_no_bare_table_for_instance_views(client: FlightSQLClient) -> None:
    for view in ("thread_spans", "async_events", "net_spans", "images", "otel_spans"):
        with pytest.raises(pa.lib.ArrowInvalid):
            client.query(f"SELECT * FROM {view}")
