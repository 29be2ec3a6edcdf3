"""config.json and the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import micromegas
from micromegas.connection import auth_provider
from micromegas.profiles import ConnectionConfig, resolve_connection

FLAT = {
    "uri": "grpc+tls://flat:1",
    "client_id": "flat-client",
    "issuers": [{"issuer": "https://flat", "audience": "flat-api"}, {"issuer": "https://second"}],
}
PROFILES = {
    "uri": "grpc://ignored:1",
    "default_profile": "dev",
    "profiles": {
        "dev": {"uri": "grpc://dev:1"},
        "prod": {"uri": "grpc+tls://prod:1", "api_key_file": "~/prod.key"},
    },
}


def resolve(
    folder: Path,
    content: object,
    profile: str | None = None,
    **env: str,
) -> ConnectionConfig:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return resolve_connection(path, profile, env)


def test_without_a_file_there_are_defaults(home: Path) -> None:
    config = resolve_connection(environment={})
    assert config.uri == "grpc://localhost:50051"
    assert config.token_file == str(home / ".micromegas" / "tokens.json")
    assert auth_provider(config) is None


def test_a_flat_file(tmp_path: Path) -> None:
    config = resolve(tmp_path, FLAT)
    assert (config.uri, config.oidc_client_id) == ("grpc+tls://flat:1", "flat-client")
    assert (config.oidc_issuer, config.oidc_audience) == ("https://flat", "flat-api")
    assert config.profile is None


def test_the_environment_comes_before_the_profile(tmp_path: Path, home: Path) -> None:
    # A122 the address, A123 the token file with its ~
    config = resolve(
        tmp_path,
        FLAT,
        MICROMEGAS_ANALYTICS_URI="grpc://env:1",
        MICROMEGAS_OIDC_ISSUER="https://env",
        MICROMEGAS_OIDC_CLIENT_ID="env-client",
        MICROMEGAS_OIDC_CLIENT_SECRET="s3cret",  # noqa: S106
        MICROMEGAS_OIDC_AUDIENCE="env-api",
        MICROMEGAS_OIDC_SCOPE="openid",
        MICROMEGAS_TOKEN_FILE="~/mine.json",  # noqa: S106
    )
    assert config == ConnectionConfig(
        uri="grpc://env:1",
        oidc_issuer="https://env",
        oidc_client_id="env-client",
        oidc_client_secret="s3cret",  # noqa: S106
        oidc_audience="env-api",
        oidc_scope="openid",
        token_file=str(home / "mine.json"),
    )
    assert "s3cret" not in repr(config)


def test_profiles_are_chosen_by_option_then_variable_then_default(
    tmp_path: Path, home: Path
) -> None:
    assert resolve(tmp_path, PROFILES).uri == "grpc://dev:1"
    prod = resolve(tmp_path, PROFILES, MICROMEGAS_PROFILE="prod")
    assert prod.uri == "grpc+tls://prod:1"
    assert prod.token_file == str(home / ".micromegas" / "tokens-prod.json")
    assert prod.api_key_file == str(home / "prod.key")
    assert resolve(tmp_path, PROFILES, "dev", MICROMEGAS_PROFILE="prod").profile == "dev"


@pytest.mark.parametrize(
    ("content", "profile", "said"),
    [
        ("{", None, "config.json"),
        ("[]", None, "must hold a JSON object"),
        (PROFILES, "../x", "not a profile name"),
        (PROFILES, "..", "not a profile name"),
        (PROFILES, "absent", r"no profile 'absent' \(there are: dev, prod\)"),
        (FLAT, "dev", "the file has no profiles"),
        ({"profiles": {"a": {}, "b": {}}}, None, r"choose a profile .*\(there are: a, b\)"),
        ({"profiles": []}, None, "profiles must map names to objects"),
        ({"uri": 5}, None, "uri must be a text"),
        ({"issuers": {}, "client_id": "x"}, None, "issuers must be a list"),
        ({**FLAT, "api_key_file": "x"}, None, "api_key_file excludes"),
    ],
)
def test_mistakes_say_what_and_where(
    tmp_path: Path, content: object, profile: str | None, said: str
) -> None:
    with pytest.raises(micromegas.ProfileError, match=said):
        resolve(tmp_path, content, profile)


def test_b48_credentials_without_a_person(tmp_path: Path) -> None:
    key, renewed = tmp_path / "key", tmp_path / "token"
    key.write_text("from-key-file\n")
    renewed.write_text("first\n")
    for variables, token in (
        ({"MICROMEGAS_ANALYTICS_API_KEY": "from-environment"}, "from-environment"),
        ({"MICROMEGAS_TOKEN_COMMAND": "echo from-command"}, "from-command"),
        ({"MICROMEGAS_BEARER_TOKEN_FILE": str(renewed)}, "first"),
        ({}, "from-key-file"),
    ):
        provider = auth_provider(resolve(tmp_path, {"api_key_file": str(key)}, **variables))
        assert provider is not None
        assert provider.get_token() == token
    key.unlink()
    with pytest.raises(micromegas.ProfileError, match="api_key_file"):
        auth_provider(resolve(tmp_path, {"api_key_file": str(key)}))
