"""Logout: the refresh token is revoked at the provider (RFC 7009), then the file is deleted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import requests

from . import metadata
from .client import Client
from .errors import AuthError
from .storage import token_path
from .store import TokenStore, chosen


@dataclass(frozen=True)
class Logout:
    """What a logout did."""

    path: Path
    removed: bool
    """Whether there was a file."""
    revoked: bool
    """Whether the provider revoked the refresh token."""
    problem: str = ""
    """Why it was not revoked though there was one; the file is gone all the same."""


def logout(
    token_file: str | os.PathLike[str] | None = None,
    client_secret: str | None = None,
    *,
    local: bool = False,
) -> Logout:
    """Ends the login kept in token_file; `local` leaves the provider out of it."""
    path = token_path(token_file)
    store = chosen()
    if not store.exists(path):
        return Logout(path, removed=False, revoked=False)
    with store.locked(path):  # a renewal under way must not write the file again
        revoked, problem = False, ""
        if not local:
            try:
                revoked = _revoke(store, path, client_secret)
            except (AuthError, ValueError, requests.exceptions.RequestException) as err:
                problem = f"the provider has not revoked the login: {_text(err)}"
            except OSError as err:
                problem = str(err)
        store.remove(path)
        if store.on_disk:
            store.remove(metadata.cache_path(path))
    return Logout(path, True, revoked, problem)


def _revoke(store: TokenStore, path: Path, client_secret: str | None) -> bool:
    stored = store.read(path)
    token = stored.get("token")
    refresh_token = token.get("refresh_token") if isinstance(token, dict) else None
    issuer, client_id = stored.get("issuer"), stored.get("client_id")
    if not refresh_token or not isinstance(issuer, str) or not isinstance(client_id, str):
        return False
    known = metadata.load(issuer, metadata.cache_path(path) if store.on_disk else None)
    if known.optional_endpoint("revocation_endpoint") is None:
        raise ValueError(f"{issuer} offers no revocation")
    client = Client(known, client_id, client_secret)
    client.post("revocation_endpoint", token=refresh_token, token_type_hint="refresh_token")  # noqa: S106
    return True


def _text(err: Exception) -> str:
    if isinstance(err, requests.exceptions.ConnectionError):
        return "cannot connect"
    return str(err)
