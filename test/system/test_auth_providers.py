"""Two OpenID providers of different makes at once, on both servers, and what is left when one of
them goes away; moving from keys to OpenID Connect.

npm oidc-provider and the example provider of zitadel/oidc share no code with each other nor with
the servers.
"""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator

import pyarrow.flight
import pytest
import requests
from support.client import Token, connect, connect_with_headers, value
from support.lake import Lake
from support.oidc import OidcProvider, ZitadelProvider
from support.process import BIN, free_port, wait_until
from support.vectors import Capture

NewLake = Callable[..., Lake]

# What both servers say to a credential: the status of HTTP, the error of Flight.
ACCEPTED = (200, None)
REFUSED = (401, pyarrow.flight.FlightUnauthenticatedError)
UNAVAILABLE = (503, pyarrow.flight.FlightUnavailableError)

RECOVERED_WITHIN = 30.0  # seconds; failures to fetch are remembered, see B10


@pytest.fixture(scope="module")
def zitadel() -> Iterator[ZitadelProvider]:
    with ZitadelProvider() as provider:
        yield provider


def trusting(*providers: OidcProvider, **settings: int) -> dict[str, str]:
    """The environment of a server that trusts the providers."""
    config = {"issuers": [provider.entry() for provider in providers], **settings}
    return {"MICROMEGAS_OIDC_CONFIG": json.dumps(config)}


@pytest.fixture(scope="module")
def two_issuers(
    tmp_path_factory: pytest.TempPathFactory, oidc: OidcProvider, zitadel: ZitadelProvider
) -> Iterator[Lake]:
    """Both servers, each a process of its own, trusting both providers. Keys may change at once."""
    lake = Lake(
        "two processes",
        tmp_path_factory.mktemp("two-issuers"),
        trusting(oidc, zitadel, jwks_min_refresh_interval_secs=0),
    )
    try:
        yield lake.start()
        lake.stop()
    finally:
        lake.abandon()


@pytest.fixture
def provider(
    request: pytest.FixtureRequest, oidc: OidcProvider, zitadel: ZitadelProvider
) -> OidcProvider:
    return {"oidc-provider": oidc, "zitadel": zitadel}[request.param]


both = pytest.mark.parametrize("provider", ["oidc-provider", "zitadel"], indirect=True)


