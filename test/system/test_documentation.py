"""The Python samples of README.md and docs/, as they stand there."""

import json
import re
import secrets
import warnings
from pathlib import Path

import pytest
from conftest import NewLake
from support.client import connect
from support.lake import Lake
from support.vectors import Capture

ROOT = Path(__file__).parents[2]
# Those of docs/authentication.md need providers, those of docs/python.md our own package.
PAGES = ("README.md", "docs/flight-sql.md")
SAMPLES = {
    f"{page}:{1 + text.count(chr(10), 0, sample.start())}": sample[1]
    for page in PAGES
    for text in [(ROOT / page).read_text()]
    for sample in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
}


@pytest.fixture
def documented(new_lake: NewLake) -> Lake:
    """A lake with the blocks of a recorded program, and an administrator's key."""
    key = secrets.token_urlsafe(32)
    keys = json.dumps([{"name": "root", "key": key, "admin": True}])
    lake = new_lake(environment={"MICROMEGAS_API_KEYS": keys})
    lake.key = key
    lake.start()
    Capture("v030").replay(lake.ingestion)
    return lake


def test_samples(documented: Lake) -> None:
    assert len(SAMPLES) >= 4
    uri = documented.analytics.uri
    client = connect(documented.analytics)
    for place, sample in SAMPLES.items():
        sample = re.sub(r"grpc://(127\.0\.0\.1|localhost):50051", uri, sample)
        sample = sample.replace("<the key>", documented.key)
        known = {"source": client, "target": client}  # a copy into itself changes nothing
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Cannot disable autocommit")
            exec(compile(sample, place, "exec"), known)  # noqa: S102 # the samples are ours


def anchor(heading: str) -> str:
    """What a heading is called in links, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def test_links() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "test/README.md"]
    pages += sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "python").glob("*.md"))
    broken = []
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if "://" in link:
                continue
            path, _, place = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists():
                broken.append(f"{page.name}: {link}")
            elif place and target.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                if place not in map(anchor, headings):
                    broken.append(f"{page.name}: {link}")
    assert broken == []
