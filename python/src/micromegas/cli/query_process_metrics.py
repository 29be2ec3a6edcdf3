"""``python3 -m micromegas.cli.query_process_metrics``: what a process has measured."""

from __future__ import annotations

import click

from micromegas.cli import common
from micromegas.sql import contains, integer, quote

STATISTICS = (
    "count(value) AS count, min(value) AS min, avg(value) AS mean, median(value) AS median, "
    "max(value) AS max, sum(value) AS sum"
)


def statement(
    source: str, conditions: list[str], limit: int, stats: bool, columns: str = "*"
) -> str:
    """Statistics are of the rows that would be shown."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = f"SELECT {columns} FROM {source}{where} ORDER BY time LIMIT {integer(limit)}"
    if not stats:
        return rows
    inner = f"SELECT name, value FROM {source}{where} ORDER BY time LIMIT {integer(limit)}"
    return f"SELECT name, {STATISTICS} FROM ({inner}) AS limited GROUP BY name ORDER BY name"


@click.command("query_process_metrics")
@click.argument("process_id")
@click.option("--target", help="Only targets with this in them.")
@click.option("--name", help="Only the metric of this name.")
@click.option("--stats", is_flag=True, help="Statistics for each name instead of values.")
@click.option("--limit", type=common.COUNT, default=1024, show_default=True)
@common.profile_option
@common.version_option
def command(
    process_id: str,
    target: str | None,
    name: str | None,
    stats: bool,
    limit: int,
    profile: str | None,
) -> None:
    """Show the measures of a process, oldest first."""
    conditions = []
    if target:
        conditions.append(contains("target", target))
    if name:
        conditions.append(f"name = {quote(name)}")
    source = f"view_instance('measures', {quote(process_id)})"
    with common.connect(profile, "cli-metrics") as client:
        common.show(client, statement(source, conditions, limit, stats), index=not stats)


def main() -> None:
    common.run(command, "query_process_metrics")


if __name__ == "__main__":
    main()
