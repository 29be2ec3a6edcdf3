"""When a token must be renewed."""

from __future__ import annotations

import time
from typing import Any

from . import idtoken

# MARGIN is how long before expiry a token is renewed, in seconds; tokens that live less than
# five times as long are renewed when a fifth of their life is left.
MARGIN = 300.0
SHARE = 0.2


def margin(lifetime: float | None) -> float:
    """How many seconds before its end a token of that lifetime is renewed."""
    return MARGIN if lifetime is None else min(MARGIN, SHARE * max(lifetime, 0.0))


def fresh(token: dict[str, Any], kind: str) -> bool:
    """Whether token[kind] needs no renewal yet."""
    end, lifetime = _times(token, kind)
    return end is not None and end - time.time() > margin(lifetime)


def usable(token: dict[str, Any], kind: str) -> bool:
    """Whether token[kind] has not expired."""
    end, _ = _times(token, kind)
    return end is not None and end > time.time()


def _times(token: dict[str, Any], kind: str) -> tuple[float | None, float | None]:
    """End (Unix seconds) and lifetime (seconds): of the JWT itself, else of the token answer."""
    value = token.get(kind)
    if not isinstance(value, str) or not value:
        return None, None
    try:
        claims = idtoken.unverified_claims(value)
    except idtoken.InvalidToken:
        if kind == "id_token":
            raise
        claims = {}  # an opaque access token
    end = _number(claims.get("exp"))
    if end is not None:
        begin = _number(claims.get("iat", claims.get("nbf")))
        return end, None if begin is None else end - begin
    if kind == "id_token":
        return None, None
    return _number(token.get("expires_at")), _number(token.get("expires_in"))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
