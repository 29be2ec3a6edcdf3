"""``micromegas logout``, ``micromegas-logout`` and ``micromegas_logout``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from micromegas.cli import common


@click.command("logout")
@click.option("--local", is_flag=True, help="Delete the tokens without revoking them.")
@common.profile_option
@common.version_option
def command(local: bool, profile: str | None) -> None:
    """Revoke and delete saved tokens: of a profile, of MICROMEGAS_TOKEN_FILE, or all."""
    from micromegas.auth import logout

    secret = os.environ.get("MICROMEGAS_OIDC_CLIENT_SECRET") or None
    removed = False
    for path in _token_files(profile):
        done = logout(path, secret, local=local)
        if done.removed:
            removed = True
            click.echo(f"Tokens cleared from {done.path}")
        if done.problem:
            click.echo(common.scrub(done.problem), err=True)
    if not removed:
        click.echo("No saved tokens found")


def _token_files(profile: str | None) -> list[Path]:
    from micromegas.profiles import folder, resolve_connection

    if profile:
        return [Path(resolve_connection(profile=profile).token_file)]
    if chosen := os.environ.get("MICROMEGAS_TOKEN_FILE"):
        return [Path(chosen).expanduser()]
    profiles = sorted(path for path in folder().glob("tokens-*.json"))
    return [folder() / "tokens.json", *profiles]


def main() -> None:
    common.run(command, Path(sys.argv[0]).name.removesuffix(".py"))


if __name__ == "__main__":
    main()
