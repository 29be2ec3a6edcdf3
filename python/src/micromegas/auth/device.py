"""Login on another device: the device authorization grant (RFC 8628). It needs no listener."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import requests

from .client import Client, seconds
from .errors import LoginError, OAuthError

ENDPOINT = "device_authorization_endpoint"

# RFC 8628: the interval when none is given (section 3.2) and what slow_down adds (3.5), in seconds.
DEFAULT_INTERVAL = 5
SLOW_DOWN = 5

# LONGEST is how long we wait when the provider names no expiry, in seconds.
LONGEST = 1800

# _never is waited for between two questions, so that a test can move time on.
_never = threading.Event()


def authorize(client: Client) -> dict[str, Any]:
    """Asks for a device code; an OAuthError says that this client may not log in that way."""
    form = {"scope": client.requested_scope}
    if client.audience:
        form["audience"] = client.audience
    answer = client.post(ENDPOINT, **form)
    if "verification_url" in answer:  # Google's name for it
        answer.setdefault("verification_uri", answer["verification_url"])
    for name in ("device_code", "user_code", "verification_uri"):
        if not answer.get(name):
            raise LoginError(f"{client.metadata.issuer} answered without {name}")
    return answer


def login(client: Client, answer: dict[str, Any]) -> dict[str, Any]:
    """Shows the person what to do and waits until it is done; returns the token answer."""
    print(
        f"To log in, open\n\n  {answer['verification_uri']}\n\n"
        f"on any device and enter the code  {answer['user_code']}\n",
        file=sys.stderr,
        flush=True,
    )
    if complete := answer.get("verification_uri_complete"):
        print(f"or open  {complete}\n", file=sys.stderr, flush=True)
    interval = seconds(answer.get("interval"))
    interval = DEFAULT_INTERVAL if interval is None else interval
    end = time.monotonic() + min(seconds(answer.get("expires_in")) or LONGEST, LONGEST)
    while time.monotonic() < end:
        _never.wait(interval)
        try:
            return client.token(
                "urn:ietf:params:oauth:grant-type:device_code",
                device_code=str(answer["device_code"]),
            )
        except OAuthError as err:
            if err.code == "slow_down":
                interval += SLOW_DOWN
            elif err.code == "expired_token":
                break
            elif err.code != "authorization_pending":
                raise LoginError(f"the identity provider says {_said(err)}") from None
        except requests.exceptions.RequestException:
            interval = max(2 * interval, 1)  # RFC 8628 section 3.5: back off exponentially
    raise LoginError("the code has expired before it was entered; log in again")


def _said(err: OAuthError) -> str:
    return f"{err.code}: {err.description}" if err.description else err.code
