"""Which server, and how to prove who asks: the environment, then a profile, then defaults.

The configuration file is ``~/.micromegas/config.json``, an object with the keys ``uri``,
``client_id``, ``issuers`` (a list, whose first entry counts: ``issuer``, ``audience``) and
``api_key_file``; or with ``profiles``, a map of names to such objects, and ``default_profile``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_URI = "grpc://localhost:50051"
_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


class ProfileError(ValueError):
    """The configuration file or the chosen profile cannot be used; says what and where."""


@dataclass(frozen=True)
class ConnectionConfig:
    """Everything that a connection needs; secrets are not shown by ``repr``."""

    uri: str = DEFAULT_URI
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    oidc_audience: str | None = None
    oidc_scope: str | None = None
    token_file: str = ""
    api_key_file: str | None = None
    profile: str | None = None
    # What only the environment can say.
    api_key: str | None = field(default=None, repr=False)
    token_command: str | None = field(default=None, repr=False)
    bearer_token_file: str | None = None


def folder() -> Path:
    """Where configuration and tokens are kept."""
    return Path("~/.micromegas").expanduser()


def resolve_connection(
    config_path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ConnectionConfig:
    """Reads the configuration. Raises ``ProfileError``; contacts nobody."""
    env = os.environ if environment is None else environment
    path = Path(config_path) if config_path is not None else folder() / "config.json"
    name, chosen = _select(path, _load(path), profile or env.get("MICROMEGAS_PROFILE") or None)

    def setting(variable: str, key: str) -> str | None:
        return env.get(variable) or _text(path, name, chosen, key)

    issuer = _first_issuer(path, name, chosen)
    key_file = _text(path, name, chosen, "api_key_file")
    if key_file and (issuer.get("issuer") or chosen.get("client_id")):
        raise ProfileError(
            f"{_where(path, name)}: api_key_file excludes issuers and client_id; keep one of them"
        )
    tokens = env.get("MICROMEGAS_TOKEN_FILE")
    if not tokens:
        tokens = str(folder() / (f"tokens-{name}.json" if name else "tokens.json"))
    return ConnectionConfig(
        uri=setting("MICROMEGAS_ANALYTICS_URI", "uri") or DEFAULT_URI,
        oidc_issuer=env.get("MICROMEGAS_OIDC_ISSUER") or issuer.get("issuer"),
        oidc_client_id=setting("MICROMEGAS_OIDC_CLIENT_ID", "client_id"),
        oidc_client_secret=env.get("MICROMEGAS_OIDC_CLIENT_SECRET") or None,
        oidc_audience=env.get("MICROMEGAS_OIDC_AUDIENCE") or issuer.get("audience"),
        oidc_scope=env.get("MICROMEGAS_OIDC_SCOPE") or None,
        token_file=os.path.expanduser(tokens),
        api_key_file=os.path.expanduser(key_file) if key_file else None,
        profile=name,
        api_key=env.get("MICROMEGAS_ANALYTICS_API_KEY") or None,
        token_command=env.get("MICROMEGAS_TOKEN_COMMAND") or None,
        bearer_token_file=env.get("MICROMEGAS_BEARER_TOKEN_FILE") or None,
    )


def check_name(name: str) -> str:
    """A profile's name becomes part of a file name."""
    if name in (".", "..") or not _NAME.fullmatch(name):
        raise ProfileError(
            f"not a profile name: {name!r}; letters, digits, dot, underscore and hyphen are allowed"
        )
    return name


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise ProfileError(f"{path}: must hold a JSON object")
    return content


def _select(
    path: Path, content: dict[str, Any], wanted: str | None
) -> tuple[str | None, dict[str, Any]]:
    if wanted is not None:
        check_name(wanted)
    profiles = content.get("profiles")
    if profiles is None:
        if wanted is not None:
            raise ProfileError(f"{path}: there is no profile {wanted!r}, the file has no profiles")
        return None, content
    if not isinstance(profiles, dict) or not all(isinstance(p, dict) for p in profiles.values()):
        raise ProfileError(f"{path}: profiles must map names to objects")
    known = ", ".join(sorted(profiles)) or "none"
    name = wanted or content.get("default_profile")
    if name is None:
        raise ProfileError(
            f"{path}: choose a profile with --profile, MICROMEGAS_PROFILE or default_profile "
            f"(there are: {known})"
        )
    if not isinstance(name, str):
        raise ProfileError(f"{path}: default_profile must be a text")
    check_name(name)
    if name not in profiles:
        raise ProfileError(f"{path}: there is no profile {name!r} (there are: {known})")
    return name, profiles[name]


def _where(path: Path, name: str | None) -> str:
    return f"{path}: profile {name}" if name else str(path)


def _text(path: Path, name: str | None, chosen: dict[str, Any], key: str) -> str | None:
    value = chosen.get(key)
    if value is not None and not isinstance(value, str):
        raise ProfileError(f"{_where(path, name)}: {key} must be a text")
    return value or None


def _first_issuer(path: Path, name: str | None, chosen: dict[str, Any]) -> dict[str, str | None]:
    issuers = chosen.get("issuers")
    if issuers is None or issuers == []:
        return {}
    if not isinstance(issuers, list) or not isinstance(issuers[0], dict):
        raise ProfileError(f"{_where(path, name)}: issuers must be a list of objects")
    return {key: _text(path, name, issuers[0], key) for key in ("issuer", "audience")}
