"""``python3 -m micromegas.cli.query_processes``: the processes of the last hour."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from micromegas.cli import common
from micromegas.cli.processes import statement

if TYPE_CHECKING:
    import pyarrow


@click.command("query_processes")
@click.option("--since", type=common.Since(), default="1h", show_default=True)
@click.option("--limit", type=common.COUNT, default=1_000_000, show_default=True)
@click.option("--username")
@click.option("--exe")
@click.option("--computer")
@common.profile_option
@common.version_option
def command(
    since: datetime,
    limit: int,
    username: str | None,
    exe: str | None,
    computer: str | None,
    profile: str | None,
) -> None:
    """List the processes that have sent something lately."""
    with common.connect(profile, "cli-processes") as client:
        common.show(
            client,
            statement(limit, username, exe, computer),
            since,
            common.now(),
            index=True,
            transform=_short_paths,
        )


def _short_paths(table: pyarrow.Table) -> pyarrow.Table:
    """The last 64 characters of a path tell it apart."""
    from pyarrow import compute

    exe = table.schema.get_field_index("exe")
    return table.set_column(exe, "exe", compute.utf8_slice_codeunits(table["exe"], -64))


def main() -> None:
    common.run(command, "query_processes")


if __name__ == "__main__":
    main()
