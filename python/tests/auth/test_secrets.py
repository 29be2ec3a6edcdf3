"""A127: tokens, secrets and codes never appear in output, arguments or tracebacks."""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from micromegas.auth import OidcAuthProvider, client

from .conftest import Browser, Store
from .issuer import CLIENT, Issuer

SECRET = "s3cret-of-the-client"  # noqa: S105 of the issuer above


def handed_out(issuer: Issuer, *files: Path) -> set[str]:
    """Everything secret that has gone over the wire or into a file."""
    found = {SECRET}
    for _, form in issuer.requests:
        found |= {v for k, v in form.items() if k in ("code", "code_verifier", "refresh_token")}
    for file in files:
        if file.exists():
            token = json.loads(file.read_text())["token"]
            found |= {token[k] for k in ("access_token", "id_token", "refresh_token") if k in token}
    return found


def test_a127_login_prints_and_shows_no_secret(
    make_issuer: Callable[..., Issuer],
    browser: Browser,
    redirect_uri: str,
    token_file: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    issuer = make_issuer(client_secret=SECRET)
    provider = OidcAuthProvider.login(
        issuer.url, CLIENT, SECRET, token_file=str(token_file), redirect_uri=redirect_uri
    )
    out, err = capfd.readouterr()
    shown = out + err + repr(provider) + str(provider) + browser.answers[0].text
    secrets = handed_out(issuer, token_file)
    assert len(secrets) >= 6
    assert [secret for secret in secrets if secret in shown] == []
    assert SECRET not in repr(client.Client(provider._metadata, CLIENT, SECRET))


@pytest.mark.parametrize("left", [200, -10])
@pytest.mark.parametrize("echo", ["error", "error_description"])
def test_a127_nothing_in_tracebacks_even_if_the_provider_repeats_it(
    make_issuer: Callable[..., Issuer],
    store: Store,
    token_file: Path,
    left: int,
    echo: str,
) -> None:
    def unkind(form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        answer = {"error": "server_error"}
        return 400, answer | {echo: f"you sent {form}"}

    issuer = make_issuer(renewal=unkind)
    old = store(issuer, left=left)
    provider = OidcAuthProvider.from_file(str(token_file), SECRET)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            shown = ""
            provider.get_token()
        except Exception:  # noqa: BLE001 whatever it is, its traceback counts
            shown = traceback.format_exc()
    shown += "".join(str(warning.message) for warning in caught)
    assert "[secret]" in shown
    for secret in (SECRET, old["refresh_token"], old["id_token"]):
        assert secret not in shown
