"""`OidcClientCredentialsProvider`: a service's own credential (RFC 6749 section 4.4)."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Mapping

import requests

from . import metadata
from .client import DEFAULT_LIFETIME, Client, seconds
from .errors import AuthError, OAuthError, TokenRefreshError
from .expiry import margin

# RETRY_AFTER is how long a token with time left is used after a failed request before the next
# try, in seconds.
RETRY_AFTER = 30.0


class OidcClientCredentialsProvider:
    """Access tokens for a service; kept in memory only."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, audience: str | None = None
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self.audience = audience
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = self._expires_at = self._retry_at = 0.0  # time.monotonic
        self._metadata = metadata.load(issuer)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(issuer={self.issuer!r}, client_id={self.client_id!r})"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> OidcClientCredentialsProvider:
        """Reads MICROMEGAS_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET and, if set, _AUDIENCE."""
        env = os.environ if env is None else env
        names = [f"MICROMEGAS_OIDC_{name}" for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")]
        missing = [name for name in names if not env.get(name)]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be set for a service's login")
        issuer, client_id, client_secret = (env[name] for name in names)
        return cls(issuer, client_id, client_secret, env.get("MICROMEGAS_OIDC_AUDIENCE") or None)

    def get_token(self) -> str:
        """The access token, asked for anew when it is about to expire."""
        with self._lock:
            now = time.monotonic()
            if self._token and now < self._renew_at:
                return self._token
            usable = bool(self._token) and now < self._expires_at
            if usable and now < self._retry_at:
                return self._token
            try:
                self._fetch()
            except (AuthError, requests.exceptions.RequestException, ValueError) as err:
                problem = err if isinstance(err, AuthError) else TokenRefreshError(str(err))
                if not usable:
                    raise problem from None
                self._retry_at = now + RETRY_AFTER
                warnings.warn(
                    f"{problem} (the present token is used until it expires)",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return self._token

    def _fetch(self) -> None:
        form = {"audience": self.audience} if self.audience else {}
        client = Client(self._metadata, self.client_id, self._client_secret)
        asked_at = time.monotonic()
        try:
            answer = client.token("client_credentials", **form)
        except OAuthError as err:
            raise TokenRefreshError(str(err)) from None
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise TokenRefreshError(f"{self.issuer} sent no access token")
        lifetime = seconds(answer.get("expires_in"))
        lifetime = DEFAULT_LIFETIME if lifetime is None else lifetime
        self._token = token
        self._expires_at = asked_at + lifetime
        self._renew_at = self._expires_at - margin(lifetime)
