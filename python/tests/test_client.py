"""The client against the real server, and against one that writes down what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas
import polars
import pyarrow
import pytest
from pyarrow import flight

import micromegas
from conftest import Token
from lakes import Lake, captured_rows
from micromegas import admin, perfetto
from micromegas.flightsql import errors, wire
from micromegas.flightsql.client import FlightSQLClient
from recorder import Recorder

BEGIN = datetime(2000, 1, 1, tzinfo=timezone.utc)
END = datetime(2100, 1, 1, tzinfo=timezone.utc)
HOSTILE = "x' OR '1'='1"
WITHIN = 30.0  # seconds


class CountingProvider:
    """Another token at each call, as with a very short life."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked = 0

    def get_token(self) -> str:
        self.asked += 1
        return self.tokens[(self.asked - 1) % len(self.tokens)] if self.tokens else f"t{self.asked}"


# --- the real server ---


def test_a117_queries_with_and_without_range_and_renewal_between(lake: Lake) -> None:
    expected = captured_rows()
    provider = CountingProvider(lake.key, lake.other_key)
    with FlightSQLClient(lake.uri, auth_provider=provider) as client:
        everything = client.query("SELECT * FROM processes")
        assert set(everything["process_id"]) == {p["process_id"] for p in expected["processes"]}
        assert len(client.query("SELECT * FROM processes", BEGIN, END)) == len(everything)
        assert client.query("SELECT * FROM processes", BEGIN, BEGIN + timedelta(days=1)).empty
    assert provider.asked == 3


def test_rows_are_the_captured_ones_to_the_nanosecond(client: FlightSQLClient) -> None:
    for row in captured_rows()["processes"]:
        process_id = row["process_id"]
        found = client.find_process(process_id)
        assert found["start_time"].iloc[0].value == row["start_time"]
        logs = client.query_arrow(
            f"SELECT time, msg FROM view_instance('log_entries', '{process_id}') ORDER BY time"
        )
        times = [t for t in logs.column("time").cast(pyarrow.int64()).to_pylist()]
        assert times == sorted(times)
        assert len(times) > 0


def test_pandas_arrow_and_polars_hold_the_same(client: FlightSQLClient) -> None:
    sql = "SELECT process_id, exe, start_time FROM processes ORDER BY process_id"
    table = client.query_arrow(sql)
    frame = client.query_polars(sql)
    assert isinstance(frame, polars.DataFrame)
    assert table.schema.field("start_time").type == pyarrow.timestamp("ns", "+00:00")
    assert list(client.query(sql)["exe"]) == frame["exe"].to_list() == table["exe"].to_pylist()


def test_an_empty_answer_has_its_columns(client: FlightSQLClient) -> None:
    sql = "SELECT process_id, start_time FROM processes WHERE process_id = 'none'"
    assert client.query_arrow(sql).schema.names == ["process_id", "start_time"]
    assert list(client.query(sql).columns) == ["process_id", "start_time"]
    assert list(client.query_stream(sql)) == []


def test_dictionaries_on_request(lake: Lake) -> None:
    sql = "SELECT target, msg, properties FROM log_entries LIMIT 10"
    with FlightSQLClient(lake.uri, None, True, Token(lake.key)) as client:
        assert pyarrow.types.is_dictionary(client.query_arrow(sql).schema.field("target").type)
        assert isinstance(client.query(sql)["target"].dtype, pandas.CategoricalDtype)
    with FlightSQLClient(lake.uri, auth_provider=Token(lake.key)) as client:
        assert client.query_arrow(sql).schema.field("target").type == pyarrow.string()


def test_prepared_statements(client: FlightSQLClient) -> None:
    statement = client.prepare_statement("SELECT count(*) FROM processes")
    assert statement.query == "SELECT count(*) FROM processes"
    assert statement.dataset_schema.names == ["count(*)"]
    (batch,) = client.prepared_statement_stream(statement)
    assert batch.to_pydict() == {"count(*)": [len(captured_rows()["processes"])]}