def send(lake: Lake, token: str) -> requests.Response:
    return requests.post(
        f"{lake.ingestion.url}/ingestion/insert_process",
        data=Capture("unreal-synthetic").body("001-insert_process.bin"),
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


def doors(lake: Lake, token: str) -> tuple[int, type[Exception] | None]:
    """What ingestion and what analytics say to the token."""
    status = send(lake, token).status_code
    try:
        assert value(connect(lake.analytics, Token(token)), "SELECT 1") == 1
    except pyarrow.flight.FlightError as refusal:
        return status, type(refusal)
    return status, None


def with_other_key(token: str) -> str:
    """The token as if signed by a key that its issuer has never shown."""
    head, claims, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    header["kid"] = "never-seen"
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{head}.{claims}.{signature}"


@both
def test_a142_tokens_of_both_providers(two_issuers: Lake, provider: OidcProvider) -> None:
    """A1: what one server accepts the other accepts."""
    assert doors(two_issuers, provider.token("service")) == ACCEPTED


def test_a154_keys_beside_them(two_issuers: Lake) -> None:
    assert doors(two_issuers, two_issuers.key) == ACCEPTED


def test_a42_a_third_provider(two_issuers: Lake) -> None:
    with ZitadelProvider() as third:
        assert doors(two_issuers, third.token("service")) == REFUSED


def test_a50_an_expired_token(two_issuers: Lake, zitadel: ZitadelProvider) -> None:
    assert doors(two_issuers, zitadel.token("expired")) == REFUSED


@both
def test_a49_another_audience(two_issuers: Lake, provider: OidcProvider) -> None:
    assert doors(two_issuers, provider.token("elsewhere")) == REFUSED


def test_a49_the_audience_of_the_other_issuer(
    new_lake: NewLake, oidc: OidcProvider, zitadel: ZitadelProvider
) -> None:
    """An audience belongs to its issuer: with the two exchanged neither accepts anything."""
    issuers = [
        {"issuer": oidc.issuer, "audience": zitadel.audience},
        {"issuer": zitadel.issuer, "audience": oidc.audience},
    ]
    config = json.dumps({"issuers": issuers})
    lake = new_lake(environment={"MICROMEGAS_OIDC_CONFIG": config}).start()
    for provider in (oidc, zitadel):
        assert doors(lake, provider.token("service")) == REFUSED


def test_b8_keys_that_change(two_issuers: Lake, zitadel: ZitadelProvider) -> None:
    """A62, A64: a new key is fetched when it is needed; tokens of one that is gone end."""
    presented, kept = zitadel.token("service"), zitadel.token("service")
    assert doors(two_issuers, presented) == ACCEPTED
    zitadel.rotate()
    assert doors(two_issuers, zitadel.token("service")) == ACCEPTED
    assert doors(two_issuers, presented) == ACCEPTED, "A58: it was remembered"
    assert doors(two_issuers, kept) == REFUSED, "its key is gone"


def test_a11_one_provider_goes_away(new_lake: NewLake, zitadel: ZitadelProvider) -> None:
    """A57: what can't be decided is UNAVAILABLE; what can be decided without the provider is."""
    with OidcProvider(free_port()) as gone:  # which no outgoing connection takes while it is gone
        fetched = trusting(gone, zitadel, jwks_min_refresh_interval_secs=0)
        lake = new_lake("two processes", environment=fetched).start()
        seen, unseen = gone.token("service"), gone.token("service")
        assert doors(lake, seen) == ACCEPTED
        gone.kill()
        assert doors(lake, seen) == ACCEPTED, "A58: the token is remembered"
        assert doors(lake, unseen) == ACCEPTED, "A62: its key is"
        assert doors(lake, with_other_key(unseen)) == UNAVAILABLE
        assert doors(lake, zitadel.token("service")) == ACCEPTED
        assert doors(lake, lake.key) == ACCEPTED

        # A6: nothing of that outlives a restart. A7: the servers start without the provider.
        lake.stop()
        lake.start()
        assert doors(lake, seen) == UNAVAILABLE
        assert "Retry-After" in send(lake, seen).headers
        assert doors(lake, zitadel.token("service")) == ACCEPTED
        for program in lake.programs.values():
            assert gone.issuer in program.output(), "A85: the log names the issuer"

        # It comes back, with other keys.
        with OidcProvider(port=int(gone.issuer.rpartition(":")[2])) as back:
            assert back.issuer == gone.issuer
            token = back.token("service")
            wait_until(
                lambda: doors(lake, token) == ACCEPTED, RECOVERED_WITHIN, "accepting its tokens"
            )


def names(lake: Lake, token: str) -> list[str]:
    """The processes that the lake knows of."""
    answer = connect(lake.analytics, Token(token)).query_arrow("SELECT exe FROM processes")
    return answer.column("exe").to_pylist()


@pytest.mark.parametrize("removed", [None, "", "[]"], ids=["unset", "blank", "empty"])
def test_a155_keys_are_given_up(
    new_lake: NewLake, zitadel: ZitadelProvider, removed: str | None
) -> None:
    """A154: keys and tokens side by side. A40, A155: without keys these end and tokens go on.
    A156: what was stored stays."""
    lake = new_lake("two processes", environment=trusting(zitadel)).start()
    token = zitadel.token("service")
    assert doors(lake, lake.key) == ACCEPTED
    assert doors(lake, token) == ACCEPTED
    stored = names(lake, lake.key)
    assert stored
    assert names(lake, token) == stored

    lake.stop()
    if removed is None:
        del lake.environment["MICROMEGAS_API_KEYS"]
    else:
        lake.environment["MICROMEGAS_API_KEYS"] = removed
    lake.start()
    assert doors(lake, lake.key) == REFUSED
    assert doors(lake, token) == ACCEPTED
    assert names(lake, token) == stored


def test_a22_a_long_key(new_lake: NewLake) -> None:
    """A21, A22: the recipe of the documentation, 512 random bytes in base64; and a short key."""
    long = base64.b64encode(bytes(range(256)) * 2).decode()
    keys = [{"name": "long", "key": long}, {"name": "short", "key": "secret-key-123"}]
    environment = {"MICROMEGAS_API_KEYS": json.dumps(keys)}
    lake = new_lake(environment=environment).start()
    assert len(long) == 684
    for key in (long, "secret-key-123"):
        assert doors(lake, key) == ACCEPTED
    assert doors(lake, lake.key) == REFUSED


def test_a79_health_without_credentials(two_issuers: Lake) -> None:
    """A79, A80, A81: /health and /ready answer whoever asks, whatever is presented."""
    for address in (two_issuers.http_port, two_issuers.health_port):
        for path in ("health", "ready"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
                url = f"http://127.0.0.1:{address}/{path}"
                assert requests.get(url, headers=headers, timeout=10).status_code == 200, url


@pytest.mark.parametrize(
    ("program", "endpoint"),
    [
        ("telemetry-ingestion-srv", "--listen-endpoint-http <host:port>|127.0.0.1:8081"),
        ("flight-sql-srv", "--listen-endpoint-grpc <host:port>|0.0.0.0:50051"),
    ],
)
def test_a8_where_the_servers_listen(program: str, endpoint: str) -> None:
    """A8: where tools expect them, unless a flag says otherwise, as in every other test here."""
    said = subprocess.run([BIN / program, "--help"], check=True, capture_output=True, text=True)
    flag, default = endpoint.split("|")
    assert f"(default {default})" in said.stdout.partition(flag)[2].split("\n  --")[0]


def test_a157_plaintext_is_served(two_issuers: Lake) -> None:
    """A157: the servers do not insist on TLS; a proxy in front of them may end it."""
    assert two_issuers.ingestion.url.startswith("http://")
    client = connect_with_headers(
        two_issuers.analytics, {"authorization": f"Bearer {two_issuers.key}"}
    )
    assert value(client, "SELECT 1") == 1
