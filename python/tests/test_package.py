"""Wheel and sdist: what is in them, and that a clean environment can use them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
INSTALLED_WITHIN = 300.0  # seconds; the registry may be slow


def checked(*args: str | Path, within: float = 120.0) -> str:
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(
        args, capture_output=True, text=True, timeout=within, env=env, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel, made from the sdist as pip would."""
    folder = tmp_path_factory.mktemp("dist")
    checked(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, PACKAGE)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def test_what_is_in_the_wheel(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
        info = next(name.partition("/")[0] for name in names if ".dist-info/" in name)
        scripts = wheel.read(f"{info}/entry_points.txt").decode()
        metadata = wheel.read(f"{info}/METADATA").decode()
    assert "micromegas/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    sources = {p.relative_to(PACKAGE / "src").as_posix() for p in PACKAGE.glob("src/**/*.py")}
    assert sources == {name for name in names if name.endswith(".py")}
    for script in (
        "micromegas =",
        "micromegas-query =",
        "micromegas-logout =",
        "micromegas_logout =",
    ):
        assert script in scripts
    assert "Requires-Python: >=3.10" in metadata
    assert "License-Expression: Apache-2.0" in metadata


def test_what_is_in_the_sdist(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "src/micromegas/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.timeout(INSTALLED_WITHIN + 60)
def test_pip_install_into_a_clean_environment(tmp_path: Path) -> None:
    """Straight from the folder, dependencies from the registry; the published names are there."""
    venv = tmp_path / "venv"
    checked(sys.executable, "-m", "venv", venv)
    checked(venv / "bin" / "pip", "install", "--quiet", PACKAGE, within=INSTALLED_WITHIN)
    version = checked(
        venv / "bin" / "python", "-c", "import micromegas; print(micromegas.__version__)"
    ).strip()
    for script in ("micromegas", "micromegas-query", "micromegas-logout", "micromegas_logout"):
        assert checked(venv / "bin" / script, "--version").startswith(f"{script} {version} ")
    checked(
        venv / "bin" / "python",
        "-c",
        "from micromegas.flightsql.client import FlightSQLClient as C; C('grpc://127.0.0.1:1')",
    )
