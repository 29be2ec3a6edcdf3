"""ID tokens: verified once, when they arrive (OpenID Connect Core sections 3.1.3.7 and 12.2)."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any

from . import http
from .errors import AuthError
from .metadata import Metadata

# CLOCK_SKEW is how far the issuer's clock may differ from ours, in seconds.
# RFC 7519 section 4.1.4 permits a few minutes; one is enough for machines that keep time.
CLOCK_SKEW = 60

# ALGORITHMS are the accepted signatures: those that only the issuer can make. "none" and the HMAC
# family are missing on purpose.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip


class InvalidToken(AuthError):
    """A token that must not be used."""


def header(token: str) -> dict[str, Any]:
    return _part(token, 0)


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims as they stand there: to look at times, never to believe them."""
    return _part(token, 1)


def refuse_unsigned(token: str) -> None:
    """An ID token without signature is nobody's statement."""
    if str(header(token).get("alg", "none")).lower() == "none":
        raise InvalidToken("the ID token is not signed (alg=none) and is not used; re-authenticate")


def verify(
    token: str,
    metadata: Metadata,
    client_id: str,
    *,
    nonce: str | None = None,
    subject: str | None = None,
) -> dict[str, Any]:
    """Checks everything there is to check about a fresh ID token and returns its claims.

    `subject` is that of the token being renewed: a renewal must not change who one is.
    """
    refuse_unsigned(token)
    claims = _signed_claims(token, metadata)
    now = time.time()
    if claims.get("iss") != metadata.issuer:
        raise InvalidToken(f"the ID token is from {claims.get('iss')!r}, not {metadata.issuer}")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise InvalidToken(f"the ID token is for {audience!r}, not for client {client_id}")
    if "azp" in claims and claims["azp"] != client_id:
        raise InvalidToken(f"the ID token was issued to {claims['azp']!r}, not to {client_id}")
    if not _number(claims.get("exp")) or not _number(claims.get("iat")):
        raise InvalidToken("the ID token does not say when it was issued and when it expires")
    if claims["exp"] + CLOCK_SKEW <= now:
        raise InvalidToken("the ID token has expired already; check this machine's clock")
    if max(claims["iat"], claims.get("nbf", 0)) - CLOCK_SKEW > now:
        raise InvalidToken("the ID token is from the future; check this machine's clock")
    if nonce is not None and claims.get("nonce") != nonce:
        raise InvalidToken("the ID token answers another login (nonce); log in again")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise InvalidToken("the ID token names no subject")
    if subject is not None and claims["sub"] != subject:
        raise InvalidToken("the renewed ID token is about another user")
    return claims


def _signed_claims(token: str, metadata: Metadata) -> dict[str, Any]:
    from joserfc import jwk, jws  # slow to import, and not needed while a stored token is valid
    from joserfc.errors import JoseError

    head = header(token)
    algorithm = head.get("alg")
    if algorithm not in ALGORITHMS:
        raise InvalidToken(f"the ID token is signed with {algorithm!r}, which is not accepted")
    keys = http.get_json(metadata.endpoint("jwks_uri")).get("keys")
    kid = head.get("kid")
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, dict) or key.get("kty") == "oct" or key.get("use") == "enc":
            continue
        if kid is not None and key.get("kid") not in (None, kid):
            continue
        if key.get("alg") not in (None, algorithm):
            continue
        try:
            signed = jws.deserialize_compact(
                token, jwk.JWKRegistry.import_key(key), list(ALGORITHMS)
            )
            claims = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # a key of another type, or of another signature
        if isinstance(claims, dict):
            return claims
    raise InvalidToken(f"the ID token's signature is not by a key of {metadata.issuer}")


def _part(token: str, index: int) -> dict[str, Any]:
    parts = token.split(".")
    try:
        part = json.loads(base64.urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except (IndexError, ValueError, binascii.Error):
        part = None
    if len(parts) != 3 or not isinstance(part, dict):
        raise InvalidToken("the ID token is not a signed JWT; re-authenticate") from None
    return part


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
