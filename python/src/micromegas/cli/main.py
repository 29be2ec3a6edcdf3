"""``micromegas``: the verbs, each imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

import click

from micromegas.cli import common

# Verb, its module, and its line of help, which the list of verbs shows without an import.
_VERBS = {
    "login": ("login", "Log in with a browser, and keep the tokens."),
    "whoami": ("whoami", "Show which server and which credential commands would use."),
    "logout": ("logout", "Revoke and delete saved tokens."),
    "query": ("query", "Run an SQL statement and show its rows."),
    "processes": ("processes", "List the processes that have sent something lately."),
    "log": ("log", "Show the last log entries, or follow them."),
    "metrics": ("metrics", "Show measures."),
    "perfetto": ("write_perfetto", "Write a trace for https://ui.perfetto.dev."),
    "doctor": ("doctor", "Check configuration, network, credential, server and clock."),
    "completion": ("completion", "Print the completion script of a shell."),
}

# Commands of the server, which is called micromegas too (cmd/micromegas).
_OF_THE_SERVER = ("serve", "keys", "migrate", "retention", "delete")


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"micromegas.cli.{_VERBS[cmd_name][0]}")
        verb: click.Command = module.command
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in _VERBS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        if name in _OF_THE_SERVER:
            raise click.UsageError(
                f"{name} is a command of the server's program, which is called micromegas too"
                " (bin/micromegas where it was built)",
                ctx,
            )
        import difflib

        near = difflib.get_close_matches(name, _VERBS, n=1)
        meant = f"; is {near[0]} meant?" if near else ""
        raise click.UsageError(f"there is no command {name!r}{meant}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in _VERBS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(verb, help=text)
            for verb, (_, text) in _VERBS.items()
            if verb.startswith(incomplete)
        ]
        return verbs or super().shell_complete(ctx, incomplete)


@click.group("micromegas", cls=_Verbs, invoke_without_command=True)
@common.version_option
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Ask a micromegas lake for logs, metrics and traces.

    The server and the login come from MICROMEGAS_* variables and ~/.micromegas/config.json.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        return common.USAGE
    return None


def main() -> None:
    common.run(command, "micromegas")


if __name__ == "__main__":
    main()