def test_quotes_and_injections_change_nothing(client: FlightSQLClient) -> None:
    assert client.find_process(HOSTILE).empty
    assert client.query_streams(BEGIN, END, 10, HOSTILE, HOSTILE).empty
    assert client.query_blocks(BEGIN, END, 10, HOSTILE).empty
    streams = client.query_streams(BEGIN, END, 1000, tag_filter="log")
    assert not streams.empty
    assert not client.query_blocks(BEGIN, END, 10, streams["stream_id"].iloc[0]).empty
    with pytest.raises(ValueError, match="invalid literal"):
        client.query_blocks(BEGIN, END, "1; DROP TABLE x", "s")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sql", "place"),
    [("SELECT nope FROM processes", (1, 8)), ("SELECT *\nFROM nope", (2, 6)), ("selec 1", (1, 1))],
)
def test_an_error_is_one_line_with_its_place(
    client: FlightSQLClient, sql: str, place: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(pyarrow.lib.ArrowInvalid) as caught:
        client.query(sql)
    error = caught.value
    assert isinstance(error, errors.InvalidError)
    assert (error.line, error.column) == place
    assert "\n" not in str(error)
    assert "gRPC" not in str(error)
    assert error.query_id
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""  # printed by whoever catches it, and once


def test_credentials_that_are_wrong(lake: Lake) -> None:
    for provider in (None, Token("wrong")):
        with (
            FlightSQLClient(lake.uri, auth_provider=provider) as client,
            pytest.raises(flight.FlightUnauthenticatedError, match=r"^invalid token$"),
        ):
            client.query("SELECT 1")


def test_a115_fixed_headers_work_and_warn(lake: Lake) -> None:
    with pytest.warns(DeprecationWarning, match="auth_provider"):
        client = FlightSQLClient(lake.uri, headers={"authorization": f"Bearer {lake.key}"})
    assert len(client.query("SELECT 1 AS one")) == 1
    client.close()


def test_a116_plaintext_under_both_names(lake: Lake) -> None:
    for uri in (lake.uri, lake.uri.replace("grpc://", "http://") + "/"):
        with FlightSQLClient(uri, auth_provider=Token(lake.key)) as client:
            assert client.uri == lake.uri
            assert len(client.query("SELECT 1")) == 1


def test_bulk_ingest_needs_a_table(client: FlightSQLClient) -> None:
    with pytest.raises(TypeError, match=r"pyarrow\.Table"):
        client.bulk_ingest("processes", pandas.DataFrame())


def test_a_closed_client_may_be_closed_again(lake: Lake) -> None:
    client = FlightSQLClient(lake.uri, auth_provider=Token(lake.key))
    client.close()
    client.close()
    with pytest.raises(pyarrow.lib.ArrowException):
        client.query("SELECT 1")


def test_many_threads_share_a_client(client: FlightSQLClient) -> None:
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(len(client.query("SELECT 1"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    assert counts == [1] * 8


# --- what is sent ---


@pytest.fixture
def recorded(recorder: Recorder) -> Iterator[FlightSQLClient]:
    with FlightSQLClient(recorder.uri, auth_provider=CountingProvider()) as client:
        yield client


def test_a114_the_provider_is_asked_for_every_call(
    recorder: Recorder, recorded: FlightSQLClient
) -> None:
    recorded.query("SELECT 1")
    recorded.query_arrow("SELECT 2")
    list(recorded.query_stream("SELECT 3"))
    statement = recorded.prepare_statement("SELECT 4")
    list(recorded.prepared_statement_stream(statement))
    result = recorded.bulk_ingest("processes", pyarrow.table({"a": [1, 2, 3]}))
    assert [call["authorization"] for call in recorder.calls] == [
        f"Bearer t{n}" for n in range(1, 7)
    ]
    assert recorder.statements == [f"SELECT {n}" for n in range(1, 5)]
    assert result == wire.DoPutUpdateResult(3)
    ((command, table),) = recorder.ingested
    assert command == wire.statement_ingest("processes")
    assert table.num_rows == 3


def test_headers_of_a_query(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_CLIENT_AGENT", "bot")
    with FlightSQLClient(
        recorder.uri, preserve_dictionary=True, client_entrypoint="mine"
    ) as client:
        client.query("SELECT 1", "2024-01-01T00:00:00.000000001Z", pandas.Timestamp(1, tz="UTC"))
        client.query("SELECT 1", end=END)
        client.prepare_statement("SELECT 1")
    first, second, prepared = recorder.calls
    assert first["x-client-type"] == "python"
    assert first["x-client-agent"] == "bot"
    assert first["x-client-entrypoint"] == "mine"
    assert first["x-client-session"] == second["x-client-session"]
    assert first["preserve_dictionary"] == "true"
    assert first["query_range_begin"] == "2024-01-01T00:00:00.000000001+00:00"
    assert first["query_range_end"] == "1970-01-01T00:00:00.000000001+00:00"
    assert "query_range_begin" not in second
    assert second["query_range_end"] == "2100-01-01T00:00:00+00:00"
    assert "authorization" not in first
    assert not [name for name in prepared if name.startswith(("x-client", "query_range"))]


def test_a_naive_time_is_not_sent(recorder: Recorder, recorded: FlightSQLClient) -> None:
    for naive in (datetime(2024, 1, 1), "2024-01-01", pandas.Timestamp(0)):
        with pytest.raises(RuntimeError, match="time zone"):
            recorded.query("SELECT 1", naive)
    assert recorder.calls == []


def test_a_failing_provider_is_not_hidden(recorder: Recorder) -> None:
    class Failing:
        def get_token(self) -> str:
            raise LookupError("log in again")

    with (
        FlightSQLClient(recorder.uri, auth_provider=Failing()) as client,
        pytest.raises(LookupError, match="log in again"),
    ):
        client.query("SELECT 1")


def test_helpers_send_literals(
    recorder: Recorder, recorded: FlightSQLClient, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.answers["_partitions("] = pyarrow.table(
        {"time": pyarrow.array([1], pyarrow.timestamp("ns", "+00:00")), "msg": ["done it"]}
    )
    recorded.retire_partitions("s'et", "inst", BEGIN, END)
    recorded.materialize_partitions("set", BEGIN, END, 3600)
    recorded.regenerate_partitions("set", BEGIN, END, 60)
    span = "'2000-01-01T00:00:00+00:00', '2100-01-01T00:00:00+00:00'"
    assert recorder.statements == [
        f"SELECT time, msg FROM retire_partitions('s''et', 'inst', {span})",
        f"SELECT time, msg FROM materialize_partitions('set', {span}, 3600)",
        f"SELECT time, msg FROM regenerate_partitions('set', {span}, 60)",
    ]
    assert capsys.readouterr().out == "1970-01-01 00:00:00.000000001+00:00 done it\n" * 3
    recorded.query_spans(BEGIN, END, 5, "s'1")
    assert recorder.statements[-1] == (
        "SELECT * FROM view_instance('thread_spans', 's''1') LIMIT 5"
    )


def test_closing_a_stream_cancels_the_query(recorder: Recorder, recorded: FlightSQLClient) -> None:
    stream = recorded.query_stream("endless")
    assert next(stream).num_rows == 1000
    stream.close()
    assert recorder.cancelled.wait(WITHIN)


def test_an_answer_may_take_too_long(recorder: Recorder) -> None:
    with FlightSQLClient(recorder.uri, timeout=0.3) as client:
        while not recorder.endless.is_set():  # on a busy machine the time may be over before
            with pytest.raises(flight.FlightTimedOutError):
                client.query("endless")
        assert recorder.cancelled.wait(WITHIN)
        assert len(client.query("SELECT 1", timeout=WITHIN)) == 1


def test_nested_dictionaries_become_lists(recorder: Recorder) -> None:
    lists = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 0]), pyarrow.array([["a", "b"]]))
    recorder.answers["nested"] = pyarrow.table({"tags": lists})
    with FlightSQLClient(recorder.uri, preserve_dictionary=True) as client:
        assert [list(tags) for tags in client.query("nested")["tags"]] == [["a", "b"]] * 2


def test_addresses_that_are_none() -> None:
    for uri in ("localhost:50051", "grpc://", ""):
        with pytest.raises(ValueError, match="not an address"):
            FlightSQLClient(uri)
    with (
        FlightSQLClient("grpc://127.0.0.1:1") as client,
        pytest.raises(flight.FlightUnavailableError, match=r"^failed to connect[^\n]*$"),
    ):
        client.query("SELECT 1")


def test_connect_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_ANALYTICS_URI", "grpc://elsewhere:1")
    assert micromegas.connect().uri == "grpc://localhost:50051"
    assert micromegas.connect("https://host:1").uri == "grpc+tls://host:1"


# --- TLS ---


def certificate() -> tuple[bytes, bytes]:
    """A certificate for localhost by nobody that the public knows, and its key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a116_tls_is_verified_against_public_roots() -> None:
    public, private = certificate()
    with Recorder(
        location="grpc+tls://127.0.0.1:0", tls_certificates=[(public, private)]
    ) as server:
        for scheme in ("grpc+tls", "https"):
            uri = f"{scheme}://localhost:{server.port}"
            with FlightSQLClient(uri) as client, pytest.raises(flight.FlightUnavailableError):
                client.query("SELECT 1", timeout=WITHIN)
            with FlightSQLClient(uri, tls_root_certs=public) as client:
                assert len(client.query("SELECT 1")) == 1
        with (
            FlightSQLClient(f"grpc://localhost:{server.port}") as client,
            pytest.raises(flight.FlightUnavailableError),
        ):
            client.query("SELECT 1", timeout=WITHIN)
        assert len(server.calls) == 2


# --- helpers above the client ---


def chunks(*ids: int) -> pyarrow.Table:
    return pyarrow.table(
        {
            "chunk_id": pyarrow.array(ids, pyarrow.int32()),
            "chunk_data": pyarrow.array([b"\n%d" % n for n in ids], pyarrow.binary()),
        }
    )


def test_a_trace_is_written_when_it_is_complete(
    recorder: Recorder, recorded: FlightSQLClient, tmp_path: Path
) -> None:
    target = tmp_path / "trace.perfetto"
    recorder.answers["perfetto_trace_chunks"] = chunks(0, 1, 2)
    perfetto.write_process_trace(recorded, "p'1", BEGIN, END, target)
    assert target.read_bytes() == b"\n0\n1\n2"
    assert recorder.statements == [
        (
            "SELECT chunk_id, chunk_data FROM perfetto_trace_chunks('p''1', 'both', "
            "TIMESTAMP '2000-01-01T00:00:00+00:00', TIMESTAMP '2100-01-01T00:00:00+00:00')"
        )
    ]
    perfetto.write_process_trace_from_chunks(recorded, "p", BEGIN, END, "thread", str(target))
    assert recorder.calls[-1]["query_range_begin"] == "2000-01-01T00:00:00+00:00"


def test_a_trace_of_the_real_server(client: FlightSQLClient, tmp_path: Path) -> None:
    (stream,) = {row["stream_id"] for row in captured_rows()["thread_spans"][:1]}
    (process,) = client.query_arrow(
        f"SELECT process_id FROM streams WHERE stream_id = '{stream}'"
    ).to_pylist()
    for types in ("thread", "async", "both"):
        target = tmp_path / types
        perfetto.write_process_trace(client, process["process_id"], BEGIN, END, target, types)
        content = target.read_bytes()
        assert content[:1] == b"\n"
        assert b"vec30" in content
    with pytest.raises(errors.InvalidError, match="not found"):
        perfetto.write_process_trace(
            client, "00000000-0000-4000-8000-000000000000", BEGIN, END, tmp_path / "none"
        )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("ids", "said"), [((0, 2), "chunk 1 is missing"), ((), "no spans")])
def test_half_a_trace_is_none(
    recorder: Recorder, recorded: FlightSQLClient, tmp_path: Path, ids: tuple[int], said: str
) -> None:
    recorder.answers["perfetto_trace_chunks"] = chunks(*ids)
    with pytest.raises(perfetto.TraceError, match=said):
        perfetto.write_process_trace(recorded, "p", BEGIN, END, tmp_path / "trace")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="span_types"):
        perfetto.write_process_trace(recorded, "p", BEGIN, END, tmp_path / "trace", "all")


def test_incompatible_partitions_are_retired_one_by_one(
    recorder: Recorder, recorded: FlightSQLClient, capsys: pytest.CaptureFixture[str]
) -> None:
    when = pyarrow.array([0, 1], pyarrow.timestamp("ns", "+00:00"))
    recorder.answers["list_partitions()"] = pyarrow.table(
        {
            "view_set_name": ["log'entries"] * 2,
            "view_instance_id": ["global"] * 2,
            "begin_insert_time": when,
            "end_insert_time": when,
            "incompatible_schema_hash": [b"\x07", b"\x08"],
            "current_schema_hash": [b"\x09"] * 2,
            "file_path": ["a", "b"],
            "file_size": [10, 20],
        }
    )
    recorder.answers["decode('07', 'hex')"] = pyarrow.table({"message": ["SUCCESS: gone"]})
    recorder.answers["decode('08', 'hex')"] = pyarrow.table({"message": ["ERROR: locked"]})
    assert len(admin.list_incompatible_partitions(recorded, "log'entries")) == 2
    assert "p.view_set_name = 'log''entries'" in recorder.statements[0]
    (row,) = json.loads(admin.retire_incompatible_partitions(recorded).to_json(orient="records"))
    assert row == {
        "view_set_name": "log'entries",
        "view_instance_id": "global",
        "partitions_retired": 1,
        "partitions_failed": 1,
        "storage_freed_bytes": 10,
        "retirement_messages": ["SUCCESS: gone", "ERROR: locked"],
    }
    assert capsys.readouterr().err == "ERROR: locked\n"


# --- progress ---


def test_progress_is_shown_when_asked_for_and_quiet_without_a_terminal(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micromegas.progress._QUIET_FOR", 0)
    with FlightSQLClient(recorder.uri) as client:
        client.query_arrow("SELECT 1")
    assert capsys.readouterr().err == ""
    with FlightSQLClient(recorder.uri, progress=True) as client:
        assert client.query_arrow("SELECT 1").num_rows == 1
    assert "downloading" in capsys.readouterr().err
