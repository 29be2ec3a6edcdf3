"""An answer as a table, JSON, NDJSON, CSV, Parquet or Arrow."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pyarrow

from micromegas.cli.values import text, values

FORMATS = ("table", "json", "ndjson", "csv", "parquet", "arrow")
BINARY_FORMATS = ("parquet", "arrow")

Batches = Iterable[pyarrow.RecordBatch]


def write(
    form: str,
    schema: pyarrow.Schema,
    batches: Batches,
    out: BinaryIO,
    *,
    max_colwidth: int = 0,
    index: bool = False,
) -> int:
    """Writes the answer and says how many rows it had; all but the table while they arrive."""
    if form == "parquet":
        return _parquet(schema, batches, out)
    if form == "arrow":
        return _arrow(schema, batches, out)
    lines = _Text(out)
    if form == "json":
        return _json(schema, batches, lines)
    if form == "ndjson":
        return _ndjson(schema, batches, lines)
    if form == "csv":
        return _csv(schema, batches, lines)
    return _table(schema, batches, lines, max_colwidth, index)


@contextmanager
def destination(path: str | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears when it is complete and not before."""
    if path is None or path == "-":
        with standard_output() as out:
            yield out
        return
    target = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


class ReaderLeft(Exception):  # no error: it has what it wanted, as in `| head`
    """Nobody reads standard output any more."""


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Raises ``ReaderLeft`` for a broken pipe, which click would end with status 1."""
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise ReaderLeft from None


class _Text:
    """Text in UTF-8 and with plain line ends, whatever locale and system say."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, content: str) -> int:
        return self._out.write(content.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        self._out.flush()


def _names(schema: pyarrow.Schema) -> list[str]:
    """Names of columns, made unique: an object can hold each key once."""
    names: list[str] = []
    for name in schema.names:
        unique, number = name, 2
        while unique in names:
            unique, number = f"{name}_{number}", number + 1
        names.append(unique)
    return names


def _rows(
    schema: pyarrow.Schema, batches: Batches, *, finite: bool = False
) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Of each batch its rows; what is not finite is null in JSON and has a name elsewhere."""
    for batch in batches:
        columns = [
            column.to_pylist()
            if not finite and pyarrow.types.is_floating(column.type)
            else values(column, name)
            for column, name in zip(batch.columns, schema.names, strict=True)
        ]
        yield zip(*columns, strict=True) if columns else iter([()] * batch.num_rows)


def _objects(schema: pyarrow.Schema, batches: Batches) -> Iterator[list[str]]:
    names = _names(schema)
    for rows in _rows(schema, batches, finite=True):
        yield [
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False)
            for row in rows
        ]


def _json(schema: pyarrow.Schema, batches: Batches, out: _Text) -> int:
    count = 0
    for objects in _objects(schema, batches):
        for item in objects:
            out.write(f"{',' if count else '['}\n  {item}")
            count += 1
    out.write("\n]\n" if count else "[]\n")
    return count


def _ndjson(schema: pyarrow.Schema, batches: Batches, out: _Text) -> int:
    count = 0
    for objects in _objects(schema, batches):
        count += len(objects)
        out.write("".join(f"{item}\n" for item in objects))
        out.flush()
    return count


def _csv(schema: pyarrow.Schema, batches: Batches, out: _Text) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(schema.names)
    count = 0
    for rows in _rows(schema, batches):
        for row in rows:
            writer.writerow([text(value) for value in row])
            count += 1
    return count


def _parquet(schema: pyarrow.Schema, batches: Batches, out: BinaryIO) -> int:
    import pyarrow.parquet

    count = 0
    with pyarrow.parquet.ParquetWriter(out, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _arrow(schema: pyarrow.Schema, batches: Batches, out: BinaryIO) -> int:
    count = 0
    with pyarrow.ipc.new_stream(out, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _table(
    schema: pyarrow.Schema, batches: Batches, out: _Text, max_colwidth: int, index: bool
) -> int:
    right = [
        pyarrow.types.is_integer(t) or pyarrow.types.is_floating(t) or pyarrow.types.is_decimal(t)
        for t in schema.types
    ]
    times = [pyarrow.types.is_timestamp(t) for t in schema.types]
    lines: list[list[str]] = []
    for rows in _rows(schema, batches):
        for row in rows:
            cells = [
                _cell(_moment(value) if time else value, max_colwidth)
                for value, time in zip(row, times, strict=True)
            ]
            lines.append([str(len(lines)), *cells] if index else cells)
    if not lines:
        print("no data", file=sys.stderr)
        return 0
    names = [_cell(name, 0) for name in schema.names]
    grid(["", *names] if index else names, [True, *right] if index else right, lines, out)
    return len(lines)


def grid(names: list[str], right: list[bool], lines: list[list[str]], out: TextIO | _Text) -> None:
    """Columns with a header, a rule of dashes and two blanks between them."""
    widths = [max(map(width, column)) for column in zip(names, *lines, strict=True)]
    rule = ["-" * max(size, 2) for size in widths]
    widths = [max(size, 2) for size in widths]
    for cells in (names, rule, *lines):
        padded = [
            " " * (size - width(cell)) + cell if numeric else cell + " " * (size - width(cell))
            for cell, size, numeric in zip(cells, widths, right, strict=True)
        ]
        out.write("  ".join(padded).rstrip() + "\n")


def _moment(value: Any) -> Any:  # noqa: ANN401 # a text, or None
    """As the published tools show times: a blank between date and time, the offset in figures."""
    if not isinstance(value, str):
        return value
    return value.replace("T", " ", 1).replace("Z", "+00:00")


def _cell(value: object, longest: int) -> str:
    """In one line and without anything that moves a terminal's cursor."""
    content = text(value)
    if not content.isprintable():
        content = "".join(c if c.isprintable() else _escaped(c) for c in content)
    if longest and len(content) > longest:
        content = content[: max(longest - 3, 0)] + "..."
    return content


def _escaped(character: str) -> str:
    return repr(character)[1:-1]


def width(content: str) -> int:
    """Columns on a terminal."""
    if content.isascii():
        return len(content)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in content
    )
