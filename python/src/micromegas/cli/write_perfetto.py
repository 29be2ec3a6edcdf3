"""``python3 -m micromegas.cli.write_perfetto`` and ``micromegas perfetto``: a trace file."""

from __future__ import annotations

from pathlib import Path

import click

from micromegas.cli import common
from micromegas.sql import quote


@click.command("perfetto")
@click.argument("process_id")
@click.option("--begin", type=common.Moment(), help="The first block of the process if absent.")
@click.option("--end", type=common.Moment(), help="The last block of the process if absent.")
@click.option("--filename", metavar="FILE", help="<process id>.perfetto if absent.")
@click.option(
    "--spans", type=click.Choice(("thread", "async", "both")), default="both", show_default=True
)
@common.profile_option
@common.version_option
def command(
    process_id: str,
    begin: str | None,
    end: str | None,
    filename: str | None,
    spans: str,
    profile: str | None,
) -> None:
    """Write what a process did into a file for https://ui.perfetto.dev."""
    from micromegas.perfetto import write_process_trace
    from micromegas.time import format_datetime

    if filename is None:
        if Path(process_id).name != process_id:
            raise click.UsageError(f"not a process id: {process_id!r}")
        filename = f"{process_id}.perfetto"
    with common.connect(profile, "cli-perfetto") as client:
        if begin is None or end is None:
            lifetime = client.query(
                "SELECT min(begin_time) AS begin_time, max(end_time) AS end_time FROM blocks "
                f"WHERE process_id = {quote(process_id)}"
            )
            if lifetime.empty or lifetime.isna().any(axis=None):
                raise click.ClickException(f"no blocks of process {process_id}")
            begin = begin or format_datetime(lifetime["begin_time"].iloc[0])
            end = end or format_datetime(lifetime["end_time"].iloc[0])
        click.echo(f"process {process_id}, {begin} to {end}")
        write_process_trace(client, process_id, begin, end, filename, spans)
        click.echo(f"written to {filename}")


def main() -> None:
    common.run(command, "write_perfetto")


if __name__ == "__main__":
    main()
