"""Values as SQL text. Everything that a caller passes into a statement goes through here."""

from __future__ import annotations

__all__ = ["contains", "integer", "quote"]


def quote(value: object) -> str:
    """A string literal: the text in quotes, with each quote in it doubled.

    The dialect knows no other escape inside a plain literal (docs/sql.md). A NUL ends a text
    in some drivers, so it is refused.
    """
    text = str(value)
    if "\0" in text:
        raise ValueError("a text with a NUL character cannot be part of a statement")
    return "'" + text.replace("'", "''") + "'"


def integer(value: object) -> str:
    """An integer literal. Raises ``ValueError`` or ``TypeError`` for what is none."""
    if isinstance(value, (int, str)):
        return str(int(value))
    whole = int(value)  # type: ignore[call-overload] # numpy's integers
    if whole != value:
        raise ValueError(f"{value!r} is not a whole number")
    return str(whole)


def contains(column: str, text: str) -> str:
    """A condition: the column has the text in it, in any case; ``%`` and ``_`` mean themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{column} ILIKE {quote(f'%{escaped}%')} ESCAPE '\\'"
