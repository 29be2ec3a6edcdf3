"""``micromegas processes``: who has sent telemetry."""

from __future__ import annotations

from datetime import datetime

import click

from micromegas.cli import common
from micromegas.sql import contains, integer

COLUMNS = "process_id, exe, start_time, username, computer, distro, cpu_brand"


def statement(limit: int, username: str | None, exe: str | None, computer: str | None) -> str:
    """The filters look for a text within the column, in any case, and come before the limit."""
    filters = {"username": username, "exe": exe, "computer": computer}
    conditions = [contains(name, value) for name, value in filters.items() if value]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {COLUMNS} FROM processes{where} ORDER BY start_time LIMIT {integer(limit)}"


@click.command("processes")
@click.option(
    "--since",
    type=common.Since(),
    default="1h",
    show_default=True,
    help="90s, 1h, 1d2h: how far to look back.",
)
@click.option("--limit", type=common.COUNT, default=1_000_000, metavar="N", help="At most N rows.")
@click.option("--username", metavar="TEXT", help="Only users whose name has this in it.")
@click.option("--exe", metavar="TEXT", help="Only programs whose path has this in it.")
@click.option("--computer", metavar="TEXT", help="Only computers whose name has this in it.")
@common.output_options
@common.profile_option
def command(
    since: datetime,
    limit: int,
    username: str | None,
    exe: str | None,
    computer: str | None,
    form: str,
    output: str | None,
    max_colwidth: int,
    timeout: float | None,
    profile: str | None,
) -> None:
    """List the processes that have sent something lately."""
    with common.connect(profile, "cli-processes", timeout) as client:
        common.show(
            client,
            statement(limit, username, exe, computer),
            since,
            common.now(),
            form=form,
            output=output,
            max_colwidth=max_colwidth,
        )
