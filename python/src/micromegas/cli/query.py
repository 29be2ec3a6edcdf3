"""``micromegas query`` and ``micromegas-query``: any statement."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from micromegas.cli import common


@click.command("query")
@click.argument("sql", required=False)
@click.option("--file", "file", metavar="FILE", help="Read the statement from a file; - is stdin.")
@click.option("--begin", type=common.Moment(), help="1h, 1d2h (back from now), a date, RFC 3339.")
@click.option("--end", type=common.Moment(), help="The same; now if absent.")
@click.option("--all", "everything", is_flag=True, help="Look at all times.")
@common.output_options
@common.profile_option
@common.version_option
def command(
    sql: str | None,
    file: str | None,
    begin: str | None,
    end: str | None,
    everything: bool,
    form: str,
    output: str | None,
    max_colwidth: int,
    timeout: float | None,
    profile: str | None,
) -> None:
    """Run an SQL statement and show its rows.

    The rows of every view are limited to the time from --begin to --end; --all leaves them all.
    """
    statement = _statement(sql, file)
    if everything and (begin or end):
        raise click.UsageError("--all excludes --begin and --end")
    if not everything and not begin:
        raise click.UsageError("--begin is needed, as in --begin 1h, or --all for all times")
    if begin and not end:
        end = common.now().isoformat()
    with common.connect(profile, "cli-query", timeout) as client:
        common.show(
            client, statement, begin, end, form=form, output=output, max_colwidth=max_colwidth
        )


def _statement(sql: str | None, file: str | None) -> str:
    if (sql is None) == (file is None):
        raise click.UsageError("give the statement either as an argument or with --file")
    if sql is not None:
        return sql
    assert file is not None  # noqa: S101 # one of the two is there
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"--file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"--file {file}: not UTF-8") from None


def main() -> None:
    common.run(command, "micromegas-query")


if __name__ == "__main__":
    main()
