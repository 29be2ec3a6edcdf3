"""Both servers take the same credentials and refuse the same ones."""

import base64
import json
import time
from collections.abc import Callable

import pyarrow.flight
import pytest
import requests
from support.client import Token, connect, connect_with_headers, value
from support.lake import FLAVOURS, Flavour, Lake
from support.oidc import OidcProvider
from support.vectors import Capture

Credential = Callable[[Lake, OidcProvider], str]


def api_key(lake: Lake, _oidc: OidcProvider) -> str:
    return lake.key


def service_token(_lake: Lake, oidc: OidcProvider) -> str:
    return oidc.token("service")


def wrong_key(lake: Lake, _oidc: OidcProvider) -> str:
    return lake.key[:-1] + ("a" if lake.key[-1] != "a" else "b")


def expired(_lake: Lake, oidc: OidcProvider) -> str:
    token = oidc.token("short-lived")  # for one second
    time.sleep(2.1)
    return token


def other_audience(_lake: Lake, oidc: OidcProvider) -> str:
    return oidc.token("elsewhere")


def other_issuer(_lake: Lake, oidc: OidcProvider) -> str:
    with OidcProvider() as other:
        assert other.issuer != oidc.issuer
        return other.token("service")


def changed_signature(_lake: Lake, oidc: OidcProvider) -> str:
    head, claims, signature = oidc.token("service").split(".")
    return f"{head}.{claims}.{signature[:-4]}AAAA"


def changed_claims(_lake: Lake, oidc: OidcProvider) -> str:
    head, claims, signature = oidc.token("service").split(".")
    content = json.loads(base64.urlsafe_b64decode(claims + "=="))
    content["sub"] = "admin"
    return f"{head}.{_part(content)}.{signature}"


def no_signature(_lake: Lake, oidc: OidcProvider) -> str:
    _, claims, _ = oidc.token("service").split(".")
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{claims}."


def nonsense(_lake: Lake, _oidc: OidcProvider) -> str:
    return "a.b.c"


def _part(content: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


ACCEPTED = [api_key, service_token]
REFUSED = [
    wrong_key,
    expired,
    other_audience,
    other_issuer,
    changed_signature,
    changed_claims,
    no_signature,
    nonsense,
]


def send(lake: Lake, headers: dict[str, str]) -> requests.Response:
    """A request that is fine but for its credentials."""
    capture = Capture("unreal-synthetic")
    return requests.post(
        f"{lake.ingestion.url}/ingestion/insert_process",
        data=capture.body("001-insert_process.bin"),
        headers=headers,
        timeout=30,
    )


@pytest.mark.parametrize("credential", ACCEPTED)
def test_accepted_by_both(lake: Lake, oidc: OidcProvider, credential: Credential) -> None:
    token = credential(lake, oidc)
    answer = send(lake, {"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert value(connect(lake.analytics, Token(token)), "SELECT 1") == 1


@pytest.mark.parametrize("credential", REFUSED)
def test_refused_by_both(lake: Lake, oidc: OidcProvider, credential: Credential) -> None:
    token = credential(lake, oidc)
    answer = send(lake, {"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "Invalid token" in answer.text
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="micromegas"')
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError, match="invalid token") as refusal:
        connect(lake.analytics, Token(token)).query("SELECT 1")
    assert token not in answer.text + str(refusal.value)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic dXNlcjpwYXNz"}, {"Authorization": "Bearer "}],
    ids=["none", "other scheme", "empty"],
)
def test_no_bearer(lake: Lake, headers: dict[str, str]) -> None:
    answer = send(lake, headers)
    assert answer.status_code == 401
    assert "Invalid token" in answer.text
    for_flight = {name.lower(): text for name, text in headers.items()}
    client = connect_with_headers(lake.analytics, for_flight or None)
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError):
        client.query("SELECT 1")


def test_prepared_statements_need_credentials_too(lake: Lake) -> None:
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError):
        connect(lake.analytics, Token("nobody")).prepare_statement("SELECT 1")


def test_a_key_in_static_headers(lake: Lake) -> None:
    client = connect_with_headers(lake.analytics, {"authorization": f"Bearer {lake.key}"})
    assert value(client, "SELECT 1") == 1


def test_health_is_public(lake: Lake) -> None:
    for path in ("/health", "/ready"):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = requests.get(lake.ingestion.url + path, headers=headers, timeout=10)
            assert answer.status_code == 200, path


def test_an_administrator_function_needs_an_administrator(lake: Lake, oidc: OidcProvider) -> None:
    retire = (
        "SELECT time, msg FROM retire_partitions('log_entries', 'global',"
        " '1999-01-01T00:00:00Z', '1999-01-02T00:00:00Z')"
    )
    for token in (lake.key, oidc.token("service")):
        with pytest.raises((pyarrow.flight.FlightUnauthorizedError, pyarrow.lib.ArrowInvalid)):
            connect(lake.analytics, Token(token)).query(retire)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_authentication_switched_off(new_lake: Callable[..., Lake], flavour: Flavour) -> None:
    lake = new_lake(
        flavour,
        flags=("--disable-auth",),
        environment={"MICROMEGAS_API_KEYS": "not even JSON", "MICROMEGAS_OIDC_CONFIG": "{"},
    ).start()
    for headers in ({}, {"Authorization": "Bearer anything"}):
        assert send(lake, headers).status_code == 200
    assert value(connect_with_headers(lake.analytics, None), "SELECT 1") == 1
    assert value(connect(lake.analytics, Token("anything")), "SELECT 1") == 1
    for program in lake.programs.values():
        assert "WARN" in program.output(), "switching it off is said out loud"
