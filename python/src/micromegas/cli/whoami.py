"""``micromegas whoami``: the server, the profile and the credential that commands would use."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from micromegas.cli import common

if TYPE_CHECKING:
    from micromegas.profiles import ConnectionConfig


@click.command("whoami")
@click.option(
    "--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True
)
@common.profile_option
def command(form: str, profile: str | None) -> None:
    """Show which server and which credential commands would use; asks nobody for a new login."""
    from micromegas.profiles import resolve_connection

    facts = describe(resolve_connection(profile=profile))
    if form == "json":
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    longest = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:{longest}}  {common.scrub(str(value))}")


def describe(config: ConnectionConfig) -> dict[str, Any]:
    """Facts in the order in which they are shown."""
    facts: dict[str, Any] = {"server": config.uri}
    if config.profile:
        facts["profile"] = config.profile
    facts["credential"] = method(config)
    if facts["credential"] == "login":
        facts["issuer"] = config.oidc_issuer
        facts["token_file"] = config.token_file
        facts |= _stored(config)
    return facts


def method(config: ConnectionConfig) -> str:
    """Which of the credentials counts, in the order of ``micromegas.connection``."""
    if config.api_key:
        return "API key of MICROMEGAS_ANALYTICS_API_KEY"
    if config.token_command:
        return "token of MICROMEGAS_TOKEN_COMMAND"
    if config.bearer_token_file:
        return f"token in {config.bearer_token_file}"
    if config.api_key_file:
        return f"API key in {config.api_key_file}"
    if config.oidc_issuer and config.oidc_client_id:
        return "login"
    return "none"


def person(token: str) -> str:
    """The name that people know themselves by."""
    from micromegas.auth.idtoken import unverified_claims

    claims = unverified_claims(token)
    return str(
        next((claims[c] for c in ("email", "preferred_username", "sub") if c in claims), "?")
    )


def _stored(config: ConnectionConfig) -> dict[str, Any]:
    """What the token file says; the server verifies it, here it is only shown."""
    from micromegas.auth import AuthError
    from micromegas.auth.idtoken import unverified_claims
    from micromegas.auth.storage import read_private_json, token_path

    try:
        stored = read_private_json(token_path(config.token_file))
        token = stored.get("token")
        claims = unverified_claims(str(token["id_token"])) if isinstance(token, dict) else {}
    except FileNotFoundError:
        return {"logged_in": False}
    except (AuthError, OSError, KeyError, ValueError) as error:
        return {"logged_in": False, "problem": str(error)}
    facts: dict[str, Any] = {"logged_in": True}
    facts |= {name: claims[name] for name in ("sub", "email", "name") if name in claims}
    if isinstance(exp := claims.get("exp"), (int, float)):
        facts["id_token_until"] = datetime.fromtimestamp(exp, timezone.utc).isoformat()
    facts["renewable"] = isinstance(token, dict) and bool(token.get("refresh_token"))
    return facts
