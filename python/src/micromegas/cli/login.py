"""``micromegas login``: log in now, so that later commands find the tokens."""

from __future__ import annotations

from dataclasses import replace

import click

from micromegas.cli import common


@click.command("login")
@click.option("--issuer", metavar="URL", help="Instead of MICROMEGAS_OIDC_ISSUER or the profile.")
@click.option("--client-id", metavar="ID", help="Instead of MICROMEGAS_OIDC_CLIENT_ID.")
@click.option("--device", is_flag=True, help="Show a code to enter on another device.")
@common.profile_option
def command(issuer: str | None, client_id: str | None, device: bool, profile: str | None) -> None:
    """Log in with a browser, or with --device on another device, and keep the tokens."""
    from micromegas.auth import OidcAuthProvider
    from micromegas.profiles import resolve_connection

    config = resolve_connection(profile=profile)
    config = replace(
        config,
        oidc_issuer=issuer or config.oidc_issuer,
        oidc_client_id=client_id or config.oidc_client_id,
    )
    if not config.oidc_issuer or not config.oidc_client_id:
        raise click.UsageError(
            "who is to log you in? Set MICROMEGAS_OIDC_ISSUER and MICROMEGAS_OIDC_CLIENT_ID, or "
            "issuers and client_id in ~/.micromegas/config.json"
        )
    arguments = (
        config.oidc_issuer,
        config.oidc_client_id,
        config.oidc_client_secret,
        config.token_file,
    )
    if device:
        provider = OidcAuthProvider.login_with_device(
            *arguments, audience=config.oidc_audience, scope=config.oidc_scope
        )
    else:
        provider = OidcAuthProvider.login(
            *arguments, audience=config.oidc_audience, scope=config.oidc_scope
        )
    from micromegas.cli.whoami import person

    who = person(provider.get_token())
    click.echo(f"Logged in as {who}; tokens are kept in {config.token_file}")
