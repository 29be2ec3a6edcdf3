"""``micromegas completion``: what a shell needs to complete verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> None:
    """Print the completion script of a shell, as in: eval "$(micromegas completion bash)"."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"no completion for {shell}")
    root = click.get_current_context().find_root()
    click.echo(kind(root.command, {}, "micromegas", "_MICROMEGAS_COMPLETE").source())
