"""A connection with a person's login, from explicit arguments; the environment is not read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .auth import (
    AuthError,
    OidcAuthProvider,
    OtherClientError,
    ReauthenticationRequired,
    TokenFileError,
    TokenRefreshError,
)
from .auth.idtoken import InvalidToken
from .auth.oidc import require_client
from .auth.storage import token_path
from .auth.store import chosen

if TYPE_CHECKING:
    from .flightsql.client import FlightSQLClient


def load_or_login(
    issuer: str,
    client_id: str,
    client_secret: str | None = None,
    token_file: str | None = None,
    audience: str | None = None,
    scope: str | None = None,
    *,
    device: bool = False,
) -> OidcAuthProvider:
    """The stored login, renewed if need be; a new one when there is none or it has ended.

    A login that has ended is replaced only where somebody can answer (a terminal or a notebook);
    elsewhere ReauthenticationRequired says what to do. `device` chooses the login with a code that
    is entered on another device.
    """
    path = token_path(token_file)
    try:
        require_client(chosen().read(path), path, issuer, client_id)
        provider = OidcAuthProvider.from_file(str(path), client_secret)
        provider.get_token()
        return provider
    except FileNotFoundError:
        pass  # the first login
    except (OtherClientError, TokenRefreshError):
        raise  # a new login would not help, or nobody asked for it
    except (ReauthenticationRequired, InvalidToken, TokenFileError) as err:
        _require_person(err)
        print(f"A new login is needed: {err}", file=sys.stderr)
    if device:
        return OidcAuthProvider.login_with_device(
            issuer, client_id, client_secret, str(path), audience, scope
        )
    return OidcAuthProvider.login(
        issuer, client_id, client_secret, str(path), audience=audience, scope=scope
    )


def connect(
    uri: str,
    issuer: str,
    client_id: str,
    client_secret: str | None = None,
    token_file: str | None = None,
    preserve_dictionary: bool = False,
    audience: str | None = None,
    scope: str | None = None,
    client_entrypoint: str | None = None,
) -> FlightSQLClient:
    """A client of the analytics server at uri, with the login of `load_or_login`."""
    from .flightsql.client import FlightSQLClient  # pyarrow takes its time

    provider = load_or_login(issuer, client_id, client_secret, token_file, audience, scope)
    return FlightSQLClient(
        uri,
        preserve_dictionary=preserve_dictionary,
        auth_provider=provider,
        client_entrypoint=client_entrypoint,
    )


def interactive() -> bool:
    """Whether somebody can answer: a terminal, or a notebook."""
    if "ipykernel" in sys.modules:
        return True
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _require_person(err: AuthError) -> None:
    if not interactive():
        raise ReauthenticationRequired(
            f"{err}. There is no terminal to log in again: run micromegas_logout and then a tool "
            "such as 'python3 -m micromegas.cli.query_processes' in one"
        ) from err
