"""`builderw`, as a newcomer runs it."""

import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout
from tests.integration.app.driver import Builder, Result

# Commands of the documentation that would build Kubernetes: here they build the small cluster, in this order.
SMALL = (
    "./builderw make",
    "./builderw make --offline",
    "./builderw vendor kept",
    "./builderw vendor --check kept",
    "./builderw make --from kept",
    "./builderw lock --update",
    "./builderw cache gc",
)


def run_script(builder: Builder, command: str) -> Result:
    """Run a command line in the checkout."""
    done = subprocess.run(
        shlex.split(command),
        cwd=builder.checkout.root,
        env={name: value for name, value in builder.environment.items() if name != "PYTHONPATH"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture
def scripted(stocked: Builder) -> Builder:
    """A builder whose cache has the Python environments of this user."""
    builder = stocked
    venv = find_project(os.environ).cache / "venv"
    venv.mkdir(parents=True, exist_ok=True)
    (builder.cache / "venv").symlink_to(venv)
    network = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTPS_", "https_"))}
    return replace(builder, extra={"PIP_INDEX_URL": "", "PIP_RETRIES": "5", **network})


def test_builderw_in_a_path_with_spaces(scripted: Builder) -> None:
    assert " " in str(scripted.checkout.root)
    for command in SMALL:
        result = run_script(scripted, command)
        assert result.code == 0, result.err
    assert (scripted.checkout.out / "edge/armv7/tiny").exists()


def test_builderw_by_a_link_and_from_elsewhere(scripted: Builder, place: Path) -> None:
    (place / "b").symlink_to(scripted.checkout.root / "builderw")
    assert run_script(scripted, f"'{place}/b' --version").out.startswith("builder ")


def test_bytecode_lies_in_the_cache(scripted: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for bytecode in scripted.checkout.root.rglob("__pycache__"):
        shutil.rmtree(bytecode)
    result = run_script(scripted, "./builderw --version")
    assert result.code == 0, result.err
    assert list((scripted.cache / "bytecode").rglob("builder/__main__.*.pyc"))
    assert list(scripted.checkout.root.rglob("__pycache__")) == []


def _empty_path(place: Path, *, python: Path | None = None) -> str:
    """A PATH with nothing but what the scripts themselves need, and `python` under the name python3."""
    tools = place / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink", "basename", "sha256sum", "mkdir", "mktemp", "rm", "mv", "touch", "cat"):
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    if python:
        (tools / "python3").symlink_to(python)
    return str(tools)


def test_a_missing_python_is_told_with_a_hint(builder: Builder, place: Path) -> None:
    bare = replace(builder, extra={"PATH": _empty_path(place), "BUILDER_CACHE": str(place / "new")})
    result = run_script(bare, "./builderw make")
    assert result.code == ExitCode.MISSING_TOOL
    assert result.err == (
        "error: Python 3.11 or newer is not on the PATH\nhint: install it, for example: apt install python3 python3-venv\n"
    )
    assert not (place / "new").exists()


def test_an_index_that_refuses_leaves_no_half_made_environment(builder: Builder, place: Path) -> None:
    path = _empty_path(place, python=Path(getattr(sys, "_base_executable", sys.executable)))
    bare = replace(builder, extra={"PATH": path, "BUILDER_CACHE": str(place / "new")})
    result = run_script(bare, "./builderw make")
    assert result.code == ExitCode.MISSING_TOOL
    assert "error: pip could not install the pinned requirements\nhint: is there a network?" in result.err
    assert list((place / "new" / "venv").iterdir()) == []


@pytest.mark.network
@pytest.mark.slow
def test_two_at_once_set_up_one_environment(builder: Builder, checkout: Checkout, place: Path) -> None:
    fresh = replace(
        builder,
        extra={
            "PIP_INDEX_URL": "",
            "PIP_RETRIES": "5",
            **os.environ,
            "BUILDER_CACHE": str(place / "new"),
            "HOME": str(place),
        },
    )
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda _: run_script(fresh, "./builderw --version"), range(2)))
    assert [result.code for result in results] == [0, 0], [result.err for result in results]
    (environment,) = (place / "new" / "venv").iterdir()
    assert environment.name.startswith("builder-")
    assert (environment / "complete").exists()
    assert checkout.root.exists()
