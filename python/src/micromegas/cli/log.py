"""``micromegas log``: log entries of one process, or of all; with ``--follow`` as they come."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from micromegas.cli import common
from micromegas.cli.output import standard_output
from micromegas.sql import contains, integer, quote

if TYPE_CHECKING:
    from types import FrameType

    import pyarrow

    from micromegas.flightsql.client import FlightSQLClient

COLUMNS = "time, process_id, level, target, msg, properties"

# Blocks become visible roughly in the order of their insertion: a writer that was a little slower
# may appear behind one that was faster. So much is looked at again, and known blocks are skipped.
_OVERLAP = timedelta(seconds=60)
_EVER = timedelta(days=365)  # clocks differ, and so do time zones that somebody got wrong


@click.command("log")
@click.argument("process_id", required=False)
@click.option(
    "--since",
    type=common.Since(),
    help="How far to look back; 1h without a process, else its whole life.",
)
@click.option(
    "--level",
    type=common.Level(),
    default="trace",
    show_default=True,
    help="fatal, error, warn, info, debug or trace: the least severe to show.",
)
@click.option("--target", metavar="TEXT", help="Only targets with this in them.")
@click.option("--msg", metavar="TEXT", help="Only messages with this in them.")
@click.option(
    "--limit",
    type=common.COUNT,
    default=1024,
    show_default=True,
    metavar="N",
    help="The last N entries.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new entries until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --follow asks.",
)
@common.output_options
@common.profile_option
def command(
    process_id: str | None,
    since: datetime | None,
    level: int,
    target: str | None,
    msg: str | None,
    limit: int,
    follow: bool,
    interval: float,
    form: str,
    output: str | None,
    max_colwidth: int,
    timeout: float | None,
    profile: str | None,
) -> None:
    """Show the last log entries, oldest first."""
    conditions = [f"level <= {integer(level)}"]
    if target:
        conditions.append(contains("target", target))
    if msg:
        conditions.append(contains("msg", msg))
    source = "log_entries"
    if process_id:
        source = f"view_instance('log_entries', {quote(process_id)})"
    elif since is None:
        since = common.Since().convert("1h", None, None)
    if follow:
        if form not in ("table", "ndjson") or output not in (None, "-"):
            raise click.UsageError("--follow shows lines or --format ndjson, on standard output")
        with common.connect(profile, "cli-log", timeout) as client:
            _Follow(client, source, conditions, limit, since, form).run(interval)
        return
    newest = (
        f"SELECT {COLUMNS} FROM {source} WHERE {' AND '.join(conditions)} "
        f"ORDER BY time DESC LIMIT {integer(limit)}"
    )
    sql = f"SELECT * FROM ({newest}) AS newest ORDER BY time"
    with common.connect(profile, "cli-log", timeout) as client:
        common.show(
            client,
            sql,
            since,
            common.now() if since else None,
            form=form,
            output=output,
            max_colwidth=max_colwidth,
        )


class _Follow:
    """Asks again and again for blocks that it has not seen. A block never changes."""

    def __init__(
        self,
        client: FlightSQLClient,
        source: str,
        conditions: list[str],
        limit: int,
        since: datetime | None,
        form: str,
    ) -> None:
        self._client = client
        self._source = source
        self._conditions = conditions
        self._limit = limit
        self._since = since
        self._form = form
        self._seen: dict[str, datetime] = {}  # blocks and when they were inserted
        self._newest: datetime | None = None
        self._stop = threading.Event()

    def run(self, interval: float) -> None:
        from micromegas.flightsql.errors import UnavailableError

        def stop(number: int, frame: FrameType | None) -> None:
            self._stop.set()

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        reachable = True
        while not self._stop.is_set():
            try:
                self._poll()
                reachable = True
            except UnavailableError as error:
                if self._newest is None:
                    raise  # it has never worked
                if reachable:
                    print(f"going on when the server is back: {error}", file=sys.stderr)
                reachable = False
            self._stop.wait(interval)

    def _poll(self) -> None:
        conditions = list(self._conditions)
        limit = ""
        if self._newest is None:
            limit = f" LIMIT {integer(self._limit)}"
        else:
            again = (self._newest - _OVERLAP).isoformat()
            conditions.append(f"insert_time >= TIMESTAMP {quote(again)}")
        begin = self._since
        end = common.now() + _EVER if begin else None
        table = self._client.query_arrow(
            f"SELECT block_id, insert_time, {COLUMNS} FROM {self._source} "
            f"WHERE {' AND '.join(conditions)} ORDER BY time DESC{limit}",
            begin,
            end,
        )
        lines = list(self._new(table))
        with standard_output() as out:
            for line in reversed(lines):
                out.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        if self._newest is None:
            self._newest = common.now() - _OVERLAP  # an empty lake has no newest block
        self._seen = {
            block: inserted
            for block, inserted in self._seen.items()
            if inserted >= self._newest - 2 * _OVERLAP
        }

    def _new(self, table: pyarrow.Table) -> Iterator[str]:
        """The lines of unseen blocks, which are seen from now on."""
        import pyarrow

        from micromegas.cli.values import values

        shown = table.drop_columns(["block_id", "insert_time"])
        columns = [values(shown.column(name).combine_chunks(), name) for name in shown.column_names]
        seen = set(self._seen)
        inserted = (
            table.column("insert_time").cast(pyarrow.timestamp("us", "UTC"), safe=False).to_pylist()
        )
        for block, when, *row in zip(
            table.column("block_id").to_pylist(), inserted, *columns, strict=True
        ):
            if block in seen:
                continue
            self._seen[block] = when
            if self._newest is None or when > self._newest:
                self._newest = when
            yield self._line(dict(zip(shown.column_names, row, strict=True)))

    def _line(self, row: dict[str, Any]) -> str:
        if self._form == "ndjson":
            return json.dumps(row, ensure_ascii=False)
        level = row["level"]
        names = common.Level.names
        name = names[level - 1] if 1 <= level <= len(names) else str(level)
        line = f"{row['time']} {name.upper():5} {row['target']}: {row['msg']}"
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
