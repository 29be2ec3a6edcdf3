"""Columns as values that JSON has: nanoseconds stay, binary becomes text, properties objects."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow

from micromegas import jsonb

types = pyarrow.types

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def values(column: pyarrow.Array, name: str = "") -> list[Any]:
    """Python values for ``json.dumps``; the name says whether bytes are properties."""
    kind = column.type
    if types.is_dictionary(kind):
        return values(column.dictionary_decode(), name)
    if isinstance(column, pyarrow.ExtensionArray):
        return values(column.storage, name)
    if types.is_timestamp(kind):
        suffix = "" if kind.tz is None else "Z"  # the stored number counts from 1970 in UTC
        return _integers(column, lambda n: _timestamp(n, kind.unit) + suffix)
    if types.is_duration(kind):
        # In the form that protobuf gives durations in JSON: "1.000340012s".
        return _integers(column, lambda n: _seconds(n, kind.unit) + "s")
    if types.is_time(kind):
        return _integers(column, lambda n: _time_of_day(n, kind.unit))
    if types.is_date(kind):
        return _each(column, lambda scalar: scalar.as_py().isoformat())
    if types.is_floating(kind):
        return [v if v is not None and math.isfinite(v) else None for v in column.to_pylist()]
    if types.is_decimal(kind):
        return [None if v is None else str(v) for v in column.to_pylist()]
    if _is_binary(kind):
        show = _properties if is_properties(name) else _base64
        return [None if v is None else show(v) for v in column.to_pylist()]
    if types.is_map(kind):
        return _each(column, _map)
    if types.is_struct(kind):
        return _structs(column)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _each(column, lambda scalar: values(scalar.values, name))
    if types.is_interval(kind):
        return _each(column, lambda scalar: str(scalar.as_py()))
    result: list[Any] = column.to_pylist()
    return result


def is_properties(name: str) -> bool:
    return name == "properties" or name.endswith("_properties")


def text(value: object) -> str:
    """A value of ``values`` in a cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _is_binary(kind: pyarrow.DataType) -> bool:
    return bool(
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    )


def _each(column: pyarrow.Array, convert: Callable[[Any], Any]) -> list[Any]:
    return [convert(scalar) if scalar.is_valid else None for scalar in column]


def _integers(column: pyarrow.Array, convert: Callable[[int], str]) -> list[Any]:
    wide = column.cast(pyarrow.int32()) if column.type.bit_width == 32 else column
    numbers = wide.cast(pyarrow.int64()).to_pylist()
    return [None if number is None else convert(number) for number in numbers]


def _structs(column: pyarrow.StructArray) -> list[Any]:
    names = [field.name for field in column.type]
    fields = [values(part, name) for part, name in zip(column.flatten(), names, strict=True)]
    rows = zip(*fields, strict=True) if fields else ((),) * len(column)
    valid = column.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if there else None
        for row, there in zip(rows, valid, strict=True)
    ]


def _map(scalar: Any) -> dict[str, Any]:  # noqa: ANN401 # pyarrow's MapScalar
    entries = scalar.values
    keys, items = values(entries.field(0)), values(entries.field(1))
    return {text(key): item for key, item in zip(keys, items, strict=True)}


def _timestamp(number: int, unit: str) -> str:
    seconds, rest = divmod(number * _NANOSECONDS[unit], 10**9)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # outside the years 1 to 9999
        return f"{number} {unit}"
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + _fraction(rest, unit)


def _time_of_day(number: int, unit: str) -> str:
    seconds, rest = divmod(number * _NANOSECONDS[unit], 10**9)
    return str(timedelta(seconds=seconds)).rjust(8, "0") + _fraction(rest, unit)


def _seconds(number: int, unit: str) -> str:
    whole, rest = divmod(abs(number) * _NANOSECONDS[unit], 10**9)
    return ("-" if number < 0 else "") + str(whole) + _fraction(rest, unit)


def _fraction(nanoseconds: int, unit: str) -> str:
    return f".{nanoseconds:09d}"[: 1 + _DIGITS[unit]] if _DIGITS[unit] else ""


def _properties(data: bytes) -> Any:  # noqa: ANN401 # any JSON value
    try:
        return _finite(jsonb.decode(data))
    except ValueError:
        return _base64(data)


def _finite(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


__all__ = ["is_properties", "text", "values"]
