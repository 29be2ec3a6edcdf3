"""The client: SQL in, pandas, Arrow or Polars out."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow
from pyarrow import flight

from micromegas.flightsql import wire
from micromegas.flightsql.attribution import (
    resolve_client_agent,
    resolve_client_entrypoint,
    resolve_session_id,
)
from micromegas.flightsql.errors import translated
from micromegas.flightsql.wire import DoPutUpdateResult
from micromegas.progress import Progress
from micromegas.sql import integer, quote
from micromegas.time import format_datetime

if TYPE_CHECKING:
    import pandas
    import polars
    from typing_extensions import Self

__all__ = ["DoPutUpdateResult", "FlightSQLClient", "PreparedStatement", "Time", "TokenProvider"]

Time = datetime | str | None  # pandas' Timestamp is a datetime

_Headers = list[tuple[bytes, bytes]]


class TokenProvider(Protocol):
    """Hands out the bearer token of a call, renewed when necessary; called from any thread."""

    def get_token(self) -> str: ...


class PreparedStatement:
    """A statement that the server has looked at: its text and the schema of its answer."""

    def __init__(self, prepared_statement_result: wire.PreparedStatementResult) -> None:
        self.query = prepared_statement_result.prepared_statement_handle.decode()
        self.dataset_schema: pyarrow.Schema = pyarrow.ipc.open_stream(
            prepared_statement_result.dataset_schema
        ).schema

    def __repr__(self) -> str:
        return f"PreparedStatement(query={self.query!r})"


class FlightSQLClient:
    """A connection to the analytics server; made at the first call, shared by all threads.

    ``uri``
        ``grpc://host:port``, or ``grpc+tls://host:port`` for TLS against public roots; ``http``
        and ``https`` mean the same two.
    ``headers``
        Deprecated: fixed headers. Ignored when there is an ``auth_provider``.
    ``preserve_dictionary``
        Keep dictionary-encoded columns as they are (pandas: categories) instead of unpacking them.
    ``auth_provider``
        An object whose ``get_token()`` is called for every call to the server.
    ``client_entrypoint``
        The label of the audit log; guessed when absent.
    ``timeout``
        Seconds that a call may take from its start to its last row, unless it says otherwise.
    ``tls_root_certs``
        PEM of the authorities to trust instead of the public ones.
    ``progress``
        ``True`` and ``False`` force and forbid the counter of long downloads; by default it shows
        on a terminal.

    Errors are those of ``micromegas.flightsql.errors``, which are pyarrow's as well.
    """

    def __init__(
        self,
        uri: str,
        headers: Mapping[str, str] | None = None,
        preserve_dictionary: bool = False,
        auth_provider: TokenProvider | None = None,
        client_entrypoint: str | None = None,
        *,
        timeout: float | None = None,
        tls_root_certs: bytes | None = None,
        progress: bool | None = None,
    ) -> None:
        if headers is not None:
            warnings.warn(
                "headers= is deprecated, use auth_provider= "
                "(micromegas.auth.StaticTokenAuthProvider holds an API key)",
                DeprecationWarning,
                stacklevel=2,
            )
        self.uri = _normalize_uri(uri)
        self.preserve_dictionary = preserve_dictionary
        self.timeout = timeout
        self.progress = progress
        self._auth_provider = auth_provider
        self._static: _Headers = []
        if auth_provider is None and headers is not None:
            self._static = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        self._attribution: _Headers = [
            (b"x-client-type", b"python"),
            (b"x-client-agent", resolve_client_agent().encode()),
            (b"x-client-entrypoint", resolve_client_entrypoint(client_entrypoint).encode()),
            (b"x-client-session", resolve_session_id().encode()),
        ]
        options: dict[str, Any] = {}
        if self.uri.startswith("grpc+tls:"):
            options["tls_root_certs"] = tls_root_certs or _public_roots()
        with translated():
            self._flight = flight.connect(self.uri, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FlightSQLClient({self.uri!r})"

    def close(self) -> None:
        """Ends the connection; calls that are under way are cancelled. May be called twice."""
        self._flight.close()

    # --- queries ---

    def query(
        self, sql: str, begin: Time = None, end: Time = None, *, timeout: float | None = None
    ) -> pandas.DataFrame:
        """The whole answer as a pandas DataFrame.

        ``begin`` and ``end`` bound the rows of every view that the statement reads, both included:
        datetimes with a zone, or RFC 3339 texts.
        """
        table = self.query_arrow(sql, begin, end, timeout=timeout)
        frame: pandas.DataFrame = _without_nested_dictionaries(table).to_pandas()
        return frame

    def query_polars(
        self, sql: str, begin: Time = None, end: Time = None, *, timeout: float | None = None
    ) -> polars.DataFrame:
        """The whole answer as a Polars DataFrame; needs ``pip install micromegas[polars]``."""
        try:
            import polars
        except ImportError:
            raise ImportError(
                "query_polars needs Polars: pip install 'micromegas[polars]'"
            ) from None
        frame = polars.from_arrow(self.query_arrow(sql, begin, end, timeout=timeout))
        assert isinstance(frame, polars.DataFrame)  # noqa: S101 # a table never gives a series
        return frame

    def query_arrow(
        self, sql: str, begin: Time = None, end: Time = None, *, timeout: float | None = None
    ) -> pyarrow.Table:
        """The whole answer as a pyarrow Table, with its columns even when it has no rows."""
        reader = self._start(sql, begin, end, timeout)
        with Progress("downloading", show=self.progress) as progress:
            if not progress.shown:  # then pyarrow can read everything in one go
                return _read_all(reader)
            batches = []
            for batch in _batches(reader):
                batches.append(batch)
                progress.add(batch.num_rows)
        return pyarrow.Table.from_batches(batches, reader.schema)

    def query_stream(
        self, sql: str, begin: Time = None, end: Time = None, *, timeout: float | None = None
    ) -> Generator[pyarrow.RecordBatch, None, None]:
        """The answer batch by batch. The query starts with the first one, and closing the generator
        or leaving it cancels the query on the server."""
        yield from _batches(self._start(sql, begin, end, timeout))

    def query_reader(
        self, sql: str, begin: Time = None, end: Time = None, *, timeout: float | None = None
    ) -> tuple[pyarrow.Schema, Generator[pyarrow.RecordBatch, None, None]]:
        """The schema, which is there before the first row and without any, and the batches."""
        reader = self._start(sql, begin, end, timeout)
        return reader.schema, _batches(reader)

    def prepare_statement(self, sql: str) -> PreparedStatement:
        """The schema of the answer, without running the statement."""
        action = flight.Action("CreatePreparedStatement", wire.create_prepared_statement(sql))
        with translated():
            for result in self._flight.do_action(action, self._options(self._credentials(), None)):
                return PreparedStatement(wire.parse_prepared_statement(result.body.to_pybytes()))
        raise wire.MalformedMessage("the server did not answer CreatePreparedStatement")

    def prepared_statement_stream(
        self, statement: PreparedStatement
    ) -> Generator[pyarrow.RecordBatch, None, None]:
        """Runs a prepared statement, batch by batch."""
        yield from self.query_stream(statement.query)

    # --- administration ---

    def bulk_ingest(self, table_name: str, table: pyarrow.Table) -> DoPutUpdateResult | None:
        """Writes rows into ``processes``, ``streams``, ``blocks`` or ``payloads``; admins only."""
        if not isinstance(table, pyarrow.Table):
            raise TypeError(f"bulk_ingest takes a pyarrow.Table, not {type(table).__name__}")
        descriptor = flight.FlightDescriptor.for_command(wire.statement_ingest(table_name))
        options = self._options([*self._credentials(), *self._attribution], None)
        with translated():
            writer, metadata = self._flight.do_put(descriptor, table.schema, options)
            with writer:
                writer.write_table(table)
                writer.done_writing()
                answer = metadata.read()
        return None if answer is None else wire.parse_update_result(answer.to_pybytes())

    def retire_partitions(
        self, view_set_name: str, view_instance_id: str, begin: Time, end: Time
    ) -> None:
        """Removes the partitions of a view in a range of insert times, and prints what happens."""
        self._print_log(
            "retire_partitions", quote(view_set_name), quote(view_instance_id), *_bounds(begin, end)
        )

    def materialize_partitions(
        self, view_set_name: str, begin: Time, end: Time, partition_delta_seconds: int
    ) -> None:
        """Makes the missing partitions of a global view, and prints what happens."""
        self._print_log(
            "materialize_partitions",
            quote(view_set_name),
            *_bounds(begin, end),
            integer(partition_delta_seconds),
        )

    def regenerate_partitions(
        self, view_set_name: str, begin: Time, end: Time, partition_delta_seconds: int
    ) -> None:
        """Makes the partitions of a range again, which must begin and end with partitions."""
        self._print_log(
            "regenerate_partitions",
            quote(view_set_name),
            *_bounds(begin, end),
            integer(partition_delta_seconds),
        )

    # --- lookups ---

    def find_process(self, process_id: str) -> pandas.DataFrame:
        """The row of ``processes`` with this id; no row when it is unknown."""
        return self.query(f"SELECT * FROM processes WHERE process_id = {quote(process_id)}")

    def query_streams(
        self,
        begin: Time,
        end: Time,
        limit: int,
        process_id: str | None = None,
        tag_filter: str | None = None,
    ) -> pandas.DataFrame:
        """Rows of ``streams``, of one process, with one tag (``log``, ``metrics``, ``cpu`` …)."""
        conditions = []
        if process_id is not None:
            conditions.append(f"process_id = {quote(process_id)}")
        if tag_filter is not None:
            conditions.append(f"array_position(tags, {quote(tag_filter)}) IS NOT NULL")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self.query(f"SELECT * FROM streams{where} LIMIT {integer(limit)}", begin, end)

    def query_blocks(self, begin: Time, end: Time, limit: int, stream_id: str) -> pandas.DataFrame:
        """Rows of ``blocks`` of one stream."""
        return self.query(
            f"SELECT * FROM blocks WHERE stream_id = {quote(stream_id)} LIMIT {integer(limit)}",
            begin,
            end,
        )

    def query_spans(self, begin: Time, end: Time, limit: int, stream_id: str) -> pandas.DataFrame:
        """Rows of ``thread_spans`` of one stream: what a thread did, as nested spans."""
        return self.query(
            f"SELECT * FROM view_instance('thread_spans', {quote(stream_id)}) "
            f"LIMIT {integer(limit)}",
            begin,
            end,
        )

    # --- how a call is made ---

    def _start(
        self, sql: str, begin: Time, end: Time, timeout: float | None
    ) -> flight.FlightStreamReader:
        headers = [*self._credentials(), *self._attribution]
        for name, value in ((b"query_range_begin", begin), (b"query_range_end", end)):
            text = format_datetime(value)
            if text is not None:
                headers.append((name, text.encode()))
        if self.preserve_dictionary:
            headers.append((b"preserve_dictionary", b"true"))
        ticket = flight.Ticket(wire.ticket_statement_query(sql))
        with translated():
            return self._flight.do_get(ticket, self._options(headers, timeout))

    def _credentials(self) -> _Headers:
        """Asked for anew with every call, so that renewal between calls goes unnoticed."""
        if self._auth_provider is None:
            return self._static
        return [(b"authorization", f"Bearer {self._auth_provider.get_token()}".encode())]

    def _options(self, headers: _Headers, timeout: float | None) -> flight.FlightCallOptions:
        seconds = self.timeout if timeout is None else timeout
        return flight.FlightCallOptions(headers=headers, timeout=seconds)

    def _print_log(self, function: str, *arguments: str) -> None:
        sql = f"SELECT time, msg FROM {function}({', '.join(arguments)})"
        with closing(self.query_stream(sql)) as batches:
            for batch in batches:
                for time, msg in zip(
                    batch.column("time").to_pandas(), batch.column("msg").to_pylist(), strict=True
                ):
                    print(time, msg, flush=True)


def _read_all(reader: flight.FlightStreamReader) -> pyarrow.Table:
    try:
        with translated():
            return reader.read_all()
    except BaseException:  # Ctrl-C most of all
        reader.cancel()
        raise


def _batches(reader: flight.FlightStreamReader) -> Generator[pyarrow.RecordBatch, None, None]:
    finished = False
    try:
        with translated():
            yield from _chunks(reader)
        finished = True
    finally:
        if not finished:
            reader.cancel()


def _chunks(reader: flight.FlightStreamReader) -> Iterator[pyarrow.RecordBatch]:
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            return
        if chunk.data is not None:  # a message may carry metadata alone
            yield chunk.data


def _bounds(begin: Time, end: Time) -> tuple[str, str]:
    """Both ends as literals; without a zone they are UTC, as the server takes them."""
    begin_text, end_text = (
        value.isoformat() if isinstance(value, datetime) else value for value in (begin, end)
    )
    if begin_text is None or end_text is None:
        raise RuntimeError("begin and end are both needed")
    return quote(begin_text), quote(end_text)


def _normalize_uri(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    if not separator or not rest:
        raise ValueError(
            f"not an address of a server: {uri!r}; write grpc://host:port or grpc+tls://host:port"
        )
    schemes = {"http": "grpc", "https": "grpc+tls", "grpcs": "grpc+tls"}
    return f"{schemes.get(scheme.lower(), scheme.lower())}://{rest.rstrip('/')}"


def _public_roots() -> bytes:
    """The same authorities on every machine, those that Mozilla trusts."""
    import certifi

    with open(certifi.where(), "rb") as bundle:
        return bundle.read()


def _without_nested_dictionaries(table: pyarrow.Table) -> pyarrow.Table:
    """pandas has categories of plain values alone; lists, structs and unions are unpacked."""
    for index, field in enumerate(table.schema):
        if pyarrow.types.is_dictionary(field.type) and pyarrow.types.is_nested(
            field.type.value_type
        ):
            plain = pyarrow.chunked_array(
                [chunk.dictionary_decode() for chunk in table.column(index).chunks],
                type=field.type.value_type,
            )
            table = table.set_column(index, field.name, plain)
    return table
