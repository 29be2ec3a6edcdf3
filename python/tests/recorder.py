"""A Flight SQL server in this process that writes down what a client sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow
from pyarrow import flight

from micromegas.flightsql import wire

if TYPE_CHECKING:
    from typing_extensions import Self

LONGEST_STREAM = 60.0  # seconds until an endless answer ends by itself


class _Headers(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    def __init__(self, calls: list[dict[str, str]]) -> None:
        super().__init__()
        self._calls = calls

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> None:  # noqa: ANN401
        self._calls.append({name: ",".join(map(str, values)) for name, values in headers.items()})


class Recorder(flight.FlightServerBase):  # type: ignore[misc]
    """``answers`` maps a part of a statement to a table, or to a function that gives one."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 # pyarrow's
        self.calls: list[dict[str, str]] = []  # the headers of each
        self.statements: list[str] = []
        self.ingested: list[tuple[bytes, pyarrow.Table]] = []
        self.answers: dict[str, pyarrow.Table | Callable[[], pyarrow.Table]] = {}
        self.endless = threading.Event()  # an endless answer has begun
        self.cancelled = threading.Event()  # and was cancelled
        options.setdefault("location", "grpc://127.0.0.1:0")
        super().__init__(middleware={"headers": _Headers(self.calls)}, **options)
        self.uri = f"grpc://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()

    def do_get(self, context: Any, ticket: flight.Ticket) -> Any:  # noqa: ANN401
        fields = wire._fields(wire._unpack(ticket.ticket, "TicketStatementQuery"))
        handle = fields[1]
        assert isinstance(handle, bytes)
        sql = handle.decode()
        self.statements.append(sql)
        if "endless" in sql:
            schema = pyarrow.schema([("n", pyarrow.int64())])
            return flight.GeneratorStream(schema, self._endless(context, schema))
        for part, answer in self.answers.items():
            if part in sql:
                return flight.RecordBatchStream(answer() if callable(answer) else answer)
        return flight.RecordBatchStream(pyarrow.table({"one": [1]}))

    def _endless(self, context: Any, schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:  # noqa: ANN401
        give_up = time.monotonic() + LONGEST_STREAM
        self.endless.set()
        try:
            while not context.is_cancelled() and time.monotonic() < give_up:
                yield pyarrow.record_batch([list(range(1000))], schema=schema)
        finally:  # nobody asks for the next batch of a cancelled call
            self.cancelled.set()

    def do_action(self, context: Any, action: flight.Action) -> Iterator[flight.Result]:  # noqa: ANN401
        assert action.type == "CreatePreparedStatement"
        request = wire._fields(
            wire._unpack(action.body.to_pybytes(), "ActionCreatePreparedStatementRequest")
        )
        query = request[1]
        assert isinstance(query, bytes)
        schema = pyarrow.schema([("count(*)", pyarrow.int64())])
        sink = pyarrow.BufferOutputStream()
        pyarrow.ipc.new_stream(sink, schema).close()
        body = wire._bytes(1, query) + wire._bytes(2, sink.getvalue().to_pybytes())
        yield flight.Result(wire._any("ActionCreatePreparedStatementResult", body))

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:  # noqa: ANN401
        table = reader.read_all()
        self.ingested.append((descriptor.command, table))
        writer.write(b"\x08" + wire._varint(table.num_rows))
