"""Who asks, and from where: labels for the server's audit log, never for access decisions."""

from __future__ import annotations

import os
import sys
import uuid

LONGEST = 64  # characters that the audit log keeps of a label


def resolve_client_agent() -> str:
    """The program that writes the queries, when it is not a person."""
    return _from_environment("MICROMEGAS_CLIENT_AGENT") or (
        "claude-code" if os.environ.get("CLAUDECODE") else "none"
    )


def resolve_client_entrypoint(explicit: str | None = None) -> str:
    """How the client is used. Raises ``ValueError`` for an explicit label that is no label."""
    if explicit is not None:
        if not _is_label(explicit):
            raise ValueError(
                f"client_entrypoint must be 1 to {LONGEST} printable ASCII characters, "
                f"not {explicit!r}"
            )
        return explicit
    if label := _from_environment("MICROMEGAS_CLIENT_ENTRYPOINT"):
        return label
    if "ipykernel" in sys.modules:
        return "jupyter"
    if sys.argv[:1] == ["-c"]:
        return "script"
    if hasattr(sys, "ps1") or not hasattr(sys.modules.get("__main__"), "__file__"):
        return "repl"
    return "script"


def resolve_session_id() -> str:
    """The session of the agent, or a new one."""
    return _from_environment("CLAUDE_CODE_SESSION_ID") or str(uuid.uuid4())


def _from_environment(name: str) -> str | None:
    value = os.environ.get(name, "").strip()
    return value if _is_label(value) else None


def _is_label(text: str) -> bool:
    return len(text.strip()) > 0 and len(text) <= LONGEST and text.isascii() and text.isprintable()
