"""The few messages of Arrow Flight SQL that a client needs, encoded by hand.

Names and field numbers are those of the specification,
https://arrow.apache.org/docs/format/FlightSql.html, package ``arrow.flight.protocol.sql``; the
encoding is https://protobuf.dev/programming-guides/encoding/. Five messages of a handful of fields
do not pay for the protobuf runtime: its import takes longer than ours altogether, and its generated
code ties users to one of its major versions.

Every message but the answer to an ingestion travels inside ``google.protobuf.Any``
(1 ``type_url`` string, 2 ``value`` bytes):

====================================  =========================================================
TicketStatementQuery                  1 statement_handle bytes (the SQL text)
ActionCreatePreparedStatementRequest  1 query string
ActionCreatePreparedStatementResult   1 prepared_statement_handle bytes, 2 dataset_schema bytes
CommandStatementIngest                1 table_definition_options message, 2 table string,
                                      5 temporary bool
DoPutUpdateResult                     1 record_count int64 (bare, not inside Any)
====================================  =========================================================
"""

from __future__ import annotations

from dataclasses import dataclass

_TYPE_URL = "type.googleapis.com/arrow.flight.protocol.sql."
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # wire types


class MalformedMessage(ValueError):
    """The server sent bytes that are not the message that was due."""


@dataclass(frozen=True)
class PreparedStatementResult:
    """ActionCreatePreparedStatementResult; the schema is an Arrow IPC stream."""

    prepared_statement_handle: bytes
    dataset_schema: bytes


@dataclass(frozen=True)
class DoPutUpdateResult:
    """How many rows the server took."""

    record_count: int


def ticket_statement_query(sql: str) -> bytes:
    return _any("TicketStatementQuery", _bytes(1, sql.encode()))


def create_prepared_statement(sql: str) -> bytes:
    return _any("ActionCreatePreparedStatementRequest", _bytes(1, sql.encode()))


def statement_ingest(table: str) -> bytes:
    """Fields that have their default, such as ``temporary = false``, are not sent (proto3)."""
    return _any("CommandStatementIngest", _bytes(2, table.encode()))


def parse_prepared_statement(body: bytes) -> PreparedStatementResult:
    fields = _fields(_unpack(body, "ActionCreatePreparedStatementResult"))
    return PreparedStatementResult(_bytes_of(fields, 1), _bytes_of(fields, 2))


def parse_update_result(body: bytes) -> DoPutUpdateResult:
    count = _fields(body).get(1, 0)
    if not isinstance(count, int):
        raise MalformedMessage("record_count is not a number")
    return DoPutUpdateResult(count - (1 << 64) if count >> 63 else count)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _LENGTH) + _varint(len(value)) + value


def _any(name: str, message: bytes) -> bytes:
    return _bytes(1, (_TYPE_URL + name).encode()) + _bytes(2, message)


def _unpack(body: bytes, name: str) -> bytes:
    fields = _fields(body)
    url = _bytes_of(fields, 1).decode(errors="replace")
    # The host part of a type URL means nothing, says google/protobuf/any.proto.
    if url.rpartition("/")[2] != f"arrow.flight.protocol.sql.{name}":
        raise MalformedMessage(f"expected {name}, the server sent {url!r}")
    return _bytes_of(fields, 2)


def _bytes_of(fields: dict[int, int | bytes], field: int) -> bytes:
    value = fields.get(field, b"")
    if not isinstance(value, bytes):
        raise MalformedMessage(f"field {field} is not bytes")
    return value


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):  # ten bytes at most
        if at >= len(data):
            raise MalformedMessage("the message ends within a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise MalformedMessage("a number is longer than ten bytes")


def _fields(data: bytes) -> dict[int, int | bytes]:
    """Fields by number, the last one wins; those that this client does not know are kept too."""
    fields: dict[int, int | bytes] = {}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        wire_type = tag & 7
        if wire_type == _VARINT:
            fields[tag >> 3], at = _read_varint(data, at)
            continue
        if wire_type == _LENGTH:
            size, at = _read_varint(data, at)
        elif wire_type in (_FIXED64, _FIXED32):
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise MalformedMessage(f"wire type {wire_type} is not in use")
        if size > len(data) - at:
            raise MalformedMessage("the message ends within a field")
        fields[tag >> 3] = data[at : at + size]
        at += size
    return fields
