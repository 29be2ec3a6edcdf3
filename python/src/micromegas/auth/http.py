"""Requests to the identity provider: bounded in time, and without secrets in what they raise."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from .errors import OAuthError

# TIMEOUT is for connecting and for each wait for data, in seconds; the published client's value.
TIMEOUT = 10

# SECRET_FIELDS are form fields whose values must not come back in an error text.
SECRET_FIELDS = frozenset(
    {"client_secret", "code", "code_verifier", "device_code", "refresh_token", "token"}
)


def require_safe_url(url: str, what: str) -> str:
    """Returns url if a credential may be sent there: https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname:
        if is_loopback(parts.hostname) or os.environ.get("MICROMEGAS_OIDC_ALLOW_HTTP") == "true":
            return url
        raise ValueError(
            f"{what} {url!r} is not https, so anybody on the way could read the tokens; "
            "in a closed test network set MICROMEGAS_OIDC_ALLOW_HTTP=true"
        )
    raise ValueError(f"{what} {url!r} is not an https URL")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def get_json(url: str) -> dict[str, Any]:
    """Fetches a JSON object; raises what `requests` raises."""
    answer = requests.get(url, timeout=TIMEOUT, headers={"Accept": "application/json"})
    answer.raise_for_status()
    document = answer.json()
    if not isinstance(document, dict):
        raise requests.exceptions.InvalidJSONError(f"{url} did not answer with a JSON object")
    return document


def post_form(
    url: str, form: Mapping[str, str], basic: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Posts form; returns the JSON object of a success and raises OAuthError for a refusal.

    Redirects are not followed: a redirected POST would carry the secrets elsewhere.
    """
    answer = requests.post(
        url,
        data=dict(form),
        auth=basic,
        timeout=TIMEOUT,
        headers={"Accept": "application/json"},
        allow_redirects=False,
    )
    document: Any = None
    if answer.content:
        try:
            document = answer.json()
        except ValueError:
            document = None
    fields = document if isinstance(document, dict) else {}
    if 200 <= answer.status_code < 300 and "error" not in fields:
        return fields
    secrets = [form[name] for name in SECRET_FIELDS & form.keys()]
    if basic:
        secrets.append(basic[1])
    raise OAuthError(
        url,
        scrub(str(fields.get("error") or f"HTTP status {answer.status_code}"), secrets),
        scrub(str(fields.get("error_description") or ""), secrets),
        answer.status_code,
    )


def scrub(text: str, secrets: list[str]) -> str:
    """Removes secrets and control characters from a text that somebody else wrote."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[secret]")
    return "".join(c if c.isprintable() else " " for c in text)[:500]
