"""The examples of the operator's page, run as they stand against a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lakes import ROOT, Lake

from .conftest import Browser
from .issuer import CLIENT, Issuer

PAGE = ROOT / "docs" / "authentication.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_a87_a99_a104_a114_a117_the_documented_examples(
    issuer: Issuer, browser: Browser, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only names are put in: the issuer, the client, the server. Port 48080 is the documented one."""
    assert len(EXAMPLES) == 3
    oidc = {"issuers": [{"issuer": issuer.url, "audience": CLIENT}]}
    with Lake(tmp_path, MICROMEGAS_OIDC_CONFIG=json.dumps(oidc)) as lake:
        names = {
            "https://id.example.com": issuer.url,
            "<client id>": CLIENT,
            "<client secret>": "a-secret",
            "grpc+tls://lake.example.com:50051": lake.uri,
        }
        (home / ".micromegas").mkdir(exist_ok=True)
        (home / ".micromegas" / "key").write_text(lake.key + "\n")
        for example in EXAMPLES:
            for placeholder, name in names.items():
                example = example.replace(placeholder, name)
            exec(compile(example, str(PAGE), "exec"), {})  # noqa: S102 our own page
    assert len(browser.urls) == 1, "only the first example opens a browser"
    assert lake.key not in capsys.readouterr().out
