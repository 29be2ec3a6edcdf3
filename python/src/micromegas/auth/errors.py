"""What can go wrong with a credential, told so that the caller knows what to do about it.

The words "Authentication failed", "Token refresh failed:", "No refresh token available" and
"re-authenticate" are looked for by scripts; they stay.
"""

from __future__ import annotations


class AuthError(Exception):
    """No bearer can be had."""


class LoginError(AuthError):
    """A login ended without tokens."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Authentication failed: {reason}")


class TokenFileError(AuthError):
    """The token file exists but cannot be used."""


class OtherClientError(TokenFileError):
    """The token file belongs to another issuer or client."""


class TokenRefreshError(AuthError):
    """A renewal did not work; trying later may help."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Token refresh failed: {reason}; try again or re-authenticate")


class ReauthenticationRequired(AuthError):
    """Only a new login helps."""


class OAuthError(AuthError):
    """An identity provider's error answer (RFC 6749 section 5.2)."""

    def __init__(self, endpoint: str, code: str, description: str = "", status: int = 0) -> None:
        self.code = code
        self.description = description
        self.status = status
        text = f"{code}: {description}" if description else code
        super().__init__(f"{endpoint} answered {text}")
