#!/usr/bin/env python3
"""Lists the requirements of authentication that no test names.

    scripts/requirements.py [--where]

A1 to A157 are what servers, the Python package, its commands and instrumented programs promise; one
that no test names is an error. B1 to B54 are what goes beyond it; they are listed and do not fail.

A test names a requirement with its number: in the name of a Go or Python test (TestA3…,
test_a3_…, test_a3_b7_…), in a string such as the name of a table's row, in a comment behind it, or in the comment
right above a test, a subtest or a row. A range such as "A41 to A44" says what a test is about and
not what it breaks, so it names nothing.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMISED = [f"A{n}" for n in range(1, 158)]
BEYOND = [f"B{n}" for n in range(1, 55)]

NUMBER = re.compile(r"\b([AB][1-9][0-9]{0,2})\b")
RANGE = re.compile(r"\b[AB][0-9]+\s*(?:-|\u2013|\u2026|\.\.+|\bto\b)\s*[AB]?[0-9]+\b")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
GO_TEST = re.compile(r"^func (?:Test|Fuzz|Benchmark)(?:([AB][1-9][0-9]*)(?![0-9]))?")
PYTHON_TEST = re.compile(r"^\s*(?:async )?def test_((?:[ab][1-9][0-9]*(?:_|(?=\()))*)")
BELOW_COMMENT = re.compile(
    r'^\s*(?:func (?:Test|Fuzz|Benchmark)|t\.Run\(|["`{]|@pytest|pytest\.param|def test_)'
)


def test_files() -> list[Path]:
    go = (
        path for path in ROOT.rglob("*_test.go") if "/." not in str(path.relative_to(ROOT.parent))
    )
    python = (ROOT / "python" / "tests").rglob("*.py")
    return sorted([*go, *(ROOT / "test" / "system").glob("*.py"), *python])


def named(path: Path) -> Iterator[tuple[str, int]]:
    """Every requirement that the file names, with the line."""
    marker, test = ("//", GO_TEST) if path.suffix == ".go" else ("#", PYTHON_TEST)
    comment: list[tuple[str, int]] = []
    docstring = False
    for at, line in enumerate(path.read_text().splitlines(), 1):
        text = RANGE.sub("", line)
        if text.lstrip().startswith(marker):
            comment += [(number, at) for number in NUMBER.findall(text)]
            continue
        if BELOW_COMMENT.match(text):
            yield from comment
        comment = []
        if (name := test.match(text)) and name[1]:
            yield from ((number, at) for number in name[1].upper().strip("_").split("_"))
        if path.suffix == ".py" and (docstring or '"""' in text):
            docstring ^= text.count('"""') % 2 == 1
            yield from ((number, at) for number in NUMBER.findall(text))
            continue
        behind = STRING.sub("", text).partition(marker)[2]
        for part in (*STRING.findall(text), behind):
            yield from ((number, at) for number in NUMBER.findall(part))


def main() -> int:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in test_files():
        for number, at in named(path):
            places[number].append(f"{path.relative_to(ROOT)}:{at}")
    if "--where" in sys.argv[1:]:
        for number in PROMISED + BEYOND:
            print(number, *places[number][:3])
    missing = [number for number in PROMISED if number not in places]
    beyond = [number for number in BEYOND if number not in places]
    if beyond:
        print("beyond the promise, named by no test:", *beyond)
    if missing:
        print("promised, named by no test:", *missing, file=sys.stderr)
        return 1
    print(f"each of {len(PROMISED)} promised requirements is named by a test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
