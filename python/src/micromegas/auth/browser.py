"""Login in a browser: authorization code with PKCE (RFC 7636), state and nonce."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
import threading
import webbrowser
from typing import Any
from urllib.parse import urlencode

from .callback import Redirect, open_listener
from .client import Client
from .errors import LoginError

DEFAULT_REDIRECT_URI = "http://localhost:48080/callback"

# WAIT is how long a person may take, in seconds; the value of the published client.
WAIT = 300.0


def login(client: Client, redirect_uri: str) -> tuple[dict[str, Any], str]:
    """Sends the person to the identity provider; returns the token answer and the nonce sent."""
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(48)  # 64 characters; RFC 7636 section 4.1 wants 43 to 128
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    with open_listener(redirect_uri, state) as listener:
        url = _authorization_url(
            client,
            {
                "response_type": "code",
                "client_id": client.client_id,
                "redirect_uri": redirect_uri,
                "scope": client.requested_scope,
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge.rstrip(b"=").decode(),
                "code_challenge_method": "S256",
                **client.authorization_extras(),
            },
        )
        print(
            f"Log in with your browser. If none opens, go to:\n\n  {url}\n",
            file=sys.stderr,
            flush=True,
        )
        # A text browser would keep us until it is closed.
        threading.Thread(target=_open_browser, args=(url,), daemon=True).start()
        redirect = listener.wait(WAIT)
    _check(client, redirect)
    answer = client.token(
        "authorization_code",
        code=redirect.code,
        redirect_uri=redirect_uri,
        code_verifier=verifier,
    )
    return answer, nonce


def can_open() -> bool:
    """Whether a browser would open in front of the person: not over SSH, and with a display."""
    if os.environ.get("BROWSER"):
        return True
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_browser(url: str) -> None:
    try:
        webbrowser.open(url)
    except Exception as err:  # noqa: BLE001 whatever a platform does, the URL has been printed
        print(f"no browser could be opened: {err}", file=sys.stderr)


def _authorization_url(client: Client, parameters: dict[str, str]) -> str:
    metadata = client.metadata
    if metadata.flag("require_pushed_authorization_requests"):  # RFC 9126
        pushed = client.post(
            "pushed_authorization_request_endpoint",
            **{name: value for name, value in parameters.items() if name != "client_id"},
        )
        parameters = {
            "client_id": client.client_id,
            "request_uri": str(pushed.get("request_uri", "")),
        }
    endpoint = metadata.endpoint("authorization_endpoint")
    return endpoint + ("&" if "?" in endpoint else "?") + urlencode(parameters)


def _check(client: Client, redirect: Redirect) -> None:
    """RFC 9207: an answer from another issuer than the one asked is an attack (mix-up)."""
    announced = client.metadata.flag("authorization_response_iss_parameter_supported")
    if (announced or redirect.iss) and redirect.iss != client.metadata.issuer:
        raise LoginError(
            f"the answer is from issuer {redirect.iss!r}, but {client.metadata.issuer} was asked"
        )
    if redirect.error:
        description = f": {redirect.error_description}" if redirect.error_description else ""
        raise LoginError(f"the identity provider says {redirect.error}{description}")
