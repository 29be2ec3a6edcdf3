"""What an issuer says about itself: OpenID Connect Discovery 1.0, kept beside the tokens."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from . import http
from .errors import TokenFileError
from .storage import read_private_json, write_private_json

# MAX_AGE is how long metadata is believed without asking again, in seconds.
MAX_AGE = 3600


@dataclass(frozen=True)
class Metadata:
    """An issuer's metadata document and when it was fetched (Unix seconds)."""

    document: dict[str, Any]
    fetched_at: float

    @property
    def issuer(self) -> str:
        return str(self.document["issuer"])

    @property
    def fresh(self) -> bool:
        return 0 <= time.time() - self.fetched_at < MAX_AGE

    def endpoint(self, name: str) -> str:
        """The URL of an endpoint; ValueError says that the issuer has none."""
        url = self.optional_endpoint(name)
        if url is None:
            raise ValueError(f"the metadata of {self.issuer} names no {name}")
        return url

    def optional_endpoint(self, name: str) -> str | None:
        url = self.document.get(name)
        if not isinstance(url, str) or not url:
            return None
        return http.require_safe_url(url, f"{name} of {self.issuer}")

    def strings(self, name: str) -> list[str] | None:
        """A list such as scopes_supported; None if the issuer does not publish it."""
        value = self.document.get(name)
        if not isinstance(value, list):
            return None
        return [item for item in value if isinstance(item, str)]

    def flag(self, name: str) -> bool:
        return self.document.get(name) is True


def cache_path(token_file: Path) -> Path:
    return token_file.with_name(token_file.name + ".metadata")


def load(issuer: str, cache: Path | None = None, *, stale: bool = False) -> Metadata:
    """Metadata from the cache if it is fresh (or `stale` is allowed), else from the issuer.

    Raises what `requests` raises if the issuer cannot be reached and nothing is cached.
    """
    cached = _from_cache(issuer, cache) if cache else None
    if cached and (stale or cached.fresh):
        return cached
    try:
        fetched = fetch(issuer)
    except requests.exceptions.RequestException:
        if cached:
            return cached
        raise
    if cache:
        save(fetched, issuer, cache)
    return fetched


def fetch(issuer: str) -> Metadata:
    """Asks the issuer. Its answer must be about itself (OpenID Connect Discovery section 4.3).

    A slash at the end may differ: Auth0's issuers end with one and people leave it out.
    """
    http.require_safe_url(issuer, "issuer")
    document = http.get_json(issuer.rstrip("/") + "/.well-known/openid-configuration")
    named = document.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise ValueError(
            f"{issuer} says that its issuer is {named!r}; use that as issuer "
            "(Azure AD: with your tenant's id instead of 'common' or 'organizations')"
        )
    return Metadata(document, time.time())


def save(metadata: Metadata, issuer: str, cache: Path) -> None:
    """Keeps metadata for the next start; a place that cannot be written is no reason to fail."""
    with contextlib.suppress(OSError, TokenFileError):
        write_private_json(
            cache,
            {
                "issuer": issuer,
                "fetched_at": int(metadata.fetched_at),
                "document": metadata.document,
            },
        )


def _from_cache(issuer: str, cache: Path) -> Metadata | None:
    try:
        stored = read_private_json(cache)
    except (OSError, TokenFileError):
        return None
    document, fetched_at = stored.get("document"), stored.get("fetched_at")
    if stored.get("issuer") != issuer or not isinstance(document, dict):
        return None
    if not isinstance(document.get("issuer"), str) or not isinstance(fetched_at, (int, float)):
        return None
    return Metadata(document, float(fetched_at))
