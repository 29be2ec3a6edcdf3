"""The package keeps the names and signatures of the published client 0.32.0."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import micromegas
from micromegas import admin, oidc_connection, perfetto, time
from micromegas.connection import connect_with_profile
from micromegas.flightsql.client import FlightSQLClient

# As inspect.signature shows them there, without annotations.
PUBLISHED = {
    FlightSQLClient.__init__: "self, uri, headers=None, preserve_dictionary=False, "
    "auth_provider=None, client_entrypoint=None",
    FlightSQLClient.query: "self, sql, begin=None, end=None",
    FlightSQLClient.query_stream: "self, sql, begin=None, end=None",
    FlightSQLClient.query_arrow: "self, sql, begin=None, end=None",
    FlightSQLClient.prepare_statement: "self, sql",
    FlightSQLClient.prepared_statement_stream: "self, statement",
    FlightSQLClient.bulk_ingest: "self, table_name, table",
    FlightSQLClient.retire_partitions: "self, view_set_name, view_instance_id, begin, end",
    FlightSQLClient.materialize_partitions: "self, view_set_name, begin, end, "
    "partition_delta_seconds",
    FlightSQLClient.regenerate_partitions: "self, view_set_name, begin, end, "
    "partition_delta_seconds",
    FlightSQLClient.find_process: "self, process_id",
    FlightSQLClient.query_streams: "self, begin, end, limit, process_id=None, tag_filter=None",
    FlightSQLClient.query_blocks: "self, begin, end, limit, stream_id",
    FlightSQLClient.query_spans: "self, begin, end, limit, stream_id",
    micromegas.connect: "uri=None, preserve_dictionary=False",
    connect_with_profile: "profile=None, client_entrypoint=None, preserve_dictionary=False",
    time.format_datetime: "value",
    time.parse_datetime: "value",
    time.parse_time_delta: "user_string",
    perfetto.write_process_trace: "client, process_id, begin, end, trace_filepath, "
    "span_types='both'",
    perfetto.write_process_trace_from_chunks: "client, process_id, begin, end, span_types, "
    "trace_filepath",
    admin.list_incompatible_partitions: "client, view_set_name=None",
    admin.retire_incompatible_partitions: "client, view_set_name=None",
    oidc_connection.load_or_login: "issuer, client_id, client_secret=None, token_file=None, "
    "audience=None, scope=None",
    oidc_connection.connect: "uri, issuer, client_id, client_secret=None, token_file=None, "
    "preserve_dictionary=False, audience=None, scope=None, client_entrypoint=None",
}


@pytest.mark.parametrize("function", PUBLISHED, ids=lambda f: f.__qualname__)
def test_signatures_are_the_published_ones(function: object) -> None:
    """What ours adds can only be given by name."""
    assert callable(function)
    signature = inspect.signature(function)
    positional = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in signature.parameters.values()
        if p.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert ", ".join(map(str, positional)) == PUBLISHED[function]


def test_submodules_are_there_after_import_micromegas() -> None:
    assert micromegas.flightsql.client.FlightSQLClient is FlightSQLClient
    assert micromegas.FlightSQLClient is FlightSQLClient
    assert micromegas.connect_with_profile is connect_with_profile
    for name in ("admin", "auth", "oidc_connection", "perfetto", "time"):
        assert inspect.ismodule(getattr(micromegas, name))
        assert name in dir(micromegas)
    assert micromegas.__version__ == micromegas.package_version()
    with pytest.raises(AttributeError, match="nothing"):
        _ = micromegas.nothing


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import micromegas, sys; "
        "print({'pyarrow', 'pandas', 'numpy', 'requests', 'click'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "set()\n"
