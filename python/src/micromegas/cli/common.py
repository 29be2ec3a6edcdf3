"""What the commands share: options, the connection, and how a command ends.

Exit statuses: 0 done, 1 it failed, 2 the command line or the configuration is wrong. Errors are one
line on standard error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from micromegas.cli.output import ReaderLeft
from micromegas.profiles import ProfileError

if TYPE_CHECKING:
    import pyarrow

    from micromegas.flightsql.client import FlightSQLClient, Time

    _Text = click.ParamType[str]
    _Time = click.ParamType[datetime]
    _Number = click.ParamType[int]
else:  # click 8.1 has no generic one
    _Text = _Time = _Number = click.ParamType

FAILED, USAGE, INTERRUPTED = 1, 2, 130

F = TypeVar("F", bound=Callable[..., Any])

# Texts that look like credentials, wherever an error message got them from.
_BEARER = re.compile(r"(?i)\b(bearer)\s+(?!\[)\S+")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_SECRETS = (
    "MICROMEGAS_OIDC_CLIENT_SECRET",
    "MICROMEGAS_ANALYTICS_API_KEY",
    "MICROMEGAS_TOKEN_COMMAND",
)


def run(command: click.Command, name: str) -> NoReturn:
    """Runs a command as the whole program."""
    # gRPC's own log goes to standard error, where one line is to say what is wrong.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        status = command.main(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except (click.UsageError, ProfileError) as error:
        message = error.format_message() if isinstance(error, click.UsageError) else str(error)
        _end(name, message, USAGE)
    except click.ClickException as error:
        _end(name, error.format_message(), FAILED)
    except (click.Abort, KeyboardInterrupt):
        _end(name, "interrupted", INTERRUPTED)
    except ReaderLeft:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 # shown in one line
        _end(name, str(error) or type(error).__name__, FAILED)
    sys.exit(status if isinstance(status, int) else 0)


def scrub(message: str) -> str:
    """The message in one line and without secrets."""
    for variable in _SECRETS:
        if secret := os.environ.get(variable):
            message = message.replace(secret, "[secret]")
    message = _JWT.sub("[secret]", _BEARER.sub(r"\1 [secret]", message))
    line = "; ".join(part.strip() for part in message.splitlines() if part.strip())
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def _end(name: str, message: str, status: int) -> NoReturn:
    print(f"{name}: {scrub(message)}", file=sys.stderr)
    sys.exit(status)


def now() -> datetime:
    return datetime.now(timezone.utc)


def connect(profile: str | None, entrypoint: str, timeout: float | None = None) -> FlightSQLClient:
    """The server of the environment or the profile.

    ``MICROMEGAS_PYTHON_MODULE_WRAPPER`` names a module whose ``connect()`` is used instead.
    """
    if wrapper := os.environ.get("MICROMEGAS_PYTHON_MODULE_WRAPPER"):
        import importlib

        client: FlightSQLClient = importlib.import_module(wrapper).connect()
        return client
    from micromegas.connection import connect_with_profile

    return connect_with_profile(profile, entrypoint, timeout=timeout)


class Moment(_Text):
    """A point in time: ``1h`` back from now, a date, or RFC 3339."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:  # noqa: ANN401 # click's signature
        from micromegas.time import parse_moment

        try:
            return parse_moment(value, now())
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Since(_Time):
    """A duration back from now: ``90s``, ``1h``, ``1d2h``."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:  # noqa: ANN401
        from micromegas.time import parse_time_delta

        if isinstance(value, datetime):
            return value
        try:
            return now() - parse_time_delta(value)
        except (RuntimeError, OverflowError) as error:
            self.fail(str(error), param, ctx)


class Level(_Number):
    """A level of log entries by name or number; what is less severe is left out."""

    name = "level"
    names = ("fatal", "error", "warn", "info", "debug", "trace")  # 1 to 6

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401
        if isinstance(value, int):
            return value
        if value.lower() in self.names:
            return self.names.index(value.lower()) + 1
        if value.isdecimal() and 0 <= int(value) <= 6:
            return int(value)
        self.fail(f"{value!r} is none of {', '.join(self.names)}, nor 1 to 6", param, ctx)


COUNT = click.IntRange(min=0)


def profile_option(command: F) -> F:
    return click.option("--profile", metavar="NAME", help="Profile of ~/.micromegas/config.json.")(
        command
    )


def version_option(command: F) -> F:
    def show(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            from micromegas import package_version

            python = sys.version.split()[0]
            click.echo(
                f"{ctx.find_root().info_name} {package_version()} "
                f"(Python {python}, {sys.executable})"
            )
            ctx.exit()

    return click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Show the version and exit.",
    )(command)


def output_options(command: F) -> F:
    from micromegas.cli.output import FORMATS

    for option in (
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="Give up when the answer takes longer.",
        ),
        click.option("--output", "-o", metavar="FILE", help="Write to a file instead."),
        click.option(
            "--max-colwidth",
            type=COUNT,
            default=50,
            show_default=True,
            metavar="N",
            help="Cut the cells of a table; 0 cuts nothing.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="table",
            show_default=True,
            help="How rows are shown.",
        ),
    ):
        command = option(command)
    return command


def show(
    client: FlightSQLClient,
    sql: str,
    begin: Time = None,
    end: Time = None,
    *,
    form: str = "table",
    output: str | None = None,
    max_colwidth: int = 0,
    index: bool = False,
    transform: Callable[[pyarrow.Table], pyarrow.Table] | None = None,
) -> int:
    """Runs the statement and writes its rows; says how many there were."""
    from contextlib import closing

    from micromegas.cli.output import BINARY_FORMATS, destination, write
    from micromegas.progress import Progress

    to_terminal = output in (None, "-") and sys.stdout.isatty()
    if form in BINARY_FORMATS and to_terminal:
        raise click.UsageError(f"--format {form} is not for a terminal; add --output FILE")
    schema, batches = client.query_reader(sql, begin, end)
    # A counter between rows on the same terminal would be in their way.
    quiet = False if to_terminal and form != "table" else None
    with closing(batches), Progress("downloading", show=quiet) as progress:

        def counted() -> Any:  # noqa: ANN401 # a generator of untyped batches
            for batch in batches:
                progress.add(batch.num_rows)
                yield batch

        rows = counted()
        if transform is not None:
            import pyarrow

            table = transform(pyarrow.Table.from_batches(list(rows), schema))
            schema, rows = table.schema, iter(table.to_batches())
        with destination(output) as out:
            return write(form, schema, rows, out, max_colwidth=max_colwidth, index=index)
