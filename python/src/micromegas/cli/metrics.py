"""``micromegas metrics``: measures of one process, or of all."""

from __future__ import annotations

from datetime import datetime

import click

from micromegas.cli import common
from micromegas.cli.query_process_metrics import statement
from micromegas.sql import contains, quote


@click.command("metrics")
@click.argument("process_id", required=False)
@click.option(
    "--since",
    type=common.Since(),
    help="How far to look back; 1h without a process, else its whole life.",
)
@click.option("--target", metavar="TEXT", help="Only targets with this in them.")
@click.option("--name", metavar="NAME", help="Only the metric of this name.")
@click.option("--stats", is_flag=True, help="Statistics for each name instead of values.")
@click.option("--limit", type=common.COUNT, default=1024, show_default=True, metavar="N")
@common.output_options
@common.profile_option
def command(
    process_id: str | None,
    since: datetime | None,
    target: str | None,
    name: str | None,
    stats: bool,
    limit: int,
    form: str,
    output: str | None,
    max_colwidth: int,
    timeout: float | None,
    profile: str | None,
) -> None:
    """Show measures, oldest first."""
    conditions = []
    if target:
        conditions.append(contains("target", target))
    if name:
        conditions.append(f"name = {quote(name)}")
    if process_id:
        source = f"view_instance('measures', {quote(process_id)})"
    else:
        source = "measures"
        since = since or common.Since().convert("1h", None, None)
    sql = statement(
        source, conditions, limit, stats, "time, process_id, target, name, unit, value, properties"
    )
    with common.connect(profile, "cli-metrics", timeout) as client:
        common.show(
            client,
            sql,
            since,
            common.now() if since else None,
            form=form,
            output=output,
            max_colwidth=max_colwidth,
        )
