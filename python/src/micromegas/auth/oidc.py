"""`OidcAuthProvider`: a person's login, kept in a file and renewed without asking again.

Which credential is sent: the ID token, because every provider issues one that the servers can
check (Google's access tokens are opaque). MICROMEGAS_OIDC_BEARER=access sends the access token
instead, for installations that accept only RFC 9068 tokens.

Renewal happens in the caller's thread, never in the background: a program that ends in the middle
of one would lose a single-use refresh token.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import requests

from . import browser, device, idtoken, metadata
from .client import DEFAULT_SCOPE, Client
from .errors import (
    AuthError,
    LoginError,
    OAuthError,
    OtherClientError,
    ReauthenticationRequired,
    TokenFileError,
    TokenRefreshError,
)
from .expiry import fresh, usable
from .storage import token_path
from .store import chosen

# RETRY_AFTER is how long a token with time left is used after a failed renewal before the next
# try, in seconds: otherwise every call would wait for an identity provider that is down.
RETRY_AFTER = 30.0


class OidcAuthProvider:
    """Tokens of a person who logged in.

    Args:
        issuer: URL of the identity provider, as in its metadata.
        client_id: the application's id there.
        client_secret: only for providers that want one (Google); never stored.
        token_file: where tokens are kept; None is ~/.micromegas/tokens.json.
        token: the token endpoint's answer, if there is one already.
        audience: the API to ask an access token for (Auth0).
        scope: what to ask for; None is "openid email profile offline_access", less what the
            provider does not support.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str | None = None,
        token_file: str | None = None,
        token: dict[str, Any] | None = None,
        audience: str | None = None,
        scope: str | None = None,
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._store = chosen()
        self._path = token_path(token_file)
        self.token_file = str(self._path)
        self._token: dict[str, Any] = dict(token or {})
        self.audience = audience
        self.scope = scope
        self._bearer_kind = _bearer_kind()
        self._lock = threading.Lock()
        self._stored = False  # whether the file was there; if it goes away, that is a logout
        self._retry_at = 0.0  # time.monotonic
        fresh_token = False
        with contextlib.suppress(AuthError):  # get_token will say it
            fresh_token = self._fresh_bearer() is not None
        # With a token that is good for a while, what the issuer said last time will do.
        self._metadata = metadata.load(issuer, self._metadata_cache(), stale=fresh_token)

    def __repr__(self) -> str:
        return f"OidcAuthProvider(issuer={self.issuer!r}, client_id={self.client_id!r})"

    @classmethod
    def login(
        cls,
        issuer: str,
        client_id: str,
        client_secret: str | None = None,
        token_file: str | None = None,
        redirect_uri: str = browser.DEFAULT_REDIRECT_URI,
        audience: str | None = None,
        scope: str | None = None,
    ) -> OidcAuthProvider:
        """Logs a person in, in the browser, and saves the tokens.

        Without a display or over SSH the device login is used where the provider offers it.
        """
        provider = cls(issuer, client_id, client_secret, token_file, None, audience, scope)
        client = provider._client()
        if not browser.can_open() and client.metadata.optional_endpoint(device.ENDPOINT):
            try:
                code = device.authorize(client)
            except OAuthError:
                pass  # offered, but not to this client
            else:
                provider._accept(device.login(client, code), nonce=None)
                return provider
        try:
            answer, nonce = browser.login(client, redirect_uri)
        except OAuthError as err:
            raise LoginError(str(err)) from None
        provider._accept(answer, nonce)
        return provider

    @classmethod
    def login_with_device(
        cls,
        issuer: str,
        client_id: str,
        client_secret: str | None = None,
        token_file: str | None = None,
        audience: str | None = None,
        scope: str | None = None,
    ) -> OidcAuthProvider:
        """Logs a person in who has a browser on another device (RFC 8628)."""
        provider = cls(issuer, client_id, client_secret, token_file, None, audience, scope)
        client = provider._client()
        if client.metadata.optional_endpoint(device.ENDPOINT) is None:
            raise LoginError(f"{issuer} offers no device login; log in with a browser")
        try:
            code = device.authorize(client)
        except OAuthError as err:
            raise LoginError(str(err)) from None
        provider._accept(device.login(client, code), nonce=None)
        return provider

    @classmethod
    def from_file(cls, token_file: str, client_secret: str | None = None) -> OidcAuthProvider:
        """The provider whose tokens `login` saved; FileNotFoundError if there are none."""
        path = token_path(token_file)
        stored = chosen().read(path)
        issuer, client_id, token = (stored.get(k) for k in ("issuer", "client_id", "token"))
        if not (isinstance(issuer, str) and isinstance(client_id, str) and isinstance(token, dict)):
            raise TokenFileError(
                f"{path} lacks issuer, client_id or token; remove it and log in again"
            )
        provider = cls(
            issuer,
            client_id,
            client_secret,
            str(path),
            token,
            stored.get("audience"),
            stored.get("scope"),
        )
        provider._stored = True
        return provider

    def get_token(self) -> str:
        """The bearer for the next request, renewed when it is about to expire.

        Raises AuthError, with what to do, when there is none; never opens a browser.
        """
        if bearer := self._fresh_bearer():
            return bearer
        with self._lock:
            if bearer := self._fresh_bearer():  # another thread renewed
                return bearer
            remaining = self._usable_bearer()
            if remaining and time.monotonic() < self._retry_at:
                return remaining
            try:
                self._renew()
            except TokenRefreshError as err:
                return self._make_do(err)
            except ReauthenticationRequired as err:
                if not self._refresh_token() or self._logged_out():
                    raise
                return self._make_do(err)
            return self._current_bearer()

    def save(self) -> None:
        """Writes the tokens to the token file, which the client secret never enters."""
        with self._store.locked(self._path):
            self._write()

    # What follows is called with _lock held, or before anybody else knows the provider.

    def _metadata_cache(self) -> Path | None:
        return metadata.cache_path(self._path) if self._store.on_disk else None

    def _client(self) -> Client:
        return Client(
            self._metadata, self.client_id, self._client_secret, self.audience, self.scope
        )

    def _accept(self, answer: dict[str, Any], nonce: str | None) -> None:
        """Checks a login's answer and saves it."""
        token = answer.get("id_token")
        if token:
            try:
                idtoken.verify(token, self._metadata, self.client_id, nonce=nonce)
            except idtoken.InvalidToken as err:
                raise LoginError(str(err)) from None
        elif self._bearer_kind == "id_token":
            raise LoginError(f"{self.issuer} sent no ID token; the scope must contain openid")
        if self._bearer_kind == "access_token" and not answer.get("access_token"):
            raise LoginError(f"{self.issuer} sent no access token")
        self._token = answer
        self.save()

    def _renew(self) -> None:
        """Renews under the file's lock: of any number of processes one asks, the others read."""
        if not self._token:
            raise ReauthenticationRequired("No tokens available; please re-authenticate")
        self._current_bearer()  # says if it is missing
        try:
            with self._store.locked(self._path):
                self._reload()
                if self._fresh_bearer():
                    return
                used = self._refresh_token()
                if not used:
                    raise ReauthenticationRequired(
                        "No refresh token available; please re-authenticate"
                    )
                try:
                    answer = self._ask(used)
                except OAuthError as err:
                    if err.code != "invalid_grant":
                        raise
                    # Perhaps a program that does not know our lock has used it and written anew.
                    self._reload()
                    if self._fresh_bearer():
                        return
                    if self._refresh_token() in (None, used):
                        raise
                    answer = self._ask(str(self._refresh_token()))
                self._take_renewed(answer)
                self._write()
        except OAuthError as err:
            if err.code == "invalid_grant":
                raise ReauthenticationRequired(
                    f"Token refresh failed: {err}; please re-authenticate"
                ) from None
            raise TokenRefreshError(str(err)) from None
        except requests.exceptions.RequestException as err:
            raise TokenRefreshError(f"{self.issuer}: {_brief(err)}") from None
        except (ReauthenticationRequired, TokenRefreshError):
            raise
        except (AuthError, OSError, ValueError) as err:
            raise TokenRefreshError(str(err)) from err

    def _ask(self, refresh_token: str) -> dict[str, Any]:
        if not self._metadata.fresh:
            self._metadata = metadata.load(self.issuer, self._metadata_cache())
        client = self._client()
        try:
            return client.token(
                "refresh_token", refresh_token=refresh_token, scope=client.requested_scope
            )
        except OAuthError as err:
            if err.code != "invalid_scope":
                raise
            # Less was granted than asked for; no scope means what was granted (RFC 6749 section 6).
            return client.token("refresh_token", refresh_token=refresh_token)

    def _take_renewed(self, answer: dict[str, Any]) -> None:
        """Merges a renewal: what it does not repeat stays, a new ID token is checked first."""
        old = self._token.get("id_token")
        new = answer.get("id_token")
        if new:
            subject = None
            with contextlib.suppress(idtoken.InvalidToken):
                subject = idtoken.unverified_claims(old).get("sub") if old else None
            idtoken.verify(new, self._metadata, self.client_id, subject=subject)
        kept = {name: self._token[name] for name in ("refresh_token", "id_token", "scope")
                if self._token.get(name)}  # fmt: skip
        self._token = {**kept, **{name: v for name, v in answer.items() if v}}
        if not self._usable_bearer():
            self._write()  # the refresh token may be a new one
            raise TokenRefreshError(
                f"{self.issuer} sent no new {self._bearer_kind.replace('_', ' ')}"
            )

    def _make_do(self, err: AuthError) -> str:
        """After a failed renewal: what is left of the old token, with a warning."""
        remaining = self._usable_bearer()
        if not remaining:
            raise err
        self._retry_at = time.monotonic() + RETRY_AFTER
        warnings.warn(
            f"{err} (the present token is used until it expires)", RuntimeWarning, stacklevel=3
        )
        return remaining

    def _refresh_token(self) -> str | None:
        value = self._token.get("refresh_token")
        return value if isinstance(value, str) and value else None

    def _current_bearer(self) -> str:
        return self._bearer_of(self._token)

    def _fresh_bearer(self) -> str | None:
        """The bearer if it needs no renewal; InvalidToken if it must not be used at all."""
        token = self._token  # replaced as a whole by whoever renews
        return self._bearer_of(token) if fresh(token, self._bearer_kind) else None

    def _usable_bearer(self) -> str | None:
        token = self._token
        return self._bearer_of(token) if usable(token, self._bearer_kind) else None

    def _bearer_of(self, token: dict[str, Any]) -> str:
        bearer = token.get(self._bearer_kind)
        if not isinstance(bearer, str) or not bearer:
            name = "ID token" if self._bearer_kind == "id_token" else "access token"
            raise ReauthenticationRequired(f"No {name} available; please re-authenticate")
        if self._bearer_kind == "id_token":
            idtoken.refuse_unsigned(bearer)
        return bearer

    def _logged_out(self) -> bool:
        return self._stored and not self._store.exists(self._path)

    def _reload(self) -> None:
        """Takes what another process may have written meanwhile."""
        try:
            stored = self._store.read(self._path)
        except FileNotFoundError:
            if self._stored:
                raise ReauthenticationRequired(
                    f"No tokens available: {self._path} has been removed (a logout); "
                    "please re-authenticate"
                ) from None
            return
        require_client(stored, self._path, self.issuer, self.client_id)
        if self._stored and isinstance(stored.get("token"), dict):
            self._token = stored["token"]

    def _write(self) -> None:
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "token": self._token,
        }
        if self.audience:
            document["audience"] = self.audience
        if self.scope and self.scope != DEFAULT_SCOPE:
            document["scope"] = self.scope
        for name in ("expires_at", "refresh_token"):  # for people and scripts; never read
            if name in self._token:
                document[name] = self._token[name]
        self._store.write(self._path, document)
        self._stored = True


def require_client(stored: dict[str, Any], path: Path, issuer: str, client_id: str) -> None:
    """Refuses a token file of another issuer or client."""
    if stored.get("issuer") != issuer or stored.get("client_id") != client_id:
        raise OtherClientError(
            f"{path} holds tokens of client {stored.get('client_id')!r} at "
            f"{stored.get('issuer')!r}, not of {client_id!r} at {issuer!r}; choose another token "
            "file (MICROMEGAS_TOKEN_FILE) or log out with micromegas_logout"
        )


def _bearer_kind() -> str:
    value = os.environ.get("MICROMEGAS_OIDC_BEARER") or "id"
    if value not in ("id", "access"):
        raise ValueError(f"MICROMEGAS_OIDC_BEARER is {value!r}; it must be 'id' or 'access'")
    return f"{value}_token"


def _brief(err: requests.exceptions.RequestException) -> str:
    if isinstance(err, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(err, requests.exceptions.ConnectionError):
        return "cannot connect"
    return str(err)
