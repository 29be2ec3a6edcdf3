"""Ways in beside the plain bearer: basic credentials, TLS, keys in files that change."""

import base64
import datetime
import ipaddress
import json
import secrets
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.flight
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from micromegas.flightsql import FlightSql_pb2 as pb
from support.client import Token, connect, value
from support.lake import FLAVOURS, Analytics, Flavour, Ingestion, Lake
from support.oidc import OidcProvider
from support.process import wait_until
from support.vectors import Capture

RELOADED_WITHIN = 10.0  # seconds; files are looked at every two

Headers = list[tuple[bytes, bytes]]


def flight_value(client: pyarrow.flight.FlightClient, headers: Headers, sql: str) -> object:
    """The only value of an answer, with a client that knows no Flight SQL."""
    from google.protobuf import any_pb2

    wrapped = any_pb2.Any()
    wrapped.Pack(pb.TicketStatementQuery(statement_handle=sql.encode()))
    options = pyarrow.flight.FlightCallOptions(headers=headers)
    ticket = pyarrow.flight.Ticket(wrapped.SerializeToString())
    return client.do_get(ticket, options).read_all().column(0)[0].as_py()


def insert_process(url: str, headers: dict[str, str], **options: object) -> requests.Response:
    return requests.post(
        f"{url}/ingestion/insert_process",
        data=Capture("unreal-synthetic").body("001-insert_process.bin"),
        headers=headers,
        timeout=30,
        **options,  # type: ignore[arg-type]
    )


# --- the handshake (B39) ------------------------------------------------------------------------


def test_b39_basic_token_with_a_key(lake: Lake) -> None:
    client = pyarrow.flight.connect(lake.analytics.uri)
    header = client.authenticate_basic_token("anybody", lake.key)
    assert header == (b"authorization", f"Bearer {lake.key}".encode())
    assert flight_value(client, [header], "SELECT 1") == 1


def test_b39_basic_token_with_a_token(lake: Lake, oidc: OidcProvider) -> None:
    token = oidc.token("service")
    client = pyarrow.flight.connect(lake.analytics.uri)
    header = client.authenticate_basic_token("", token)
    assert header[1].decode() == f"Bearer {token}"
    assert flight_value(client, [header], "SELECT 1") == 1


@pytest.mark.parametrize("password", ["", "wrong", "wrong:with:colons"])
def test_b39_basic_token_refused(lake: Lake, password: str) -> None:
    client = pyarrow.flight.connect(lake.analytics.uri)
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError, match="invalid token"):
        client.authenticate_basic_token(lake.key, password)


