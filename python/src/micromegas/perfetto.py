"""Traces for https://ui.perfetto.dev."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from micromegas.flightsql.errors import ServerError
from micromegas.progress import Progress
from micromegas.sql import quote
from micromegas.time import format_datetime

if TYPE_CHECKING:
    from micromegas.flightsql.client import FlightSQLClient, Time

__all__ = ["TraceError", "write_process_trace", "write_process_trace_from_chunks"]

SPAN_TYPES = ("thread", "async", "both")


class TraceError(ServerError):
    """The server sent no trace, or not all of it; no file was written."""


def write_process_trace(
    client: FlightSQLClient,
    process_id: str,
    begin: Time,
    end: Time,
    trace_filepath: str | os.PathLike[str],
    span_types: str = "both",
) -> None:
    """Writes what the process did between the two times into a Perfetto trace file.

    ``span_types`` is ``thread``, ``async`` or ``both``. The file appears when it is complete and
    not before; without spans or with a gap in them ``TraceError`` is raised.
    """
    if span_types not in SPAN_TYPES:
        raise ValueError(f"span_types must be one of {', '.join(SPAN_TYPES)}, not {span_types!r}")
    begin_text, end_text = format_datetime(begin), format_datetime(end)
    if begin_text is None or end_text is None:
        raise RuntimeError("begin and end are both needed")
    sql = (
        "SELECT chunk_id, chunk_data FROM perfetto_trace_chunks("
        f"{quote(process_id)}, {quote(span_types)}, "
        f"TIMESTAMP {quote(begin_text)}, TIMESTAMP {quote(end_text)})"
    )
    target = Path(trace_filepath).expanduser()
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            expected = 0
            with (
                closing(client.query_stream(sql, begin_text, end_text)) as batches,
                Progress("writing the trace", "B", client.progress) as progress,
            ):
                for batch in batches:
                    for chunk_id, data in zip(
                        batch.column("chunk_id").to_pylist(),
                        batch.column("chunk_data"),
                        strict=True,
                    ):
                        if chunk_id != expected:
                            raise TraceError(f"the trace has a gap: chunk {expected} is missing")
                        expected += 1
                        content = data.as_buffer()
                        file.write(content)
                        progress.add(content.size)
            if expected == 0:
                raise TraceError(f"no spans of process {process_id} in this range")
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def write_process_trace_from_chunks(
    client: FlightSQLClient,
    process_id: str,
    begin: Time,
    end: Time,
    span_types: str,
    trace_filepath: str | os.PathLike[str],
) -> None:
    """``write_process_trace`` under its older name, with its older order of arguments."""
    write_process_trace(client, process_id, begin, end, trace_filepath, span_types)
