"""Credentials for the servers: providers with one method, `get_token() -> str`."""

from .client_credentials import OidcClientCredentialsProvider
from .errors import (
    AuthError,
    LoginError,
    OtherClientError,
    ReauthenticationRequired,
    TokenFileError,
    TokenRefreshError,
)
from .logout import Logout, logout
from .oidc import OidcAuthProvider
from .static import (
    ApiKeyAuthProvider,
    BearerFileAuthProvider,
    StaticTokenAuthProvider,
    TokenCommandAuthProvider,
)

__all__ = [
    "ApiKeyAuthProvider",
    "AuthError",
    "BearerFileAuthProvider",
    "LoginError",
    "Logout",
    "OidcAuthProvider",
    "OidcClientCredentialsProvider",
    "OtherClientError",
    "ReauthenticationRequired",
    "StaticTokenAuthProvider",
    "TokenCommandAuthProvider",
    "TokenFileError",
    "TokenRefreshError",
    "logout",
]
