"""Properties as they travel: a compact binary form of JSON, with big-endian 32-bit headers.

======================  ====================================================================
array of n              0x80000000 + n, n entry words, the values
object of n             0x40000000 + n, n entry words of keys, n of values, keys, values
scalar document         0x20000000, one entry word, the value
entry word              4 bits kind (null, string, number, false, true, container), 28 bits size
number                  a tag byte (zero, NaN, +inf, -inf, signed, unsigned, float64), the value
======================  ====================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["decode"]

_ARRAY, _OBJECT, _SCALAR = 0x8, 0x4, 0x2
_NULL, _STRING, _NUMBER, _FALSE, _TRUE, _CONTAINER = range(6)
_SPECIAL = {0x00: 0, 0x10: float("nan"), 0x20: float("inf"), 0x30: float("-inf")}
_SIZES = (1, 2, 4, 8)
_DEEPEST = 100  # containers within containers; the server's own documents are flat


def decode(data: bytes) -> Any:  # noqa: ANN401 # any JSON value
    """The value. Raises ``ValueError`` for bytes that are not in this form."""
    return _container(data, _DEEPEST)


def _container(data: bytes, depth: int) -> Any:  # noqa: ANN401
    if depth == 0:
        raise ValueError("jsonb: nested too deep")
    (word,) = _words(data, 0, 1)
    kind, count = word >> 28, word & 0x0FFFFFFF
    if kind == _SCALAR:
        (entry,) = _words(data, 4, 1)
        return next(_values(data, 8, [entry], depth))
    if kind == _ARRAY:
        return list(_values(data, 4 + 4 * count, _words(data, 4, count), depth))
    if kind == _OBJECT:
        entries = _words(data, 4, 2 * count)
        keys, values = entries[:count], entries[count:]
        at = 4 + 8 * count
        names = list(_values(data, at, keys, depth))
        at += sum(entry & 0x0FFFFFFF for entry in keys)
        return dict(zip(map(str, names), _values(data, at, values, depth), strict=True))
    raise ValueError(f"jsonb: unknown container 0x{word:08x}")


def _words(data: bytes, at: int, count: int) -> list[int]:
    if at + 4 * count > len(data):
        raise ValueError("jsonb: the document is cut off")
    return list(struct.unpack_from(f">{count}I", data, at))


def _values(data: bytes, at: int, entries: list[int], depth: int) -> Iterator[Any]:
    for entry in entries:
        size = entry & 0x0FFFFFFF
        if at + size > len(data):
            raise ValueError("jsonb: the document is cut off")
        yield _value(entry >> 28, data[at : at + size], depth)
        at += size


def _value(kind: int, content: bytes, depth: int) -> Any:  # noqa: ANN401
    if kind == _STRING:
        return content.decode()
    if kind == _NUMBER:
        return _number(content)
    if kind == _CONTAINER:
        return _container(content, depth - 1)
    if kind in (_NULL, _FALSE, _TRUE):
        return {_NULL: None, _FALSE: False, _TRUE: True}[kind]
    raise ValueError(f"jsonb: unknown kind of value {kind}")


def _number(content: bytes) -> int | float:
    tag, value = content[:1], content[1:]
    if tag and tag[0] in _SPECIAL and not value:
        return _SPECIAL[tag[0]]
    if tag in (b"\x40", b"\x50") and len(value) in _SIZES:
        return int.from_bytes(value, "big", signed=tag == b"\x40")
    if tag == b"\x60" and len(value) == 8:
        return float(struct.unpack(">d", value)[0])
    raise ValueError("jsonb: malformed number")
