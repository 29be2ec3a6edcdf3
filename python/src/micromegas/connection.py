"""Clients that are set up by the environment and a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micromegas.flightsql.client import FlightSQLClient
from micromegas.profiles import ConnectionConfig, ProfileError, resolve_connection

if TYPE_CHECKING:
    from micromegas.flightsql.client import TokenProvider

__all__ = [
    "ConnectionConfig",
    "ProfileError",
    "auth_provider",
    "connect_with_config",
    "connect_with_profile",
    "resolve_connection",
]


def connect_with_profile(
    profile: str | None = None,
    client_entrypoint: str | None = None,
    preserve_dictionary: bool = False,
    *,
    timeout: float | None = None,
) -> FlightSQLClient:
    """A client as ``micromegas.profiles`` resolves it, with exactly one way to authenticate.

    Raises ``ProfileError`` when the configuration cannot be used.
    """
    return connect_with_config(
        resolve_connection(profile=profile), client_entrypoint, preserve_dictionary, timeout=timeout
    )


def connect_with_config(
    config: ConnectionConfig,
    client_entrypoint: str | None = None,
    preserve_dictionary: bool = False,
    *,
    timeout: float | None = None,
) -> FlightSQLClient:
    return FlightSQLClient(
        config.uri,
        auth_provider=auth_provider(config),
        preserve_dictionary=preserve_dictionary,
        client_entrypoint=client_entrypoint,
        timeout=timeout,
    )


def auth_provider(config: ConnectionConfig) -> TokenProvider | None:
    """The credential: what the environment holds ready, then a key file, then a login, or none."""
    from micromegas import auth

    try:
        if config.api_key:
            return auth.ApiKeyAuthProvider(config.api_key)
        if config.token_command:
            return auth.TokenCommandAuthProvider(config.token_command)
        if config.bearer_token_file:
            return auth.BearerFileAuthProvider(config.bearer_token_file)
    except ValueError as error:
        raise ProfileError(str(error)) from None
    if config.api_key_file:
        try:
            return auth.StaticTokenAuthProvider.from_file(config.api_key_file)
        except OSError as error:
            raise ProfileError(f"api_key_file {config.api_key_file}: {error.strerror}") from None
        except ValueError as error:
            raise ProfileError(f"api_key_file: {error}") from None
    if config.oidc_issuer and config.oidc_client_id:
        from micromegas import oidc_connection

        return oidc_connection.load_or_login(
            config.oidc_issuer,
            config.oidc_client_id,
            config.oidc_client_secret,
            config.token_file,
            config.oidc_audience,
            config.oidc_scope,
        )
    return None
