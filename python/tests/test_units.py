"""Quoting, wire format, properties, error texts: what needs no server."""

from __future__ import annotations

import numpy
import pyarrow
import pytest
from pyarrow import flight

from micromegas import jsonb, sql
from micromegas.cli.common import scrub
from micromegas.flightsql import attribution, errors, wire


@pytest.mark.parametrize(
    ("value", "literal"),
    [("a", "'a'"), ("o'clock", "'o''clock'"), ("'; DROP TABLE x; --", "'''; DROP TABLE x; --'")],
)
def test_a_quote_stays_within_its_literal(value: str, literal: str) -> None:
    assert sql.quote(value) == literal


def test_what_no_literal_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        sql.quote("a\0b")
    for value in ("1; DROP TABLE x", 1.5, None):
        with pytest.raises((ValueError, TypeError)):
            sql.integer(value)
    assert [sql.integer(v) for v in (5, "5", numpy.int64(5), 5.0)] == ["5"] * 4


def test_wildcards_mean_themselves() -> None:
    assert sql.contains("msg", "50%_'\\") == r"msg ILIKE '%50\%\_''\\%' ESCAPE '\'"


def test_messages_have_the_bytes_of_the_specification() -> None:
    url = b"type.googleapis.com/arrow.flight.protocol.sql.TicketStatementQuery"
    assert wire.ticket_statement_query("SELECT 1") == (
        b"\x0a" + bytes([len(url)]) + url + b"\x12\x0a\x0a\x08SELECT 1"
    )
    ingest = wire.statement_ingest("processes")
    assert ingest.endswith(b"CommandStatementIngest\x12\x0b\x12\x09processes")
    long = "x" * 300
    assert wire._fields(wire._unpack(wire.ticket_statement_query(long), "TicketStatementQuery"))[
        1
    ] == (long.encode())


def test_counts_are_signed() -> None:
    assert wire.parse_update_result(b"\x08\xac\x02").record_count == 300
    assert wire.parse_update_result(b"").record_count == 0
    minus_one = b"\x08" + b"\xff" * 9 + b"\x01"
    assert wire.parse_update_result(minus_one).record_count == -1
    unknown = b"\x1a\x01x\x25\x00\x00\x00\x00\x29" + b"\0" * 8 + b"\x08\x05"
    assert wire.parse_update_result(unknown).record_count == 5


@pytest.mark.parametrize(
    "body", [b"\x08", b"\x0a\x05x", b"\x0f", b"\x08" + b"\xff" * 11, b"\x0a\0"]
)
def test_malformed_messages_are_refused(body: bytes) -> None:
    with pytest.raises(wire.MalformedMessage):
        wire.parse_update_result(body)
    with pytest.raises(wire.MalformedMessage):
        wire.parse_prepared_statement(body)


def test_properties_are_json() -> None:
    assert jsonb.decode(bytes.fromhex("40000001 10000004 10000005") + b"namevalue") == {
        "name": "value"
    }
    array = bytes.fromhex("80000003 20000002 40000000 20000009 5001 60 4000000000000000")
    assert jsonb.decode(array) == [1, True, 2.0]
    assert jsonb.decode(bytes.fromhex("20000000 20000002 40ff")) == -1
    assert jsonb.decode(bytes.fromhex("20000000 00000000")) is None


@pytest.mark.parametrize("size", range(21))
def test_cut_off_properties_are_refused(size: int) -> None:
    whole = bytes.fromhex("40000001 10000004 10000005") + b"namevalue"
    with pytest.raises(ValueError, match="jsonb"):
        jsonb.decode(whole[:size])


def test_properties_cannot_nest_without_end() -> None:
    document = bytes.fromhex("80000000")
    for _ in range(200):
        document = (
            bytes.fromhex("80000001") + (0x50000000 + len(document)).to_bytes(4, "big") + document
        )
    with pytest.raises(ValueError, match="deep"):
        jsonb.decode(document)


def test_an_error_is_the_servers_own_line() -> None:
    raw = pyarrow.lib.ArrowInvalid(
        "Flight returned invalid argument error, with message: no column x\nhelp: y "
        "(at line 3, column 14) (query_id=ab-1). gRPC client debug context: UNKNOWN:Error "
        'received from peer {grpc_message:"…"}. Client context: IOError: x. Detail: Internal'
    )
    error = errors.translate(raw)
    assert str(error) == "no column x; help: y (at line 3, column 14) (query_id=ab-1)"
    assert (error.line, error.column, error.query_id) == (3, 14, "ab-1")
    assert isinstance(error, pyarrow.lib.ArrowInvalid)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(("theirs", "ours"), errors._KINDS)
def test_errors_are_pyarrows_as_well(theirs: type, ours: type) -> None:
    error = ours("x")
    assert isinstance(error, theirs)
    assert str(error) == error.message == "x"
    assert error.line is None


def test_other_errors_keep_their_text() -> None:
    error = errors.translate(pyarrow.lib.ArrowException("plain"))
    assert type(error) is errors.OtherError
    assert str(error) == "plain"
    assert type(errors.translate(flight.FlightServerError("s"))) is errors.ServerError


def test_a127_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROMEGAS_OIDC_CLIENT_SECRET", "hunter2")
    shown = scrub(
        "x hunter2\nAuthorization: Bearer abc.def eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.sig"
    )
    assert shown == "x [secret]; Authorization: Bearer [secret] [secret]"


def test_attribution(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attribution.resolve_client_agent() == "none"
    monkeypatch.setenv("MICROMEGAS_CLIENT_AGENT", "bot")
    assert attribution.resolve_client_agent() == "bot"
    monkeypatch.setenv("MICROMEGAS_CLIENT_AGENT", "x" * 65)  # ignored silently
    assert attribution.resolve_client_agent() == "none"
    monkeypatch.setenv("MICROMEGAS_CLIENT_ENTRYPOINT", "nightly")
    assert attribution.resolve_client_entrypoint() == "nightly"
    assert attribution.resolve_client_entrypoint("mine") == "mine"
    for label in ("", " ", "x" * 65, "a\nb", "é"):
        with pytest.raises(ValueError, match="client_entrypoint"):
            attribution.resolve_client_entrypoint(label)
    assert attribution.resolve_session_id() != attribution.resolve_session_id()
