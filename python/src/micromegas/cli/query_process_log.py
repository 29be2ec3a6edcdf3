"""``python3 -m micromegas.cli.query_process_log``: what a process has logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from micromegas.cli import common
from micromegas.sql import contains, integer, quote

if TYPE_CHECKING:
    import pyarrow


@click.command("query_process_log")
@click.argument("process_id")
@click.option("--first", type=common.COUNT, metavar="N", help="The first N entries (1024).")
@click.option("--last", type=common.COUNT, metavar="N", help="The last N entries.")
@click.option("--target", help="Only targets with this in them.")
@click.option("--msg", help="Only messages with this in them.")
@click.option("--maxlevel", type=common.Level(), default=6, show_default=True)
@common.profile_option
@common.version_option
def command(
    process_id: str,
    first: int | None,
    last: int | None,
    target: str | None,
    msg: str | None,
    maxlevel: int,
    profile: str | None,
) -> None:
    """Show the log entries of a process, oldest first."""
    conditions = [f"level <= {integer(maxlevel)}"]
    if target:
        conditions.append(contains("target", target))
    if msg:
        conditions.append(contains("msg", msg))
    newest = last is not None
    limit = last if last is not None else first if first is not None else 1024
    sql = (
        f"SELECT * FROM view_instance('log_entries', {quote(process_id)}) "
        f"WHERE {' AND '.join(conditions)} "
        f"ORDER BY time {'DESC' if newest else 'ASC'} LIMIT {integer(limit)}"
    )
    with common.connect(profile, "cli-log") as client:
        common.show(client, sql, index=True, transform=_reversed if newest else None)


def _reversed(table: pyarrow.Table) -> pyarrow.Table:
    import numpy

    return table.take(numpy.arange(table.num_rows - 1, -1, -1))


def main() -> None:
    common.run(command, "query_process_log")


if __name__ == "__main__":
    main()
