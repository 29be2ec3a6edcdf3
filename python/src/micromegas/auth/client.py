"""An OAuth client at one issuer: who we are there, and its token endpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from . import http
from .metadata import Metadata

DEFAULT_SCOPE = "openid email profile offline_access"

# DEFAULT_LIFETIME is that of an access token whose issuer does not say it, in seconds; the value of
# the published client.
DEFAULT_LIFETIME = 3600

# GOOGLE refuses offline_access and gives a refresh token for two parameters of its own:
# https://developers.google.com/identity/protocols/oauth2/web-server#offline
GOOGLE = frozenset({"https://accounts.google.com"})


@dataclass(frozen=True)
class Client:
    """A client's registration at an issuer, and what it asks for."""

    metadata: Metadata
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    audience: str | None = None
    scope: str | None = None

    @property
    def is_google(self) -> bool:
        return self.metadata.issuer in GOOGLE

    @property
    def requested_scope(self) -> str:
        """The scope given, else those of the default ones that the issuer supports.

        A scope that somebody asked for is left alone: API scopes are rarely in scopes_supported.
        """
        if self.scope:
            return self.scope
        wanted = DEFAULT_SCOPE.split()
        supported = self.metadata.strings("scopes_supported")
        if supported is not None:
            wanted = [scope for scope in wanted if scope in supported or scope == "openid"]
        if self.is_google:
            wanted = [scope for scope in wanted if scope != "offline_access"]
        return " ".join(wanted)

    def authorization_extras(self) -> dict[str, str]:
        extras = {}
        if self.audience:
            extras["audience"] = self.audience
        if self.is_google:
            extras |= {"access_type": "offline", "prompt": "consent"}
        return extras

    def token(self, grant_type: str, **form: str) -> dict[str, Any]:
        """Asks the token endpoint and adds `expires_at` (Unix seconds) to its answer."""
        answer = self.post("token_endpoint", grant_type=grant_type, **form)
        lifetime = seconds(answer.get("expires_in"))
        if lifetime is not None:
            answer["expires_in"] = lifetime
        else:
            lifetime = DEFAULT_LIFETIME
        answer["expires_at"] = int(time.time()) + lifetime
        return answer

    def post(self, endpoint: str, **form: str) -> dict[str, Any]:
        """Posts to one of the issuer's endpoints as this client.

        A secret goes into the form; into the Authorization header only if the issuer takes it
        nowhere else (RFC 6749 section 2.3.1).
        """
        url = self.metadata.endpoint(endpoint)
        form = {**form, "client_id": self.client_id}
        if not self.client_secret:
            return http.post_form(url, form)
        methods = self.metadata.strings("token_endpoint_auth_methods_supported")
        if methods and "client_secret_post" not in methods and "client_secret_basic" in methods:
            return http.post_form(
                url, form, (quote_plus(self.client_id), quote_plus(self.client_secret))
            )
        return http.post_form(url, {**form, "client_secret": self.client_secret})


def seconds(value: object) -> int | None:
    """A duration as providers send it: a number, or one in a string."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return max(0, int(float(value)))
    except (ValueError, OverflowError):
        return None