class BasicAuth(pyarrow.flight.ClientAuthHandler):
    """The older way: the credentials are a message, and so is the token."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self._password = password
        self._token = b""

    def authenticate(self, outgoing: object, incoming: object) -> None:
        message = pyarrow.flight.BasicAuth("anybody", self._password)
        outgoing.write(message.serialize())  # type: ignore[attr-defined]
        self._token = incoming.read()  # type: ignore[attr-defined]

    def get_token(self) -> bytes:
        return self._token


def test_b39_credentials_as_a_message(lake: Lake) -> None:
    client = pyarrow.flight.connect(lake.analytics.uri)
    client.authenticate(BasicAuth(lake.key))
    assert flight_value(client, [], "SELECT 1") == 1
    other = pyarrow.flight.connect(lake.analytics.uri)
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError, match="invalid token"):
        other.authenticate(BasicAuth("wrong"))


def test_b39_basic_is_for_the_handshake_alone(lake: Lake) -> None:
    basic = base64.b64encode(f"x:{lake.key}".encode())
    client = pyarrow.flight.connect(lake.analytics.uri)
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError):
        flight_value(client, [(b"authorization", b"Basic " + basic)], "SELECT 1")
    answer = insert_process(lake.ingestion.url, {"Authorization": f"Basic {basic.decode()}"})
    assert answer.status_code == 401


# --- where to log in (B38) ----------------------------------------------------------------------


def test_b38_protected_resource(lake: Lake, oidc: OidcProvider) -> None:
    path = "/.well-known/oauth-protected-resource"
    answer = requests.get(lake.ingestion.url + path, timeout=10)
    assert answer.status_code == 200
    assert answer.json()["authorization_servers"] == [oidc.issuer]
    assert answer.json()["resource"] == lake.ingestion.url
    challenge = insert_process(lake.ingestion.url, {}).headers["WWW-Authenticate"]
    assert challenge.endswith(f', resource_metadata="{lake.ingestion.url}{path}"')


# --- operations of administrators (A65 to A68) -----------------------------------------------------

ADMIN_ONLY = [
    "SELECT * FROM retire_partitions('log_entries', 'global', '1999-01-01', '1999-01-02')",
    "SELECT * FROM materialize_partitions('log_entries', '1999-01-01', '1999-01-02', 3600)",
    "SELECT retire_partition_by_file('a')",
    "SELECT * FROM list_query_denials()",
    "CREATE MATERIALIZED VIEW v AS SELECT 1",
]


@pytest.mark.parametrize("sql", ADMIN_ONLY)
def test_a67_not_an_administrator(lake: Lake, oidc: OidcProvider, sql: str) -> None:
    for token in (lake.key, oidc.token("service")):
        with pytest.raises(
            pyarrow.flight.FlightUnauthorizedError, match="needs an administrator"
        ) as refusal:
            connect(lake.analytics, Token(token)).query(sql)
        assert "MICROMEGAS_ADMINS" in str(refusal.value)


@pytest.mark.parametrize("sql", ADMIN_ONLY)
def test_a65_an_administrator(lake: Lake, oidc: OidcProvider, sql: str) -> None:
    client = connect(lake.analytics, Token(oidc.token("admin")))
    if "MATERIALIZED VIEW" in sql:
        with pytest.raises(pyarrow.ArrowInvalid, match="error parsing view DDL"):
            client.query(sql)
    else:
        client.query(sql)


def test_a66_bulk_ingestion(lake: Lake, oidc: OidcProvider) -> None:
    table = pyarrow.table({"process_id": ["x"]})
    with pytest.raises(pyarrow.flight.FlightUnauthorizedError, match="needs an administrator"):
        connect(lake.analytics, Token(oidc.token("service"))).bulk_ingest("processes", table)
    with pytest.raises(pyarrow.ArrowInvalid, match="missing column 'exe'"):
        connect(lake.analytics, Token(oidc.token("admin"))).bulk_ingest("processes", table)


# --- files (B33, B34) ---------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("how", ["hang up", "look at the files"])
def test_b34_keys_in_a_file(new_lake: object, tmp_path: Path, flavour: Flavour, how: str) -> None:
    first, second = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    keys = tmp_path / "keys.json"

    def write(key: str) -> None:
        """Replaces the file as a whole, as careful tools do."""
        fresh = tmp_path / "keys.tmp"
        fresh.write_text(json.dumps([{"name": "from a file", "key": key}]))
        fresh.replace(keys)

    write(first)
    lake: Lake = new_lake(  # type: ignore[operator]
        flavour, environment={"MICROMEGAS_API_KEYS_FILE": str(keys), "MICROMEGAS_API_KEYS": ""}
    ).start()

    def accepted(key: str) -> list[bool]:
        """At the door of ingestion, at that of analytics."""
        answer = insert_process(lake.ingestion.url, {"Authorization": f"Bearer {key}"})
        assert answer.status_code in (200, 401)
        try:
            assert value(connect(lake.analytics, Token(key)), "SELECT 1") == 1
        except pyarrow.flight.FlightUnauthenticatedError:
            return [answer.status_code == 200, False]
        return [answer.status_code == 200, True]

    assert accepted(first) == [True, True]
    assert accepted(second) == [False, False]
    write(second)
    for program in lake.programs.values():
        if how == "hang up":
            program._process.send_signal(signal.SIGHUP)
        wait_until(
            lambda p=program: "auth configuration reloaded" in p.output(),
            RELOADED_WITHIN,
            "reloading",
        )
    assert accepted(second) == [True, True]
    assert accepted(first) == [False, False]


# --- TLS (B40, B31) -----------------------------------------------------------------------------


class Authority:
    """A certificate authority and what it issues, in PEM."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self._cert = (
            self._begin(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = self._cert.public_bytes(serialization.Encoding.PEM)

    def _begin(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )

    def issue(self, names: list[x509.GeneralName], client: bool = False) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        cert = (
            self._begin(x509.Name([]), key)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return cert.public_bytes(serialization.Encoding.PEM), key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def server(self) -> tuple[bytes, bytes]:
        address = ipaddress.ip_address("127.0.0.1")
        return self.issue([x509.IPAddress(address), x509.DNSName("localhost")])


class SecureLake(Lake):
    """A lake whose servers speak TLS."""

    @property
    def ingestion(self) -> Ingestion:
        return Ingestion(f"https://127.0.0.1:{self.http_port}", self.key)

    @property
    def analytics(self) -> Analytics:
        return Analytics(f"grpc+tls://127.0.0.1:{self.grpc_port}", self.key)

    def wait_ready(self, name: str) -> None:
        url = f"https://127.0.0.1:{self.http_port}"
        if name == "flight-sql-srv":  # probes need no certificates
            url = f"http://127.0.0.1:{self.health_port}"
        self.programs[name].wait_ready(f"{url}/ready")


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture(params=["one process", "two processes"])
def secure(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SecureLake]:
    cert, key = authority.server()
    for name, text in {"tls.crt": cert, "tls.key": key, "ca.crt": authority.pem}.items():
        (tmp_path / name).write_bytes(text)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.crt"))
    lake = SecureLake(
        request.param,
        tmp_path / "lake",
        environment={
            "MICROMEGAS_TLS_CERT_FILE": str(tmp_path / "tls.crt"),
            "MICROMEGAS_TLS_KEY_FILE": str(tmp_path / "tls.key"),
        },
        flags=("--tls-client-ca", str(tmp_path / "ca.crt")),
    )
    try:
        yield lake.start()  # type: ignore[misc]
        lake.stop()
    finally:
        lake.abandon()


def secure_client(lake: Lake, authority: Authority, **more: str) -> pyarrow.flight.FlightClient:
    return pyarrow.flight.FlightClient(
        lake.analytics.uri, tls_root_certs=authority.pem.decode(), **more
    )


def test_b40_tls(secure: SecureLake, authority: Authority) -> None:
    bearer = f"Bearer {secure.key}"
    assert insert_process(secure.ingestion.url, {"Authorization": bearer}).status_code == 200
    client = secure_client(secure, authority)
    header = (b"authorization", bearer.encode())
    assert flight_value(client, [header], "SELECT count(*) FROM processes") == 1
    assert client.authenticate_basic_token("x", secure.key) == header
    assert insert_process(secure.ingestion.url, {}).status_code == 401
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError):
        flight_value(client, [], "SELECT 1")
    stranger = Authority()
    with pytest.raises(pyarrow.flight.FlightUnavailableError):
        flight_value(secure_client(secure, stranger), [header], "SELECT 1")


def test_b31_client_certificates(secure: SecureLake, authority: Authority, tmp_path: Path) -> None:
    name = "spiffe://example.org/agent"
    cert, key = authority.issue([x509.UniformResourceIdentifier(name)], client=True)
    (tmp_path / "client.crt").write_bytes(cert)
    (tmp_path / "client.key").write_bytes(key)
    pair = (str(tmp_path / "client.crt"), str(tmp_path / "client.key"))
    assert insert_process(secure.ingestion.url, {}, cert=pair).status_code == 200
    wrong = insert_process(secure.ingestion.url, {"Authorization": "Bearer wrong"}, cert=pair)
    assert wrong.status_code == 401
    client = secure_client(secure, authority, cert_chain=cert.decode(), private_key=key.decode())
    assert flight_value(client, [], "SELECT 1") == 1
    with pytest.raises(pyarrow.flight.FlightUnauthenticatedError):
        flight_value(client, [(b"authorization", b"Bearer wrong")], "SELECT 1")
    program = secure.programs.get("flight-sql-srv") or secure.programs["micromegas"]
    assert f"auth_method=mtls auth_subject={name} issuer=mtls admin=false" in program.output()


def test_b40_new_certificate(secure: SecureLake, authority: Authority, tmp_path: Path) -> None:
    def shown(port: int) -> str:
        return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)

    ports = (secure.http_port, secure.grpc_port)
    before = {port: shown(port) for port in ports}
    assert len(set(before.values())) == 1
    cert, key = authority.server()
    (tmp_path / "tls.key").write_bytes(key)
    (tmp_path / "tls.crt").write_bytes(cert)
    for program in secure.programs.values():
        program._process.send_signal(signal.SIGHUP)
        wait_until(
            lambda p=program: "SIGHUP: configuration reloaded" in p.output(),
            RELOADED_WITHIN,
            "reloading",
        )
    for port in ports:
        assert shown(port).split() == cert.decode().split()
        assert shown(port) != before[port]
    bearer = {"Authorization": f"Bearer {secure.key}"}
    assert insert_process(secure.ingestion.url, bearer).status_code == 200
